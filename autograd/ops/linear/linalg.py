"""Functions of one matrix, or of a stack of matrices over leading axes, and linear equations.

Giles 2008 is M. B. Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation", Oxford University, report NA-08/01.
"""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Operand, Tensor, wrap
from autograd.ops.elementwise.selection import where
from autograd.ops.linear.subscripts import LETTERS
from autograd.ops.shapes.shape import as_tensor

_SQUARE = "square matrices (..., n, n)"
_REGULAR = f"{_SQUARE} that are not singular"


@primitive(kind="contraction", expects=_SQUARE, analytic=True)
def det(x: Array) -> Array:
    """The determinant of each matrix.

    x (..., n, n) gives (...). Its derivatives of all orders hold for singular matrices too, and for
    those whose determinant is out of range. Those of order k take memory for n**k numbers.
    """
    return np.asarray(np.linalg.det(x))


# d det(X) = <C, dX> for C = det(X) X^-T (Giles 2008, 2.2.4), the cofactors, which are polynomials
# in the elements of X and need no inverse (Magnus and Neudecker 2019, section 8.3).
def _pull_det(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
    return g[..., None, None] * cofactors(x)


det.defvjp(_pull_det, keeps=["x"])


@primitive(kind="contraction", expects=f"{_SQUARE}, all of one shape", analytic=True)
def cofactors(x: Array, *along: Array) -> Array:
    """The matrices of cofactors, det(x) inv(x)^T, for singular x too: the gradient of det.

    With matrices `along` of the shape of x it is the derivative of that along each of them, one
    after the other: the gradient of the mixed derivative of det along all of them.

    From X = U S V^T the cofactors are det(U V^T) U D V^T, where D holds the products of all
    singular values but one (Stewart 1998, "On the adjugate matrix"). In the coordinates of the
    singular vectors, det(S + T) is the sum of (the product of the singular values of all rows but
    some) * (the minor of T of those rows and columns), of which this is a mixed derivative.
    """
    u, s, vh = np.linalg.svd(x)
    terms = [u.conj().swapaxes(-1, -2) @ e @ vh.conj().swapaxes(-1, -2) for e in along]
    places = range(len(along) + 1)
    rows = LETTERS[: len(places)]
    products, itself = _all_but(s, len(places)), np.eye(s.shape[-1], dtype=bool)
    inner: Any = 0
    for columns in permutations(rows):
        # The sign of the permutation; an element of each term, and of what the result stands for.
        sign = (-1) ** sum(columns[i] > columns[j] for i, j in combinations(places, 2))
        *pairs, (row, column) = zip(rows, columns, strict=True)
        labels = [f"...{rows}", *(f"...{''.join(pair)}" for pair in pairs)]
        target = row if row == column else row + column
        found = np.einsum(f"{','.join(labels)}->...{target}", products, *terms)
        inner = inner + sign * (found if row != column else found[..., None] * itself)
    orientation = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray(orientation[..., None, None] * (u.conj() @ inner @ vh.conj()))


# <K, mixed derivative> is symmetric in K and all of `along`: each is the gradient by any other.
def _pull_cofactors(position: int, g: Tensor, out: Tensor, x: Tensor, *along: Tensor) -> Tensor:
    kept = [e for i, e in enumerate(along) if i != position - 1]
    return cofactors(x, *kept, g)


cofactors.defvjp_each(_pull_cofactors)


def _all_but(s: Array, count: int) -> Array:
    """The products of all elements along the last axis but those at `count` different places, which
    the result has an axis for each of; without a division, and in range where the result is."""
    itself, (*batch, n) = np.eye(s.shape[-1], dtype=bool), s.shape
    exponents = np.rint(np.log2(np.where(s > 0, s, 1))).astype(int)
    numbers, total = np.ldexp(s, -exponents), exponents.sum(axis=-1)  # of the order of 1, or 0
    distinct = np.ones((n,) * count, bool)
    for axis in range(count):
        total = total[..., None] - exponents.reshape(*batch, *[1] * axis, n)
        if axis:
            numbers = np.where(itself, 1, numbers[..., None, :])
        for other in range(axis):
            others = [i for i in range(count) if i not in (axis, other)]
            distinct &= ~np.expand_dims(itself, others)
    return np.where(distinct, np.ldexp(_all_but_one(numbers), total), 0)


def _all_but_one(s: Array) -> Array:
    """The products of all elements along the last axis but one."""
    one = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([one, s[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, s[..., :0:-1]], axis=-1), axis=-1)
    return np.asarray(before * after[..., ::-1])


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
    base = as_tensor(x)
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
