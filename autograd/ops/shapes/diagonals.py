"""Triangles and diagonals of matrices, (..., n, m)."""

from __future__ import annotations

import numpy as np

from autograd.engine.tensor import Array, Operand, Tensor
from autograd.ops.arguments import expect_constants, named
from autograd.ops.elementwise.selection import where
from autograd.ops.reductions.reduction import sum as sum_over
from autograd.ops.shapes.indexing import getitem, scatter
from autograd.ops.shapes.shape import as_tensor, moveaxis


def tril(x: Operand, k: int = 0) -> Tensor:
    """The matrices with zeros above their k-th diagonal; 0 is the main one, 1 the one above it."""
    x = as_tensor(x)
    return where(_triangle("tril", x, k), x, 0)


def triu(x: Operand, k: int = 0) -> Tensor:
    """The matrices with zeros below their k-th diagonal; 0 is the main one, 1 the one above it."""
    x = as_tensor(x)
    return where(_triangle("triu", x, k - 1), 0, x)


def _triangle(name: str, x: Tensor, k: int) -> Array:
    """True on and below the k-th diagonal of the matrices."""
    _expect_matrices(name, x)
    expect_constants(name, k=k)
    return np.tri(x.shape[-2], x.shape[-1], k, dtype=np.bool_)


@named
def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements x[..., i, i + offset] of the matrices in two axes, along a new last axis."""
    x = as_tensor(x)
    _expect_matrices("diagonal", x)
    expect_constants("diagonal", offset=offset)
    matrices = moveaxis(x, (axis1, axis2), (-2, -1))
    n, m = matrices.shape[-2:]
    return getitem(matrices, (..., *_places(n, m, offset)))


@named
def diag(x: Operand, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix; of a vector, the matrix that has it there and zeros elsewhere.

    Raises:
        ValueError: x is neither; `diagonal` takes stacks of matrices.
    """
    x = as_tensor(x)
    expect_constants("diag", k=k)
    if x.ndim == 1:
        n = x.size + abs(k)
        return scatter(x, _places(n, n, k), (n, n))
    if x.ndim != 2:
        raise ValueError(
            f"diag: a tensor of shape {x.shape} given, a vector or a matrix expected; "
            "diagonal takes stacks of matrices"
        )
    return diagonal(x, k)


@named
def trace(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of a diagonal; see `diagonal`."""
    return sum_over(diagonal(x, offset, axis1, axis2), -1)


def _expect_matrices(name: str, x: Tensor) -> None:
    if x.ndim < 2:
        raise ValueError(
            f"{name}: a tensor of shape {x.shape} given, matrices (..., n, m) expected"
        )


def _places(n: int, m: int, k: int) -> tuple[Array, Array]:
    """Rows and columns of the k-th diagonal of an n by m matrix."""
    rows = np.arange(max(-k, 0), min(n, m - k))
    return rows, rows + k
