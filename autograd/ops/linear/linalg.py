"""Functions of one matrix, or of a stack of matrices over leading axes, and linear equations.

Giles 2008 is M. B. Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation", Oxford University, report NA-08/01.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.engine.modes import mode
from autograd.engine.primitives import primitive
from autograd.engine.tape import Refusal
from autograd.engine.tensor import Array, Operand, Tensor, wrap
from autograd.ops.elementwise.selection import where

_SQUARE = "square matrices (..., n, n)"
_REGULAR = f"{_SQUARE} that are not singular"


@primitive(kind="contraction", expects=_SQUARE, analytic=True)
def det(x: Array) -> Array:
    """The determinant of each matrix.

    x (..., n, n) gives (...). The gradient holds for singular matrices too, and so does the second
    derivative; the third is refused where the second was taken at a matrix that is close to one.
    """
    return np.asarray(np.linalg.det(x))


# d det(X) = <C, dX> for C = det(X) X^-T (Giles 2008, 2.2.4), the cofactors, which are polynomials
# in the elements of X and need no inverse (Magnus and Neudecker 2019, section 8.3).
def _pull_det(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
    return g[..., None, None] * cofactors(x)


det.defvjp(_pull_det, keeps=["x"])


@primitive(kind="contraction", expects=_SQUARE, analytic=True)
def cofactors(x: Array) -> Array:
    """The matrices of cofactors, det(x) inv(x)^T, for singular x too: the gradient of det.

    From X = U S V^T they are det(U V^T) U D V^T, where D holds the products of all singular values
    but one (Stewart 1998, "On the adjugate matrix").
    """
    u, s, vh = np.linalg.svd(x)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray(
        sign[..., None, None] * (u.conj() * _all_but_one(s)[..., None, :]) @ vh.conj()
    )


def _all_but_one(s: Array) -> Array:
    """The products of all elements along the last axis but one, without a division."""
    one = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([one, s[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, s[..., :0:-1]], axis=-1), axis=-1)
    return np.asarray(before * after[..., ::-1])


# Where X is far from singular, from C = det(X) X^-T: <G, dC> = <(<G, C> C - C G^T C) / det, dX>.
def _pull_cofactors(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
    if not mode.recording:
        return wrap(_pull_by_svd(g.data, x.data), None)
    if _far_from_singular(x.data):
        along = (g * out).sum(axis=(-2, -1), keepdims=True)
        return (along * out - out @ g.mT @ out) / det(x)[..., None, None]
    reason = (
        "the third derivative of 'det' was asked for at a matrix that is singular, or close to it; "
        "only the first two are known there"
    )
    return wrap(_pull_by_svd(g.data, x.data), Refusal(reason))


cofactors.defvjp(_pull_cofactors, keeps=["out x"])


def _far_from_singular(x: Array) -> bool:
    s = np.linalg.svd(x, compute_uv=False)
    return bool(np.all(s[..., -1:] > s[..., :1] * np.sqrt(np.finfo(s.dtype).eps)))


def _pull_by_svd(g: Array, x: Array) -> Array:
    """<G, dC> as a function of dX, for any X.

    With hats for the coordinates of the singular vectors, det(X + E) has the terms of second order
    det(U V^T) P_ij (E^_ii E^_jj - E^_ij E^_ji) for i < j, where P_ij is the product of all singular
    values but those two; <G, dC> is that form's polarization at (G, dX).
    """
    u, s, vh = np.linalg.svd(x)
    ut, v = u.swapaxes(-1, -2), vh.swapaxes(-1, -2)
    itself = np.eye(s.shape[-1], dtype=bool)
    rest = _all_but_one(np.where(itself, s.dtype.type(1), s[..., None, :]))
    rest = np.where(itself, s.dtype.type(0), rest)
    seen = ut @ g @ v
    diagonal = np.einsum("...ij,...jj->...i", rest, seen)
    inner = np.where(itself, diagonal[..., None], -rest * seen.swapaxes(-1, -2))
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray(sign[..., None, None] * (u @ inner @ vh))


@primitive(kind="contraction", expects=_SQUARE)
def slogdet(x: Array) -> tuple[Array, Array]:
    """(sign, logabsdet): the determinant is sign * exp(logabsdet), which may lie out of range.

    x (..., n, n) gives two arrays (...). The sign has no gradient; that of the logarithm is
    inv(x)^T (Giles 2008, 2.2.4); backward raises ValueError where x is singular.
    """
    return np.linalg.slogdet(x)


def _pull_slogdet(g: tuple[Tensor, Tensor], out: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    return g[1][..., None, None] * inv(x).mT


slogdet.defvjp(_pull_slogdet, keeps=["x"])


@primitive(kind="contraction", expects=f"{_REGULAR}; pinv takes any", analytic=True)
def inv(x: Array) -> Array:
    """The inverse of each matrix. To solve equations, `solve` is faster and more accurate."""
    return np.asarray(np.linalg.inv(x))


# d(X^-1) = -X^-1 dX X^-1 (Giles 2008, 2.2.3).
inv.defvjp(lambda g, out, x: -(out.mT @ g @ out.mT), keeps=["out"])


@primitive(
    kind="contraction",
    expects=f"a: {_REGULAR}; b: a vector (n,) or matrices (..., n, k)",
    analytic=True,
    broadcasts=True,
)
def solve(a: Array, b: Array) -> Array:
    """The x of a @ x = b. As in NumPy 2, b is a vector only where it has one axis.

    a (..., n, n) with b (n,) gives (..., n), with b (..., n, k) gives (..., n, k); leading axes
    broadcast.
    """
    return np.asarray(np.linalg.solve(a, b))


# For C = A^-1 B: B' = A^-T C' and A' = -B' C^T (Giles 2008, 2.3.1).
def _pull_right_side(g: Tensor, out: Tensor, a: Tensor, b: Tensor) -> Tensor:
    a = a if isinstance(a, Tensor) else wrap(np.asarray(a), None)
    return solve(a.mT, g[..., None])[..., 0] if b.ndim == 1 else solve(a.mT, g)


def _pull_matrix(g: Tensor, out: Tensor, a: Tensor, b: Tensor) -> Tensor:
    right = _pull_right_side(g, out, a, b)
    if b.ndim == 1:
        return -(right[..., :, None] * out[..., None, :])
    return -(right @ out.mT)


solve.defvjp(_pull_matrix, _pull_right_side, keeps=["out a", "a"])


@primitive(kind="contraction", expects="matrices (..., m, n)")
def pinv(x: Array, rcond: Any = None, **options: Any) -> Array:
    """The Moore-Penrose inverse: (..., m, n) gives (..., n, m).

    Args:
        x: the matrices. The gradient holds along changes of x that keep its rank; where the rank is
            lower than m and n, others make the inverse jump.
        rcond: singular values up to rcond times the largest count as zero; `rtol` is another name.
    """
    return np.asarray(np.linalg.pinv(x, rcond, **options))


# Golub and Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least squares
# problems whose variables separate", section 4:
# dP = -P dX P + P P^T dX^T (1 - X P) + (1 - P X) dX^T P^T P.
def _pull_pinv(g: Tensor, out: Tensor, x: Tensor, rcond: Any = None, **options: Any) -> Tensor:
    p, gt = out, g.mT
    beside_range = gt - x @ (p @ gt)
    beside_rows = gt - (gt @ p) @ x
    return beside_range @ p @ p.mT + p.mT @ p @ beside_rows - p.mT @ g @ p.mT


pinv.defvjp(_pull_pinv, keeps=["out x"])


def matrix_power(x: Operand, n: int) -> Tensor:
    """x times itself, n factors; for negative n those of inv(x), for 0 the identity.

    x has shape (..., k, k), and so has the result. It takes about 2 log2(n) products.

    Raises:
        ValueError: the matrices are not square, or singular and n is negative.
        TypeError: n is no integer.
    """
    base = x if isinstance(x, Tensor) else Tensor(x)
    if base.ndim < 2 or base.shape[-1] != base.shape[-2]:
        raise ValueError(f"matrix_power({base.dtype} {base.shape}, {n}): {_SQUARE} expected")
    if not isinstance(n, int | np.integer):
        raise TypeError(f"matrix_power: n = {n!r} given, an integer expected")
    left = int(n)
    if left < 0:
        base, left = inv(base), -left
    if left == 0:  # a constant that stays on the tape, with a gradient of zeros
        nowhere = np.zeros((), np.bool_)
        return where(nowhere, base, np.eye(base.shape[-1], dtype=base.dtype))
    power = None
    while True:
        if left % 2:
            power = base if power is None else power @ base
        left //= 2
        if not left:
            assert power is not None
            return power
        base = base @ base
