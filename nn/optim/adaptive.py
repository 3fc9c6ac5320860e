"""Optimizers that divide each number of a gradient by its own recent size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nn.optim.base import Optimizer, Parameters


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, alg. 1), in PyTorch's form.

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2, both from 0;
    p = p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) at step t = 1, 2, ...

    Args:
        params: parameters, or groups of them; those without a gradient are left alone, and their
            steps do not count.
        lr: learning rate, per step.
        betas: (b1, b2), each from 0 to below 1.
        eps: in units of a gradient.
        weight_decay: what times p is added to the gradient.
        amsgrad: whether to divide by the largest v so far (Reddi et al. 2018, alg. 2).
        maximize: whether to go up instead of down.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check(self, options: Mapping[str, Any]) -> None:
        super()._check(options)
        betas = options["betas"]
        if not isinstance(betas, tuple) or not all(isinstance(b, int | float) for b in betas):
            raise TypeError(f"{self._name}: betas={betas!r:.40} given, two numbers expected")
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"{self._name}: betas={betas} given, two from 0 to below 1 expected")

    def _moved(self, p: Any, g: Any, state: dict[str, Any], options: Mapping[str, Any]) -> Any:
        p, g = self._decayed(p, g, options)
        b1, b2 = options["betas"]
        t = state["step"] = state.get("step", 0) + 1
        m = state["exp_avg"] = b1 * state.get("exp_avg", 0.0) + (1 - b1) * g
        v = state["exp_avg_sq"] = b2 * state.get("exp_avg_sq", 0.0) + (1 - b2) * (g * g)
        if options["amsgrad"]:
            v = state["max_exp_avg_sq"] = np.maximum(state.get("max_exp_avg_sq", v), v)
        # The corrections are Python's numbers, in double precision whatever the parameter's.
        deviation = np.sqrt(v) / (1 - b2**t) ** 0.5 + options["eps"]
        return p - options["lr"] / (1 - b1**t) * (m / deviation)

    def _decayed(self, p: Any, g: Any, options: Mapping[str, Any]) -> tuple[Any, Any]:
        if options["weight_decay"]:
            g = g + options["weight_decay"] * p
        return p, g


class AdamW(Adam):
    """Adam with its weight decay apart from the gradient (Loshchilov & Hutter 2019, alg. 2).

    p = (1 - lr * weight_decay) p, and then Adam's step without decay. Arguments are Adam's.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

    def _decayed(self, p: Any, g: Any, options: Mapping[str, Any]) -> tuple[Any, Any]:
        if options["weight_decay"]:
            p = (1 - options["lr"] * options["weight_decay"]) * p
        return p, g


class RMSprop(Optimizer):
    """Division by a running root mean square (Tieleman & Hinton 2012, lecture 6.5), in PyTorch's
    form.

    v = alpha v + (1 - alpha) g^2 from 0;  p = p - lr g / (sqrt(v) + eps).
    `centered` subtracts the square of the running mean of g from v (Graves 2013, eq. 38 to 41).
    With momentum, u = momentum u + g / (sqrt(v) + eps) from 0 takes the place of the quotient.

    Args:
        params: parameters, or groups of them; those without a gradient are left alone.
        lr: learning rate, per step.
        alpha, momentum: as above, dimensionless.
        eps: in units of a gradient.
        weight_decay: what times p is added to the gradient.
        centered: as above.
        maximize: whether to go up instead of down.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _moved(self, p: Any, g: Any, state: dict[str, Any], options: Mapping[str, Any]) -> Any:
        if options["weight_decay"]:
            g = g + options["weight_decay"] * p
        alpha, momentum = options["alpha"], options["momentum"]
        state["step"] = state.get("step", 0) + 1  # unused here; PyTorch's state has it
        v = state["square_avg"] = alpha * state.get("square_avg", 0.0) + (1 - alpha) * (g * g)
        if options["centered"]:
            mean = state["grad_avg"] = alpha * state.get("grad_avg", 0.0) + (1 - alpha) * g
            v = v - mean * mean
        quotient = g / (np.sqrt(v) + options["eps"])
        if momentum:
            quotient = momentum * state.get("momentum_buffer", 0.0) + quotient
            state["momentum_buffer"] = quotient
        return p - options["lr"] * quotient


class Adagrad(Optimizer):
    """Division by the root of all squares so far (Duchi et al. 2011, fig. 1), in PyTorch's form.

    v = v + g^2 from initial_accumulator_value;
    p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps) at step t = 1, 2, ...

    Args:
        params: parameters, or groups of them; those without a gradient are left alone.
        lr: learning rate, per step.
        lr_decay: per step, as above.
        weight_decay: what times p is added to the gradient.
        initial_accumulator_value: in units of a squared gradient.
        eps: in units of a gradient.
        maximize: whether to go up instead of down.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _check(self, options: Mapping[str, Any]) -> None:
        super()._check(options)
        start = options["initial_accumulator_value"]
        if not start >= 0:
            raise ValueError(
                f"Adagrad: initial_accumulator_value={start} given, at least 0 expected"
            )

    def _moved(self, p: Any, g: Any, state: dict[str, Any], options: Mapping[str, Any]) -> Any:
        if options["weight_decay"]:
            g = g + options["weight_decay"] * p
        t = state["step"] = state.get("step", 0) + 1
        v = state["sum"] = state.get("sum", options["initial_accumulator_value"]) + g * g
        lr = options["lr"] / (1 + (t - 1) * options["lr_decay"])
        return p - lr * (g / (np.sqrt(v) + options["eps"]))
