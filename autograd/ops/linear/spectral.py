"""Eigenvalues and singular values, with their vectors: eigh, svd.

Of repeated values. Singular vectors and eigenvectors are not unique where values repeat: any basis
of their common space will do, and how it turns as the matrix moves cannot be told from their
gradients. So where vectors of repeated values receive any gradient, that of the matrix is NaN, even
if the function would not depend on the choice; of a stack of matrices, it is that of the matrix
alone whose values repeat. The same holds for the vectors of singular values that are zero, of two
or more, or of matrices that are not square.

Functions of the values alone have their gradient. The values come sorted, so that each alone has a
kink where it meets another, and a singular value where it is zero; its gradient there is that of
one choice of the vectors. Second derivatives of functions of the values are NaN where values
repeat, all of the matrix, as the divided differences of Daleckii and Krein have a limit that the
gradients at the values do not tell; but for functions that are linear in them, with one factor for
all that are equal, as their sum, in reverse mode: `jvp` of `jvp` is NaN. Symmetric functions of the
values have second derivatives there, in other words: `trace(x @ x)` for the sum of their squares,
`slogdet(x)[1]` for that of their logarithms. Values closer than rounding can tell count as equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.engine.modes import mode
from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Tensor
from autograd.ops.elementwise.selection import where
from autograd.ops.linear.decompositions import SYMMETRIC, symmetric_part, tiny, triangle


def _equal_pairs(values: Tensor) -> Array:
    """Whether values i and j are as good as equal: (..., n) gives (..., n, n)."""
    gaps = np.abs(_differences(values).data)
    return np.asarray(gaps <= tiny(values.data)[..., None])


def _zeros(s: Tensor) -> Array:
    return np.asarray(s.data <= tiny(s.data))


def _both_zero(s: Tensor) -> Array:
    zero = _zeros(s)
    return np.asarray(zero[..., None, :] & zero[..., :, None])


def _differences(values: Tensor) -> Tensor:
    """(..., n) gives (..., n, n): value j less value i."""
    return values[..., None, :] - values[..., :, None]


def _skew(x: Tensor) -> Tensor:
    return x - x.mT


def _is_absent(g: Tensor) -> bool:
    """Whether g stands for no gradient at all: constant zeros."""
    return not g.requires_grad and not g.data.any()


@primitive(kind="elementwise", broadcasts=True)
def divided(x: Array, by: Array, equal: Array, unknown: Array) -> Array:
    """x / by; where values are `equal`, and by a difference that vanishes, 0, or NaN where that is
    not known.

    So is its derivative: it is NaN wherever it is asked for where values are equal.
    """
    out = x / np.where(equal, 1, by)
    return np.where(equal, np.where(unknown, np.nan, 0), out).astype(out.dtype)


divided.defvjp(
    lambda g, out, x, by, equal, unknown: divided(g, by, equal, g.data != 0),
    lambda g, out, x, by, equal, unknown: -(g * out) / where(equal, 1, by),
    None,
    None,
    keeps=["by equal", "out by equal", "", ""],
)


def _over(x: Tensor, by: Tensor, equal: Array, unknown: Array, zero: Any = False) -> Tensor:
    """x / by for matrices whose diagonals are zeros, as are places that are `zero` and stay so."""
    other = ~(np.eye(x.shape[-1], dtype=bool) | zero)
    return divided(where(other, x, 0), where(other, by, 1), equal & other, unknown)


def _received(g: Tensor) -> Array:
    """Of which pairs of columns some has a gradient."""
    columns = np.any(g.data != 0, axis=-2)
    return np.asarray(columns[..., None, :] | columns[..., :, None])


# --- eigh ----------------------------------------------------------------------------------------


@primitive(kind="contraction", expects=SYMMETRIC)
def eigh(x: Array, UPLO: str | None = None) -> tuple[Array, Array]:
    """(eigenvalues, eigenvectors) of symmetric matrices: x = V diag(w) V^T, w ascending.

    x (..., n, n) gives w (..., n) and V (..., n, n), an eigenvector in each column, of arbitrary
    sign.

    Args:
        x: the matrices, of which the symmetric part is taken, see above.
        UPLO: "L" or "U" to take the lower or the upper triangle instead; so does the gradient then.
    """
    return np.linalg.eigh(*_as_read(x, UPLO))


@primitive(kind="contraction", expects=SYMMETRIC)
def eigvalsh(x: Array, UPLO: str | None = None) -> Array:
    """The eigenvalues of symmetric matrices alone; see eigh."""
    return np.asarray(np.linalg.eigvalsh(*_as_read(x, UPLO)))


def _as_read(x: Array, UPLO: str | None) -> tuple[Array, Any]:
    return (symmetric_part(x), "L") if UPLO is None else (x, UPLO)


def _to_read(pulled: Tensor, UPLO: str | None) -> Tensor:
    """A gradient that is symmetric, but for rounding, as that of what was read: the symmetric part,
    or a triangle, of which an element off the diagonal stands for two."""
    if UPLO is None:
        return (pulled + pulled.mT) / 2
    lower = triangle(2 * pulled, 0.5)
    return lower if UPLO.upper() == "L" else lower.mT


# X' = V (diag(w') + skew(V^T V') / (2 (w_j - w_i))) V^T (Giles 2008, 3.1, made symmetric; Seeger et
# al. 2017).
def _pull_eigh(
    g: tuple[Tensor, Tensor], out: tuple[Tensor, Tensor], x: Tensor, UPLO: str | None = None
) -> Tensor:
    (gw, gv), (w, v) = g, out
    if mode.recording:
        pulled = with_eigenvalues(gw, x, UPLO, not gw.requires_grad)
    else:
        pulled = (v * gw[..., None, :]) @ v.mT
    if not _is_absent(gv):
        turns = _over(_skew(v.mT @ gv), 2 * _differences(w), _equal_pairs(w), _received(gv))
        pulled = pulled + v @ turns @ v.mT
    return _to_read(pulled, UPLO)


def _pull_eigvalsh(g: Tensor, out: Tensor, x: Tensor, UPLO: str | None = None) -> Tensor:
    return _to_read(with_eigenvalues(g, x, UPLO, not g.requires_grad), UPLO)


eigh.defvjp(_pull_eigh, keeps=["out x"])
eigvalsh.defvjp(_pull_eigvalsh, keeps=["x"])


@primitive(kind="contraction", expects=f"values (..., n), and {SYMMETRIC}")
def with_eigenvalues(
    values: Array, x: Array, UPLO: str | None = None, settled: bool = False
) -> Array:
    """V diag(values) V^T, for V the eigenvectors of x; see eigh.

    `settled` says that the values do not depend on x, even where nothing is recorded.
    """
    v = eigh.forward(x, UPLO)[1]
    return np.asarray((v * values[..., None, :]) @ v.swapaxes(-1, -2))


# X' = V (H_ij (values_j - values_i) / (w_j - w_i)) V^T for H = V^T G V (Higham 2008, "Functions of
# matrices", theorem 3.11: the divided differences of Daleckii and Krein). Where w_j = w_i they are
# known, and 0, for equal values that are settled.
def _pull_to_matrix(
    g: Tensor, out: Tensor, values: Tensor, x: Tensor, UPLO: str | None, settled: bool
) -> Tensor:
    steps = _differences(values)
    if settled and not steps.data.any():  # a multiple of V V^T, the identity
        return g * 0
    w, v = eigh(x, UPLO)
    h = v.mT @ ((g + g.mT) / 2) @ v
    zero = settled & (steps.data == 0)
    turns = _over(h * steps, _differences(w), _equal_pairs(w), h.data != 0, zero)
    return _to_read(v @ turns @ v.mT, UPLO)


def _pull_to_values(
    g: Tensor, out: Tensor, values: Tensor, x: Tensor, UPLO: str | None, settled: bool
) -> Tensor:
    v = eigh(x, UPLO)[1]
    return (v * (g @ v)).sum(-2)


with_eigenvalues.defvjp(_pull_to_values, _pull_to_matrix, keeps=["x", "values x"])


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
# is (a + b) / 2(s_j - s_i) + (a - b) / 2(s_j + s_i).
def _pull_svd(
    g: Any, out: Any, x: Tensor, full_matrices: bool = True, compute_uv: bool = True
) -> Tensor:
    if not compute_uv:
        return with_singular_values(g, x, not g.requires_grad)
    (gu, gs, gvh), (u, s, vh) = g, out
    if mode.recording:
        pulled = with_singular_values(gs, x, not gs.requires_grad)
    else:
        pulled = (u * gs[..., None, :]) @ vh
    if _is_absent(gu) and _is_absent(gvh):
        return pulled
    turned = _received(gu) | _received(gvh.mT)
    columns = np.any(gu.data != 0, axis=-2, keepdims=True)
    rows = np.any(gvh.data != 0, axis=-1, keepdims=True)
    return pulled + _pull_vectors(gu, gvh, u, s, vh, (turned, turned, columns, rows))


def _pull_vectors(
    gu: Tensor,
    gvh: Tensor,
    u: Tensor,
    s: Tensor,
    vh: Tensor,
    unknown: tuple[Array, ...],
    zero: Any = False,
) -> Tensor:
    """From the vectors' gradients. `unknown` says what is, should it be divided by zero: both turns
    of pairs of vectors, and what moves the spaces of U and Vh, where those are not all space.
    `zero` says which turns of U and V alike are 0 and stay so."""
    a, b = _skew(u.mT @ gu), _skew(vh @ gvh.mT)
    sums = s[..., None, :] + s[..., :, None]
    turns = _over(a + b, 2 * _differences(s), _equal_pairs(s), unknown[0], zero)
    turns = turns + _over(a - b, 2 * sums, _both_zero(s), unknown[1])
    pulled, vanishes = u @ turns @ vh, _zeros(s)
    if u.shape[-2] > s.shape[-1]:
        moved = gu - u @ (u.mT @ gu)
        pulled = pulled + divided(moved, s[..., None, :], vanishes[..., None, :], unknown[2]) @ vh
    if vh.shape[-1] > s.shape[-1]:
        moved = gvh - (gvh @ vh.mT) @ vh
        pulled = pulled + u @ divided(moved, s[..., :, None], vanishes[..., :, None], unknown[3])
    return pulled


svd.defvjp(_pull_svd, keeps=["out x"])


@primitive(kind="contraction", expects="values (..., k), and matrices (..., m, n)")
def with_singular_values(values: Array, x: Array, settled: bool = False) -> Array:
    """U diag(values) Vh, for U and Vh those of x; see svd, and with_eigenvalues for `settled`."""
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    return np.asarray((u * values[..., None, :]) @ vh)


# The same, for U' = G V diag(values) and V' = G^T U diag(values), so that with H = U^T G V
# a + b = (H + H^T)_ij (values_j - values_i) and a - b = (H - H^T)_ij (values_j + values_i).
def _pull_to_any_matrix(
    g: Tensor, out: Tensor, values: Tensor, x: Tensor, settled: bool = False
) -> Tensor:
    u, s, vh = svd(x, full_matrices=False)
    gv, gu = g @ vh.mT, u.mT @ g
    h = (gu @ vh.mT).data
    unknown = h != -h.mT, h != h.mT, gv.data != 0, gu.data != 0
    zero = settled & (_differences(values).data == 0)
    gu, gvh = gv * values[..., None, :], values[..., :, None] * gu
    return _pull_vectors(gu, gvh, u, s, vh, unknown, zero)


def _pull_to_singular_values(
    g: Tensor, out: Tensor, values: Tensor, x: Tensor, settled: bool = False
) -> Tensor:
    u, _, vh = svd(x, full_matrices=False)
    return (u * (g @ vh.mT)).sum(-2)


with_singular_values.defvjp(_pull_to_singular_values, _pull_to_any_matrix, keeps=["x", "values x"])


def svdvals(x: Any) -> Tensor:
    """The singular values alone, descending: (..., m, n) gives (..., min(m, n))."""
    return svd(x, compute_uv=False)
