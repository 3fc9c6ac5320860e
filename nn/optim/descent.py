"""Gradient descent with one rate for all numbers of a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn.optim.base import Optimizer, Parameters


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, in PyTorch's form.

    g = grad + weight_decay * p;  v = momentum * v + (1 - dampening) * g, starting as g;
    p = p - lr * v, or with Nesterov's momentum p - lr * (g + momentum * v)
    (Sutskever et al. 2013, with the learning rate outside the velocity).

    Args:
        params: parameters, or groups of them; those without a gradient are left alone.
        lr: learning rate, per step.
        momentum, dampening, weight_decay: as above, dimensionless.
        nesterov: needs momentum, and no dampening.
        maximize: whether to go up instead of down.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check(self, options: Mapping[str, Any]) -> None:
        super()._check(options)
        momentum, dampening = options["momentum"], options["dampening"]
        if options["nesterov"] and (momentum <= 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov needs momentum above 0 and dampening 0, "
                f"{momentum} and {dampening} given"
            )

    def _moved(self, p: Any, g: Any, state: dict[str, Any], options: Mapping[str, Any]) -> Any:
        if options["weight_decay"]:
            g = g + options["weight_decay"] * p
        momentum = options["momentum"]
        if momentum:
            v = state.get("momentum_buffer")
            # A copy: gradients may be cleared or clipped in place between two steps.
            v = g.copy() if v is None else momentum * v + (1 - options["dampening"]) * g
            state["momentum_buffer"] = v
            g = g + momentum * v if options["nesterov"] else v
        return p - options["lr"] * g
