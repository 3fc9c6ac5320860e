"""Optimizers: they bind parameters to new arrays, and never write into one that a tape may hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from nn.module import Parameter


class SGD:
    """Stochastic gradient descent with momentum, in PyTorch's form.

    g = grad + weight_decay * p;  v = momentum * v + (1 - dampening) * g, starting as g;
    p = p - lr * v, or with Nesterov's momentum p - lr * (g + momentum * v)
    (Sutskever et al. 2013, with the learning rate outside the velocity).

    Args:
        params: the parameters; those without a gradient are left alone.
        lr: learning rate, per step.
        momentum, dampening, weight_decay: as above, dimensionless.
        nesterov: needs momentum, and no dampening.
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        self.params = list(params)
        if not self.params:
            raise ValueError("SGD: no parameters given; pass model.parameters()")
        for name, value in {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}.items():
            if not value >= 0:
                raise ValueError(f"SGD: {name}={value} given, at least 0 expected")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov needs momentum above 0 and dampening 0, "
                f"{momentum} and {dampening} given"
            )
        self.lr, self.momentum, self.dampening = lr, momentum, dampening
        self.weight_decay, self.nesterov = weight_decay, nesterov
        self.velocities: list[NDArray[Any] | None] = [None] * len(self.params)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.params:
            p.grad = None

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad.data
            if self.weight_decay:
                g = g + self.weight_decay * p.data
            if self.momentum:
                v = self.velocities[i]
                v = g if v is None else self.momentum * v + (1 - self.dampening) * g
                self.velocities[i] = v
                g = g + self.momentum * v if self.nesterov else v
            p.data = p.data - self.lr * g
