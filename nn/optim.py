"""Optimizers: they bind parameters to new arrays, and never write into one that a tape may hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor
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
        if isinstance(params, Tensor):
            raise TypeError("SGD: a single tensor given, a list of parameters expected")
        self.params = list(params)
        if not self.params:
            raise ValueError("SGD: no parameters given; pass model.parameters()")
        if len({id(p) for p in self.params}) < len(self.params):
            raise ValueError("SGD: a parameter is given twice, and would move twice a step")
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
                g = g + float(self.weight_decay) * p.data
            if self.momentum:
                v, momentum = self.velocities[i], float(self.momentum)
                v = g.copy() if v is None else momentum * v + float(1 - self.dampening) * g
                self.velocities[i] = v
                g = g + momentum * v if self.nesterov else v
            # A rate from NumPy would turn float32 into float64, and 0-d arrays into scalars.
            p.data = np.asarray(p.data - float(self.lr) * g)
