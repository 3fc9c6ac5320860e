"""Reading by index, and its adjoint, adding by index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.primitives import primitive
from autograd.tensor import Tensor

Array = NDArray[Any]


@primitive(kind="gather")
def getitem(x: Array, index: Any) -> Array:
    """x[index], for any index that NumPy takes: basic, boolean or integer arrays."""
    return np.asarray(x[index])


@primitive(kind="gather")
def scatter(g: Array, index: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape`, with g added at index; repeated indices add up."""
    # In the order of memory of g where the axes are the same, so that what follows runs along it.
    out = np.zeros_like(g, shape=shape) if g.ndim == len(shape) else np.zeros(shape, g.dtype)
    if _is_basic(index):
        out[index] = g  # reaches no element twice
    else:
        np.add.at(out, index, g)
    return out


getitem.defvjp(lambda g, out, x, index: scatter(g, index, x.shape))
scatter.defvjp(lambda g, out, _, index, shape: getitem(g, index))


def as_index(index: Any) -> Any:
    """An index with the tensors in it as arrays."""
    if isinstance(index, tuple):
        return tuple(i.data if isinstance(i, Tensor) else i for i in index)
    return index.data if isinstance(index, Tensor) else index


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        isinstance(i, int | np.integer | slice | type(None) | type(...)) and not isinstance(i, bool)
        for i in parts
    )
