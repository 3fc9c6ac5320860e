"""Factors of a matrix, or of each of a stack of matrices: cholesky, qr, eigh, svd.

Of symmetric matrices. NumPy reads one triangle of them and believes the other to be the same. Here
`cholesky`, `eigh` and `eigvalsh` take the symmetric part (x + x^T) / 2, as JAX does: for symmetric
matrices the same function, and one whose gradient is symmetric, as PyTorch's is, and is what
moving one element at a time gives.

Of repeated values. Singular vectors and eigenvectors are not unique where values repeat: any basis
of their common space will do. A function that does not depend on the choice has a gradient there,
and gets it; one that changes as the basis turns has none, and backward raises ValueError. The
values themselves, which come sorted, have a kink there; their gradient is that of one choice of the
basis. Second derivatives at repeated values are refused, and for matrices that are not square at
singular values of zero. Values closer than rounding can tell count as equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.engine.modes import mode
from autograd.engine.primitives import primitive
from autograd.engine.tape import Refusal
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.ops.elementwise.selection import where
from autograd.ops.linear.linalg import solve
from autograd.ops.shapes.padding import pad

_SYMMETRIC = "symmetric matrices (..., n, n)"
_ROUNDING = 16  # times the resolution of the dtype and the largest value: what counts as equal


def _symmetric_part(x: Array) -> Array:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError("the matrices are not square")
    return np.asarray((x + x.swapaxes(-1, -2).conj()) / 2)


# --- cholesky ------------------------------------------------------------------------------------


@primitive(kind="contraction", expects=f"{_SYMMETRIC} that are positive definite")
def cholesky(x: Array, upper: bool = False) -> Array:
    """The lower triangular L with x = L L^T; with `upper` its transpose.

    Of x, (..., n, n), the symmetric part is taken, see above; the gradient is symmetric.
    """
    return np.asarray(np.linalg.cholesky(_symmetric_part(x), upper=upper))


# X' = L^-T phi(L^T L') L^-1, made symmetric, where phi takes the lower triangle and halves its
# diagonal (Murray 2016, "Differentiation of the Cholesky decomposition", section 3).
def _pull_cholesky(g: Tensor, out: Tensor, x: Tensor, upper: bool = False) -> Tensor:
    lower, g = (out.mT, g.mT) if upper else (out, g)
    inner = solve(lower.mT, _triangle(lower.mT @ g, 0.5))
    pulled = solve(lower.mT, inner.mT)
    return (pulled + pulled.mT) / 2


cholesky.defvjp(_pull_cholesky, keeps=["out"])


def _triangle(x: Tensor, diagonal: float) -> Tensor:
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
    if np.any(sizes <= _tiny(sizes)):
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
    half = _triangle(r @ gr.mT - gq.mT @ q, 0.5)
    return solve(r, (gq + q @ (half + half.mT)).mT).mT


qr.defvjp(_pull_qr, keeps=["out x"])


# --- values that repeat --------------------------------------------------------------------------


def _tiny(values: Array) -> Array:
    """What of numbers of the size of these is rounding; the shape has 1 for the last axis."""
    largest = np.abs(values).max(axis=-1, keepdims=True, initial=0)
    return np.asarray(_ROUNDING * np.finfo(values.dtype).eps * largest)


def _equal_pairs(values: Array) -> Array:
    """Whether values i and j are as good as equal: (..., n) gives (..., n, n)."""
    gaps = np.abs(values[..., None, :] - values[..., :, None])
    return np.asarray(gaps <= _tiny(values)[..., None])


def _divided(x: Tensor, by: Tensor, vanishing: Array, op: str, size: float) -> Tensor:
    """x / by; zero where `by` vanishes, and x must then vanish too.

    x holds the slope along a turn of each pair of vectors, within whose space there is no preferred
    basis where `by` vanishes. A function that does not prefer one has a slope of zero.
    """
    stray = np.abs(np.where(vanishing, x.data, 0)).max(initial=0)
    if stray > np.sqrt(np.finfo(x.dtype).eps) * size:
        raise ValueError(
            f"the gradient of '{op}': there is none, as values repeat and the function depends on "
            "the choice of the vectors that belong to them; take a function of their common space, "
            "or of the values alone"
        )
    return where(vanishing, 0, x / where(vanishing, 1, by))


def _once(pulled: Tensor, special: bool, op: str) -> Tensor:
    """A gradient at repeated or vanishing values, which refuses to be differentiated again."""
    if not (special and mode.recording):
        return pulled
    reason = (
        f"the second derivative of '{op}' was asked for where values repeat, or where those of a "
        "matrix that is not square vanish: it is not known there"
    )
    return wrap(pulled.data, Refusal(reason))


def _repeats(equal_pairs: Array) -> bool:
    return bool(np.count_nonzero(equal_pairs) > equal_pairs.size // max(equal_pairs.shape[-1], 1))


def _is_absent(g: Tensor) -> bool:
    """Whether g stands for no gradient at all: constant zeros."""
    return not g.requires_grad and not g.data.any()


def _size(x: Tensor) -> float:
    return float(np.abs(x.data).max(initial=0))


def _skew(x: Tensor) -> Tensor:
    return x - x.mT


# --- eigh ----------------------------------------------------------------------------------------


@primitive(kind="contraction", expects=_SYMMETRIC)
def eigh(x: Array, UPLO: str | None = None) -> tuple[Array, Array]:
    """(eigenvalues, eigenvectors) of symmetric matrices: x = V diag(w) V^T, w ascending.

    x (..., n, n) gives w (..., n) and V (..., n, n), an eigenvector in each column, of arbitrary
    sign.

    Args:
        x: the matrices, of which the symmetric part is taken, see above.
        UPLO: "L" or "U" to take the lower or the upper triangle instead; so does the gradient then.
    """
    return np.linalg.eigh(*_as_read(x, UPLO))


@primitive(kind="contraction", expects=_SYMMETRIC)
def eigvalsh(x: Array, UPLO: str | None = None) -> Array:
    """The eigenvalues of symmetric matrices alone; see eigh."""
    return np.asarray(np.linalg.eigvalsh(*_as_read(x, UPLO)))


def _as_read(x: Array, UPLO: str | None) -> tuple[Array, Any]:
    return (_symmetric_part(x), "L") if UPLO is None else (x, UPLO)


def _to_read(pulled: Tensor, UPLO: str | None) -> Tensor:
    """A gradient that is symmetric, but for rounding, as that of what was read: the symmetric part,
    or a triangle, of which an element off the diagonal stands for two."""
    if UPLO is None:
        return (pulled + pulled.mT) / 2
    lower = _triangle(2 * pulled, 0.5)
    return lower if UPLO.upper() == "L" else lower.mT


# X' = V (diag(w') + skew(V^T V') / (2 (w_j - w_i))) V^T (Giles 2008, 3.1, made symmetric; Seeger et
# al. 2017).
def _pull_eigh(
    g: tuple[Tensor, Tensor], out: tuple[Tensor, Tensor], x: Tensor, UPLO: str | None = None
) -> Tensor:
    (gw, gv), (w, v) = g, out
    equal = _equal_pairs(w.data)
    pulled = (v * gw[..., None, :]) @ v.mT
    if not _is_absent(gv):
        gaps = 2 * (w[..., None, :] - w[..., :, None])
        pulled = pulled + v @ _divided(_skew(v.mT @ gv), gaps, equal, "eigh", _size(gv)) @ v.mT
    return _to_read(_once(pulled, _repeats(equal), "eigh"), UPLO)


def _pull_eigvalsh(g: Tensor, out: Tensor, x: Tensor, UPLO: str | None = None) -> Tensor:
    w, v = eigh(x, UPLO)
    pulled = (v * g[..., None, :]) @ v.mT
    return _to_read(_once(pulled, _repeats(_equal_pairs(w.data)), "eigvalsh"), UPLO)


eigh.defvjp(_pull_eigh, keeps=["out"])
eigvalsh.defvjp(_pull_eigvalsh, keeps=["x"])


# --- svd -----------------------------------------------------------------------------------------


@primitive(kind="contraction", expects="matrices (..., m, n)")
def svd(
    x: Array, full_matrices: bool = True, compute_uv: bool = True
) -> tuple[Array, Array, Array] | Array:
    """(U, S, Vh) with x = U diag(S) Vh, and S descending; without `compute_uv` S alone.

    x (..., m, n) gives U (..., m, k), S (..., k) and Vh (..., k, n), k = min(m, n). The vectors
    have arbitrary signs, one for each column of U and the row of Vh that belongs to it.

    NumPy's default is full_matrices=True, which would fill U or Vh up with columns or rows that x
    does not determine; so for matrices that are not square, say full_matrices=False.
    """
    if not compute_uv:
        return np.asarray(np.linalg.svd(x, compute_uv=False))
    if full_matrices and x.ndim > 1 and x.shape[-1] != x.shape[-2]:
        raise ValueError(
            "full_matrices=True is offered for square matrices alone, as x does not determine what "
            "would fill U or Vh up; pass full_matrices=False"
        )
    return np.linalg.svd(x, full_matrices=False)


# X' = U (diag(S') + [skew(U^T U') S + S skew(V^T V')] / (s_j^2 - s_i^2)) V^T
#      + (1 - U U^T) U' S^-1 V^T + U S^-1 V'^T (1 - V V^T)
# (Giles 2008, 3.2; Seeger et al. 2017; Townsend 2016, "Differentiating the singular
# value decomposition"). With a and b for the two skew matrices, (a s_j + b s_i) / (s_j^2 - s_i^2)
# is (a + b) / 2(s_j - s_i) + (a - b) / 2(s_j + s_i). Of these a + b is the slope along a turn of U
# and V alike, which is zero for what does not depend on the choice of a basis.
def _pull_svd(
    g: Any, out: Any, x: Tensor, full_matrices: bool = True, compute_uv: bool = True
) -> Tensor:
    if not compute_uv:
        u, s, vh = svd(x, full_matrices=False)
        pulled = (u * g[..., None, :]) @ vh
        return _once(pulled, _is_special(s.data, x.shape), "svd")
    (gu, gs, gvh), (u, s, vh) = g, out
    m, n = x.shape[-2:]
    equal = _equal_pairs(s.data)
    pulled = (u * gs[..., None, :]) @ vh
    if not (_is_absent(gu) and _is_absent(gvh)):
        a, b = _skew(u.mT @ gu), _skew(vh @ gvh.mT)
        gaps, sums = s[..., None, :] - s[..., :, None], s[..., None, :] + s[..., :, None]
        size = max(_size(gu), _size(gvh))
        zero = s.data <= _tiny(s.data)
        both_zero = zero[..., None, :] & zero[..., :, None]
        turned = _divided(a + b, 2 * gaps, equal, "svd", size)
        pulled = pulled + u @ (turned + _divided(a - b, 2 * sums, both_zero, "svd", size)) @ vh
        if m > n:
            beside = gu - u @ (u.mT @ gu)
            pulled = (
                pulled + _divided(beside, s[..., None, :], zero[..., None, :], "svd", size) @ vh
            )
        if m < n:
            beside = gvh - (gvh @ vh.mT) @ vh
            pulled = pulled + u @ _divided(beside, s[..., :, None], zero[..., :, None], "svd", size)
    return _once(pulled, _is_special(s.data, x.shape), "svd")


def _is_special(s: Array, shape: tuple[int, ...]) -> bool:
    vanishes = shape[-1] != shape[-2] and bool(np.any(s <= _tiny(s)))
    return vanishes or _repeats(_equal_pairs(s))


svd.defvjp(_pull_svd, keeps=["out x"])


def svdvals(x: Any) -> Tensor:
    """The singular values alone, descending: (..., m, n) gives (..., min(m, n))."""
    return svd(x, compute_uv=False)
