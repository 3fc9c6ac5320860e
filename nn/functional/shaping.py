"""Layers that only arrange numbers."""

from __future__ import annotations

from math import prod

import numpy as np

from autograd import Tensor
from nn.functional.arguments import of_tensors


@of_tensors
def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from start_dim to end_dim, inclusive, as one; of a scalar, a vector of length 1.

    Raises:
        AxisError (an IndexError and a ValueError): x has no such axis.
        ValueError: start_dim comes after end_dim.
    """
    axes = max(x.ndim, 1)
    for name, dim in (("start_dim", start_dim), ("end_dim", end_dim)):
        if not -axes <= dim < axes:
            raise np.exceptions.AxisError(
                f"flatten: {name}={dim} given, an axis of a tensor of shape {x.shape} expected"
            )
    start, end = start_dim % axes, end_dim % axes
    if start > end:
        raise ValueError(f"flatten: start_dim={start_dim} comes after end_dim={end_dim}")
    return x.reshape(*x.shape[:start], prod(x.shape[start : end + 1]), *x.shape[end + 1 :])
