"""Linear maps of features: dense, and of one-hot vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.engine.modes import array_within
from nn.functional.arguments import as_indices, expect_shape, of_tensors


@of_tensors
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b. x (..., in), weight (out, in), bias (out,); the result is (..., out)."""
    if not x.ndim or x.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"linear: x of shape {x.shape} given, (..., {weight.shape[-1]}) expected by a weight "
            f"of shape {weight.shape}"
        )
    expect_shape("linear", "bias", bias, (weight.shape[0],))
    y = x @ weight.T
    return y if bias is None else y + bias


@of_tensors
def embedding(input: Any, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """Row input[...] of weight, for each: a linear map of one-hot vectors.

    Args:
        input: integers of any shape (...), from 0 up to the number of rows.
        weight: (rows, features).
        padding_idx: a row that gets no gradient from here; negative ones count from the end.

    Returns:
        (..., features).

    Raises:
        ValueError: an index that is no row, or is no integer.
    """
    indices = np.asarray(array_within(input) if isinstance(input, Tensor) else input)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight (rows, features) expected, {weight.shape} given")
    rows = weight.shape[0]
    if indices.dtype.kind not in "iu":
        raise ValueError(f"embedding: integer indices expected, {indices.dtype} given")
    indices = as_indices("embedding", "indices", input, rows)
    y = weight[indices]
    if padding_idx is None:
        return y
    if not -rows <= padding_idx < rows:
        raise ValueError(f"embedding: padding_idx={padding_idx} given, one of {rows} rows expected")
    padding = np.equal(indices, padding_idx % rows)[..., None]
    return ag.where(padding, y.detach(), y)
