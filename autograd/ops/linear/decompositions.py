"""Factors of a matrix, or of each of a stack of matrices: cholesky, qr. See spectral.py for others.

Of symmetric matrices. NumPy reads one triangle of them and believes the other to be the same. Here
`cholesky`, `eigh` and `eigvalsh` take the symmetric part (x + x^T) / 2, as JAX does: for symmetric
matrices the same function, and one whose gradient is symmetric, as PyTorch's is, and is what
moving one element at a time gives.
"""

from __future__ import annotations

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Tensor
from autograd.ops.linear.linalg import solve
from autograd.ops.shapes.padding import pad

_ROUNDING = 16  # times the resolution of the dtype and the largest value: what counts as equal
SYMMETRIC = "symmetric matrices (..., n, n)"


def symmetric_part(x: Array) -> Array:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError("the matrices are not square")
    return np.asarray((x + x.swapaxes(-1, -2).conj()) / 2)


# --- cholesky ------------------------------------------------------------------------------------


@primitive(kind="contraction", expects=f"{SYMMETRIC} that are positive definite")
def cholesky(x: Array, upper: bool = False) -> Array:
    """The lower triangular L with x = L L^T; with `upper` its transpose.

    Of x, (..., n, n), the symmetric part is taken, see above; the gradient is symmetric.
    """
    return np.asarray(np.linalg.cholesky(symmetric_part(x), upper=upper))


# X' = L^-T phi(L^T L') L^-1, made symmetric, where phi takes the lower triangle and halves its
# diagonal (Murray 2016, "Differentiation of the Cholesky decomposition", section 3).
def _pull_cholesky(g: Tensor, out: Tensor, x: Tensor, upper: bool = False) -> Tensor:
    lower, g = (out.mT, g.mT) if upper else (out, g)
    inner = solve(lower.mT, triangle(lower.mT @ g, 0.5))
    pulled = solve(lower.mT, inner.mT)
    return (pulled + pulled.mT) / 2


cholesky.defvjp(_pull_cholesky, keeps=["out"])


def triangle(x: Tensor, diagonal: float) -> Tensor:
    """x below its diagonal, its diagonal times a number, and zeros above."""
    n = x.shape[-1]
    weights = np.tril(np.ones((n, n), x.dtype), -1) + diagonal * np.eye(n, dtype=x.dtype)
    return x * weights.astype(x.dtype)


# --- qr ------------------------------------------------------------------------------------------


@primitive(kind="contraction", expects="matrices (..., m, n)")
def qr(x: Array, mode: str = "reduced") -> tuple[Array, Array]:
    """(Q, R) with x = Q R: Q^T Q = 1, and R is upper triangular.

    x (..., m, n) gives Q (..., m, k) and R (..., k, n), k = min(m, n). The first k columns of x
    must be linearly independent for a gradient. Of NumPy's modes there is "reduced".
    """
    if mode != "reduced":
        raise ValueError(f"mode={mode!r} given; 'reduced' is the only one that is offered")
    return np.linalg.qr(x)


def _pull_qr(
    g: tuple[Tensor, Tensor], out: tuple[Tensor, Tensor], x: Tensor, mode: str = "reduced"
) -> Tensor:
    (gq, gr), (q, r) = g, out
    m, n = x.shape[-2:]
    sizes = np.abs(np.diagonal(r.data, axis1=-2, axis2=-1))
    if np.any(sizes <= tiny(sizes)):
        raise ValueError(
            f"the gradient of 'qr' at {x.dtype} {x.shape}: there is none, as the first "
            f"{min(m, n)} columns of a matrix are linearly dependent"
        )
    if m >= n:
        return _pull_tall(gq, gr, q, r)
    # Of [X Y] = Q [R Z], X is square and Z = Q^T Y.
    gz = gr[..., m:]
    square = _pull_tall(gq + x[..., m:] @ gz.mT, gr[..., :m], q, r[..., :m])
    beside = [(0, 0)] * (x.ndim - 1)
    return pad(square, [*beside, (0, n - m)]) + pad(q @ gz, [*beside, (m, 0)])


# X' = (Q' + Q copyltu(M)) R^-T for M = R R'^T - Q'^T Q, where copyltu mirrors the lower triangle to
# the upper (Walter and Lehmann 2010, "Algorithmic differentiation of linear algebra functions with
# application in optimum experimental design"; for LQ, Seeger et al. 2017, "Auto-differentiating
# linear algebra").
def _pull_tall(gq: Tensor, gr: Tensor, q: Tensor, r: Tensor) -> Tensor:
    half = triangle(r @ gr.mT - gq.mT @ q, 0.5)
    return solve(r, (gq + q @ (half + half.mT)).mT).mT


qr.defvjp(_pull_qr, keeps=["out x"])


def tiny(values: Array) -> Array:
    """What of numbers of the size of these is rounding; the shape has 1 for the last axis."""
    largest = np.abs(values).max(axis=-1, keepdims=True, initial=0)
    return np.asarray(_ROUNDING * np.finfo(values.dtype).eps * largest)
