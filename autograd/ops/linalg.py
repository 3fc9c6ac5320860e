"""Matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autograd.ops.shape import swapaxes
from autograd.primitives import primitive

if TYPE_CHECKING:
    from autograd.tensor import Tensor

Array = NDArray[Any]


@primitive(kind="contraction", expects="x (..., n, k) and y (..., k, m), or vectors of length k")
def matmul(x: Array, y: Array) -> Array:
    """x @ y over the last two axes; leading axes broadcast, and a vector is a row or a column."""
    return np.asarray(np.matmul(x, y))


# d(XY) = dX Y + X dY, so <G, dX Y> = <G Y^T, dX> and <G, X dY> = <X^T G, dY> (Giles 2008, 2.2.1).
# A vector takes part as a matrix of one row or column; the sweep sums over broadcast axes.
def _pull_x(g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Tensor:
    if y.ndim == 1:
        return g[..., None] * y
    if x.ndim == 1:
        return (g[..., None, :] @ swapaxes(y, -1, -2))[..., 0, :]
    return _product_stored_as(x, g, swapaxes(y, -1, -2))


def _pull_y(g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Tensor:
    if x.ndim == 1:
        return x[:, None] * g[..., None, :] if y.ndim > 1 else g * x
    if y.ndim == 1:
        return (swapaxes(x, -1, -2) @ g[..., None])[..., 0]
    return _product_stored_as(y, swapaxes(x, -1, -2), g)


def _product_stored_as(model: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """x @ y, stored column by column where `model` is, so that what follows runs along memory.

    In one step of the basic net, the gradient of the flattened images stored the other way round
    made the ops before it three times slower.
    """
    strides = model.data.strides[-2:]
    if strides[0] < strides[1]:
        return swapaxes(swapaxes(y, -1, -2) @ swapaxes(x, -1, -2), -1, -2)
    return x @ y


matmul.defvjp(_pull_x, _pull_y)
