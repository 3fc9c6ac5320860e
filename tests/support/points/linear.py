"""The points of the matrix functions: derivatives along fixed directions at whole matrices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import numpy as np
from support.points.judging import NAN, Row, Told, along

import autograd as ag

Exact = Callable[[Any], Any]

REGULAR = np.array([[2.0, -1.0, 0.5], [1.0, 3.0, -0.5], [0.25, 1.0, 4.0]])
RANKS = {
    "rank 3": REGULAR,
    "rank 2": np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, -1.0, 0.5]]),
    "rank 1": np.diag([0.0, 3.0, 0.0]),  # whose singular values are no rounding
    "zeros": np.zeros((3, 3)),
}
# With eigenvalues 1, 1, 4, and singular values the same.
REPEATED = np.eye(3) + np.ones((3, 3))
TURN = np.array([[2.0, -2.0, 1.0], [1.0, 2.0, 2.0], [2.0, 1.0, -2.0]]) / 3


def _matrix(x: Any) -> Any:
    return mpmath.matrix(x.tolist())


def _of_matrix(f: Callable[[Any], Any]) -> Exact:
    return lambda x: f(_matrix(x))


def _symmetric(f: Callable[[Any], Any]) -> Exact:
    def of_part(x: Any) -> Any:
        matrix = _matrix(x)
        return f((matrix + matrix.T) / 2)

    return of_part


def _trace(x: Any) -> Any:
    return sum(x[i, i] for i in range(x.rows))


def _pinv(x: Any) -> Any:
    return (x.T * x) ** -1 * x.T if x.rows >= x.cols else x.T * (x * x.T) ** -1


def _outer_pinv(x: Any) -> Any:
    """Of the matrix a b^T, where x has the rows a and b: of rank 1, and with all its neighbours."""
    a, b = x
    size = sum(a * a) * sum(b * b)
    return [[q * p / size for p in a] for q in b]


def _eigenvectors(x: Any) -> Any:
    """Their squares, which have no sign, in the order of the eigenvalues."""
    values, vectors = mpmath.eigsy(x)
    order = sorted(range(x.rows), key=lambda k: values[k])
    return [[vectors[i, k] ** 2 for k in order] for i in range(x.rows)]


def _eigenvalues(x: Any) -> Any:
    return sorted(mpmath.eigsy(x, eigvals_only=True))


def _singular_values(x: Any) -> Any:
    return sorted(mpmath.svd_r(x, compute_uv=False), reverse=True)


def _left_vectors(x: Any) -> Any:
    u, s, _ = mpmath.svd_r(x)
    order = sorted(range(len(s)), key=lambda k: -s[k])
    return [[u[i, k] ** 2 for k in order] for i in range(x.rows)]


def _projector(vectors: Any) -> Any:
    return vectors @ vectors.mT


def _upper_space(x: Any) -> Any:
    """The projector onto the eigenvector of the largest value."""
    values, vectors = mpmath.eigsy(x)
    last = max(range(x.rows), key=lambda k: values[k])
    return vectors[:, last] * vectors[:, last].T


def _lower_space(x: Any) -> Any:
    return mpmath.eye(x.rows) - _upper_space(x)


def _polar(x: Any) -> Any:
    u, _, v = mpmath.svd_r(x)
    return u * v


def _q(x: Any) -> Any:
    """Of (q, r), with the signs that LAPACK gives: none matters in their squares."""
    q, r = mpmath.qr(x, mode="skinny")
    return [[v**2 for v in q], [v**2 for v in r]]


def _positive(x: Any) -> Any:
    return x @ x.mT + np.eye(3)


REPEAT = Told((1, 2, 3), NAN, "the vectors of repeated values turn freely")
SECOND = Told((2, 3), NAN, "how the vectors of repeated values turn")
THIRD = Told(3, NAN, "how the vectors of repeated values turn")

in_double = partial(along, float32=False, smooth=True)  # smooth, and judged in float64 alone

ROWS: list[Row] = [
    *[
        along(
            "det",
            ag.det,
            _of_matrix(mpmath.det),
            scale * x,
            f"{name}, times {scale:g}",
            size=scale,
            float32=scale == 1,
            smooth=True,
        )
        for scale in (1.0, 1e100, 1e-100)
        for name, x in RANKS.items()
    ],
    along(
        "det", ag.det, _of_matrix(mpmath.det), np.zeros((4, 4)), "four by four zeros", smooth=True
    ),
    *[
        in_double(
            "slogdet",
            lambda x: ag.slogdet(x)[1],
            _of_matrix(lambda x: mpmath.log(abs(mpmath.det(x)))),
            scale * REGULAR,
            f"rank 3, times {scale:g}",
            size=scale,
        )
        for scale in (1.0, 1e120, 1e-120)
    ],
    *[
        in_double(
            "inv",
            ag.inv,
            _of_matrix(lambda x: x**-1),
            scale * REGULAR,
            f"rank 3, times {scale:g}",
            size=scale,
        )
        for scale in (1.0, 1e70, 1e-70)
    ],
    in_double(
        "solve",
        lambda x: ag.solve(x[:, :3], x[:, 3]),
        lambda x: mpmath.lu_solve(_matrix(x[:, :3]), _matrix(x[:, 3:])),
        np.column_stack([REGULAR, [1.0, 0.0, -2.0]]),
        "a regular matrix",
    ),
    *[
        in_double(
            "pinv",
            ag.pinv,
            _of_matrix(_pinv),
            x,
            label,
        )
        for x, label in (
            (REGULAR, "a square matrix"),
            (REGULAR[:, :2], "a tall one"),
            (REGULAR[:2], "a wide one"),
        )
    ],
    in_double(
        "pinv",
        lambda x: ag.pinv(ag.outer(x[0], x[1])),
        _outer_pinv,
        [[1.0, 2.0, -1.0], [3.0, 0.5, 1.0]],
        "rank 1, kept",
    ),
    *[
        in_double(
            f"matrix_power (n = {n})",
            lambda x, n=n: ag.matrix_power(x, n),
            _of_matrix(lambda x, n=n: x**n if n else mpmath.eye(3)),
            x,
            name,
        )
        for n in (0, 1, 2, 3, -1, -2)
        for name, x in RANKS.items()
        if n >= 0 or name == "rank 3"
    ],
    in_double(
        "cholesky",
        lambda x: ag.cholesky(x @ x.mT + np.eye(3, dtype=x.dtype)),
        _of_matrix(lambda x: mpmath.cholesky(x * x.T + mpmath.eye(3))),
        REGULAR,
        "a regular matrix",
    ),
    *[
        in_double(
            "qr",
            lambda x: tuple(part**2 for part in ag.qr(x)),
            _of_matrix(_q),
            x,
            label,
        )
        for x, label in ((REGULAR, "a square matrix"), (REGULAR[:, :2], "a tall one"))
    ],
    # values and vectors
    *[
        in_double(
            name,
            f,
            _symmetric(_eigenvalues),
            x,
            label,
        )
        for name, f in (("eigvalsh", ag.eigvalsh), ("eigh", lambda x: ag.eigh(x).eigenvalues))
        for x, label in ((REGULAR, "values apart"), (np.diag([0.0, 1.0, 3.0]), "one zero"))
    ],
    *[
        in_double(
            f"{name} ({what})",
            lambda x, f=f, n=n: (f(x) ** n if n > 1 else f(x)).sum(),
            _symmetric(lambda x, n=n: _trace(x**n)),
            x,
            label,
            told=told if n > 1 else (THIRD,),
        )
        for name, f in (("eigvalsh", ag.eigvalsh), ("eigh", lambda x: ag.eigh(x).eigenvalues))
        for n, what in ((1, "sum"), (3, "sum of cubes"))
        for x, label, told in (
            (REPEATED, "a value twice", (SECOND,)),
            (np.eye(3), "a value three times", (SECOND,)),
            (np.zeros((3, 3)), "zeros", (SECOND,)),
            (TURN @ np.diag([1.0, 2, 4]) @ TURN.T, "values apart", ()),
        )
    ],
    in_double(
        "eigh (vectors)",
        lambda x: ag.eigh(x).eigenvectors ** 2,
        _symmetric(_eigenvectors),
        REGULAR,
        "values apart",
    ),
    in_double(
        "eigh (vectors)",
        lambda x: _projector(ag.eigh(x).eigenvectors[:, :2]),
        _symmetric(_lower_space),
        REPEATED,
        "a value twice",
        told=(REPEAT,),
    ),
    in_double(
        "eigh (vectors)",
        lambda x: _projector(ag.eigh(x).eigenvectors[:, 2:]),
        _symmetric(_upper_space),
        REPEATED,
        "a value twice, of the other",
        told=(SECOND,),
    ),
    *[
        in_double(
            "svd (values)",
            lambda x: ag.svdvals(x),
            _of_matrix(_singular_values),
            x,
            label,
        )
        for x, label in (
            (REGULAR, "values apart"),
            (REGULAR[:, :2], "a tall matrix"),
            (REGULAR[:2], "a wide one"),
        )
    ],
    *[
        in_double(
            "svd (sum of squares)",
            lambda x: (ag.svd(x, False).S ** 2).sum(),
            lambda x: sum(v * v for v in x.ravel()),
            x,
            label,
            told=told,
        )
        for x, label, told in (
            (REPEATED, "a value twice", (SECOND,)),
            (np.eye(3), "a value three times", (SECOND,)),
            (RANKS["rank 1"], "two zeros", (SECOND,)),
            (np.zeros((3, 3)), "zeros", (SECOND,)),
            (np.outer([1.0, 2, -1], [3.0, 1]), "a tall matrix of rank 1", (SECOND,)),
        )
    ],
    in_double(
        "svd (sum of fourth powers)",
        lambda x: (ag.svdvals(x) ** 4).sum(),
        _of_matrix(lambda x: _trace((x.T * x) ** 2)),
        np.diag([3.0, 0.0, 1.0]),
        "one zero",
    ),
    in_double(
        "svd (sum)",
        lambda x: ag.svdvals(x).sum(),
        _of_matrix(lambda x: sum(_singular_values(x))),
        REPEATED,
        "a value twice",
        told=(THIRD,),
    ),
    in_double(
        "svd (vectors)",
        lambda x: ag.svd(x, False).U ** 2,
        _of_matrix(_left_vectors),
        REGULAR,
        "values apart",
    ),
    in_double(
        "svd (vectors)",
        lambda x: ag.svd(x, False).U ** 2,
        _of_matrix(_left_vectors),
        REGULAR[:, :2],
        "a tall matrix",
    ),
    in_double(
        "svd (vectors)",
        lambda x: ag.svd(x).U @ ag.svd(x).Vh,
        _of_matrix(_polar),
        REPEATED,
        "a value twice",
        told=(REPEAT,),
    ),
]
_BILINEAR = "linear in each of its arguments"
_OF_OTHERS = "within the slopes of others, judged with them"
PLAIN: dict[str, str] = {
    **dict.fromkeys(
        ("cross", "dot", "einsum", "inner", "kron", "matmul", "outer", "tensordot", "vecdot"),
        _BILINEAR,
    ),
    "scatter_diagonal": "linear",
    **dict.fromkeys(
        ("cofactors", "divided", "with_eigenvalues", "with_singular_values"), _OF_OTHERS
    ),
}
