"""Leaves and what backward leaves in them, and an op whose rules the test gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor, primitive
from autograd.engine.primitives import Primitive

Array = NDArray[Any]


def leaf(*values: Any, dtype: Any = np.float64) -> Tensor:
    """A tensor that wants a gradient: of one value a 0-d one, of more a vector."""
    return Tensor(values[0] if len(values) == 1 else values, requires_grad=True, dtype=dtype)


def grad(x: Tensor) -> Array:
    """The gradient that backward left in x, which has to be there."""
    assert x.grad is not None
    return x.grad.data


def records() -> bool:
    """Whether an op on a leaf is recorded here and now."""
    return (leaf(1.0) * 2).requires_grad


def identity(*rules: Any, broadcasts: bool = False) -> Primitive:
    """A primitive `same`: its first argument, with the rules given."""

    @primitive(broadcasts=broadcasts)
    def same(x: Array, *others: Any) -> Array:
        out = x + 0 * others[0] if others else x * 1
        return np.asarray(out)

    return same.defvjp(*rules)
