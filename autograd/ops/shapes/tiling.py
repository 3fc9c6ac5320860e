"""Arrays made of repetitions: of each element, or of the whole."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from autograd.engine.modes import array_within
from autograd.engine.tensor import Operand, Tensor
from autograd.ops.arguments import expect_constants, named
from autograd.ops.shapes.indexing import as_index, take
from autograd.ops.shapes.shape import as_tensor, broadcast_to, ravel, reshape, transpose


@named
def repeat(x: Operand, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element of x, or each slice along an axis, several times in a row.

    Args:
        repeats: how many times: one number, or one for each place along the axis.
        axis: without it, x is flattened first.

    Raises:
        ValueError: a negative number, or not as many as the axis has places.
    """
    expect_constants("repeat", repeats=repeats)
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis_index(axis, x.ndim)
    counts = np.asarray(as_index(repeats))
    if counts.dtype.kind not in "iu" or counts.ndim > 1 or counts.size not in (1, x.shape[axis]):
        raise ValueError(
            f"repeat: {repeats} given for axis {axis} of shape {x.shape}; a whole number, or "
            f"{x.shape[axis]} of them, expected"
        )
    if (counts < 0).any():
        raise ValueError(f"repeat: {repeats} given, numbers of at least 0 expected")
    if counts.size > 1:
        return take(x, np.repeat(np.arange(x.shape[axis]), counts), axis)
    inner = [1] * x.ndim
    inner[axis] = counts.item()
    return _repeated(x, [1] * x.ndim, inner)


@named
def tile(x: Operand, reps: int | Sequence[int]) -> Tensor:
    """x laid side by side, reps[i] times along axis i.

    The shorter of x.shape and reps gets ones in front, as in broadcasting.
    """
    expect_constants("tile", reps=reps)
    x = as_tensor(x)
    times = [operator.index(n) for n in (reps if isinstance(reps, Sequence) else (reps,))]
    if any(n < 0 for n in times):
        raise ValueError(f"tile: {reps} given, numbers of at least 0 expected")
    ndim = max(x.ndim, len(times))
    x = reshape(x, (1,) * (ndim - x.ndim) + x.shape)
    return _repeated(x, [1] * (ndim - len(times)) + times, [1] * ndim)


def _repeated(x: Tensor, outer: list[int], inner: list[int]) -> Tensor:
    """Along axis i, each element inner[i] times, and the whole of that outer[i] times.

    The axes are in the order in which they lie in memory when they are merged, since that copies
    to row-major memory.
    """
    order = sorted(range(x.ndim), key=lambda axis: -abs(array_within(x).strides[axis]))
    axes = [(outer[a], x.shape[a], inner[a]) for a in order]
    apart = reshape(transpose(x, order), tuple(n for _, m, _ in axes for n in (1, m, 1)))
    filled = broadcast_to(apart, tuple(n for axis in axes for n in axis))
    merged = reshape(filled, tuple(prod(axis) for axis in axes))
    return transpose(merged, np.argsort(order).tolist())
