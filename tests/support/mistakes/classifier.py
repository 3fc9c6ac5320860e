"""A small classifier, into whose gradients mistakes are planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autograd import Tensor
from autograd.checking.diagnosis import Context, Hypothesis, diagnose
from autograd.checking.reference import Reference
from nn import functional as F

Array = NDArray[Any]


PRECISIONS = [np.float64, np.float32]


every_precision = pytest.mark.parametrize("dtype", PRECISIONS)


class Network:
    """A small classifier: linear, batch normalisation, ReLU, a square linear map, cross-entropy."""

    def __init__(
        self, rng: np.random.Generator, dtype: Any, scale: float, n: int = 8, k: int = 5
    ) -> None:
        def leaf(*shape: int) -> Tensor:
            return Tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True)

        self.labels = rng.integers(0, k, n)
        self.x, self.V, self.gamma, self.beta = leaf(n, 6), leaf(k, 6), leaf(k), leaf(k)
        self.W, self.b = leaf(k, k), leaf(k)
        self.u = F.linear(self.x, self.V)
        self.h = F.batch_norm(self.u, None, None, self.gamma, self.beta, training=True)
        self.a = F.relu(self.h)
        self.z = F.linear(self.a, self.W, self.b)
        self.loss = F.cross_entropy(self.z, self.labels) * scale
        self.reference = Reference(self.loss)

    def right(self, name: str) -> Array:
        return self.reference.gradient(self.place(name))

    def place(self, name: str) -> Any:
        return getattr(self, name)._place

    def diagnosed(self, name: str, given: Any, **quantities: float) -> list[Hypothesis]:
        dtype = getattr(self, name).dtype
        limit = self.reference.limit(self.place(name), dtype)
        context = Context(
            self.reference.flow, self.reference.place(self.place(name)), dict(quantities)
        )
        return diagnose(np.asarray(given).astype(dtype), self.right(name), limit, context)


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def single(
    loss: Tensor, tensor: Tensor, given: Any, **quantities: float
) -> tuple[list[Hypothesis], Array]:
    """The diagnosis of one gradient, and the right one."""
    assert tensor._place is not None
    reference = Reference(loss)
    right = reference.gradient(tensor._place)
    context = Context(reference.flow, reference.place(tensor._place), dict(quantities))
    wrong = np.asarray(given(right) if callable(given) else given)
    limit = reference.limit(tensor._place, tensor.dtype)
    return diagnose(wrong.astype(tensor.dtype), right, limit, context), right
