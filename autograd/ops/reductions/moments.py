"""Variance and standard deviation."""

from __future__ import annotations

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Tensor
from autograd.ops.reductions.norms import over
from autograd.ops.reductions.reduction import mean, reduced_axes, reduced_size, spread
from autograd.runtime.threads import reduced


@primitive(kind="reduction")
def var(x: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """The variance: the sum of squared deviations from the mean, divided by their number - ddof.

    ddof = 1 gives the unbiased estimate from a sample.
    """
    axes = reduced_axes(axis, x.ndim)
    return reduced(lambda x: np.var(x, axis=axes, ddof=ddof, keepdims=keepdims), axes, keepdims, x)


var.defvjp(
    lambda g, out, x, axis=None, ddof=0, keepdims=False: _to_deviations(2 * g, x, axis, ddof),
    keeps=["x"],
)


@primitive(kind="reduction")
def std(x: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """The standard deviation, the square root of `var`. Where it is 0, its slope is taken as 0."""
    axes = reduced_axes(axis, x.ndim)
    return reduced(lambda x: np.std(x, axis=axes, ddof=ddof, keepdims=keepdims), axes, keepdims, x)


std.defvjp(
    lambda g, out, x, axis=None, ddof=0, keepdims=False: _to_deviations(
        over(g, out), x, axis, ddof
    ),
    keeps=["out x"],
)


def _to_deviations(g: Tensor, x: Tensor, axis: Axis, ddof: float) -> Tensor:
    degrees = reduced_size(x.shape, axis) - ddof
    return spread(g / max(degrees, 0), x.shape, axis) * (x - mean(x, axis, keepdims=True))
