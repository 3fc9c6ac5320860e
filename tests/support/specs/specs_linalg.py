"""Rows of the matrix products, the functions of matrices and their decompositions.

The matrices are made for what the ops ask of them: eigenvalues and singular values well apart from
each other and from zero. What is special where they repeat or vanish is in
test_linalg_singular.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import combinations, permutations
from typing import Any

import numpy as np
from support.specs.sampling import SAME, Array, Made, Real, calls
from support.specs.specs import Spec

from autograd import ops

Shape = tuple[int, ...]


# --- matrices ------------------------------------------------------------------------------------


def orthogonal(rng: np.random.Generator, *shape: int) -> Array:
    """(..., n, n), random."""
    return np.linalg.qr(rng.normal(size=shape))[0]


def with_values(rng: np.random.Generator, shape: Shape, values: Any = None) -> Array:
    """(..., m, n) with these singular values; by default 1, 2, ... give or take a little."""
    *batch, m, n = shape
    k = min(m, n)
    if values is None:
        values = np.arange(1, k + 1) + rng.uniform(-0.2, 0.2, (*batch, k))
    u, v = orthogonal(rng, *batch, m, m), orthogonal(rng, *batch, n, n)
    return np.asarray((u[..., :k] * np.asarray(values)[..., None, :]) @ v[..., :k, :])


def symmetric(rng: np.random.Generator, shape: Shape, values: Any = None) -> Array:
    """(..., n, n) with these eigenvalues; by default 1, 2, ... give or take a little."""
    n = shape[-1]
    if values is None:
        values = np.arange(1, n + 1) + rng.uniform(-0.2, 0.2, shape[:-1])
    v = orthogonal(rng, *shape)
    x = (v * np.asarray(values)[..., None, :]) @ v.swapaxes(-1, -2)
    return np.asarray((x + x.swapaxes(-1, -2)) / 2)


def made(make: Any, *shape: int, values: Any = None) -> Made:
    name = "x".join(map(str, shape)) + (f" of {values}" if values else "")
    return Made(name, lambda rng: make(rng, shape, values))


regular = partial(made, with_values)
spectral = partial(made, symmetric)

SQUARES = [(regular(*s),) for s in ((3, 3), (2, 2, 2), (1, 1), (2, 1, 3, 3), (0, 2, 2))]
# One singular value is zero, or two, or all; the determinant is differentiable all the same.
SINGULAR = [
    (regular(3, 3, values=(2, 1, 0)),),
    (regular(3, 3, values=(2, 0, 0)),),
    (Made("zeros", lambda rng: np.zeros((2, 2))),),
    (Made("1x1 zero", lambda rng: np.zeros((1, 1))),),
    (Made("one of two", lambda rng: np.stack([np.ones((2, 2)), with_values(rng, (2, 2))])),),
]
DEFINITE = [(spectral(*s),) for s in ((3, 3), (2, 2, 2), (1, 1), (0, 2, 2))]
SYMMETRIC = [*DEFINITE, (spectral(4, 4, values=(-2, -0.5, 1, 2)),), (spectral(2, 1, 2, 2),)]
TALL = [(regular(*s),) for s in ((4, 2), (2, 3, 2), (3, 1), (0, 3, 2))]
WIDE = [(regular(*s),) for s in ((2, 4), (2, 2, 3), (1, 3))]


# einsum: equations of every kind, and shapes of operands.
EQUATIONS = [
    ("ij,jk->ik", "2x3, 3x4"),
    ("ij,jk", "2x3, 3x4"),
    ("i,i", "3, 3"),
    ("i,j->ij", "2, 3"),
    ("ij->ji", "2x3"),
    ("ba", "2x3"),
    ("ij->", "2x3"),
    ("ij->j", "2x3"),
    ("ij,k->i", "2x3, 4"),  # j and k each occur in one operand only
    ("ii", "3x3"),
    ("ii->i", "3x3"),
    ("iij->ij", "2x2x3"),
    ("ijij->j", "2x3x2x3"),
    ("iii", "2x2x2"),
    ("ii,ij,jj->i", "2x2, 2x3, 3x3"),
    ("ii,jj", "2x2, same"),
    ("...ij,...jk->...ik", "2x2x3, 3x2"),
    ("...ij,...jk", "2x1x2x2, 3x2x1"),
    ("...i->...", "2x3"),
    ("i...,i...->...", "2x3, 2x3"),
    ("...ii->...i", "2x3x3"),
    ("...,i", "2, 3"),
    ("ij,ij->ij", "1x3, 2x1"),  # of length 1, and broadcast
    ("ij,jk->ik", "2x1, 3x2"),
    ("i,i->", "3, 1"),
    ("ij,i->j", "3x2, 1"),
    ("ii,ij->j", "1x1, 3x2"),
    ("i,i,i->i", "1, 1, 3"),
    ("i,ij,jk,kl->l", "2, 2x3, 3x2, 2x2"),
    ("ab,bc,ca->", "2x3, 3x2, 2x2"),
    ("ij,kj,lj->jikl", "2x2, 3x2, 1x2"),
    ("i,i,i->i", "3, same, same"),
    (",i->i", "0-d, 3"),
    (",", "0-d, 0-d"),
    ("", "0-d"),
    ("ij,jk->ik", "0x3, 3x2"),
    ("ij,jk->ik", "2x0, 0x3"),
    (" i j , j -> i ", "2x3, 3"),
    ("aB,Bc", "2x2, 2x2"),
]


def _einsums() -> Iterable[tuple[Any, ...]]:
    for equation, shapes in EQUATIONS:
        operands = [_operand(word) for word in shapes.split(", ")]
        yield (equation, *operands)
    yield ("ij,j->i", Real(2, 3), Real(3), {"optimize": False})
    yield ("i,->i", Real(3), 2.5)
    yield (",i->i", 2, Real(3))
    yield ("ij,j->i", Real(2, 3), np.array([1, 2, 3]))


def _operand(word: str) -> Any:
    if word == "same":
        return SAME
    return Real() if word == "0-d" else Real(*map(int, word.split("x")))


def _on_diagonal(g: Array, labels: str, shape: Shape) -> Array:
    out = np.zeros(shape, g.dtype)
    distinct = list(dict.fromkeys(labels))
    for index in np.ndindex(g.shape):
        out[tuple(index[distinct.index(label)] for label in labels)] = g[index]
    return out


def _cofactors(x: Array, *along: Array) -> Array:
    """Minor by minor; along others, by all ways to take an element of each in the place of x's."""
    out, n = np.zeros_like(x), x.shape[-1]
    for i, j in np.ndindex(n, n):
        minors = [np.delete(np.delete(a, i, -2), j, -1) for a in (x, *along)]
        for columns in permutations(range(n - 1)):
            sign = (-1) ** (i + j + sum(a > b for a, b in combinations(columns, 2)))
            for rows in permutations(range(n - 1), len(along)):
                chosen = {row: minors[k + 1] for k, row in enumerate(rows)}
                factors = [chosen.get(r, minors[0])[..., r, columns[r]] for r in range(n - 1)]
                out[..., i, j] += sign * np.prod(factors or [1.0], axis=0)
    return out


def weakly(reference: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function, where Python's numbers do not widen float32, as in its ufuncs."""

    def function(*args: Any, **options: Any) -> Any:
        dtype = np.result_type(*(a for a in args if isinstance(a, np.ndarray)))
        numbers = (float, int)
        return reference(*(dtype.type(a) if type(a) in numbers else a for a in args), **options)

    return function


NONE_EQUAL = np.zeros((3, 3), bool)
_STACKS = [((3, 3), None), ((2, 3, 3), None), ((3, 3), "L"), ((3, 3), "U"), ((1, 1), None)]
_SINGULAR_STACKS = [((2,), (3, 2)), ((2,), (2, 3)), ((2, 2), (2, 2, 2)), ((1,), (1, 1))]


def _with_eigenvalues(values: Array, x: Array, uplo: str | None, settled: bool) -> Array:
    v = np.linalg.eigh(x, uplo or "L")[1]
    return np.asarray(np.einsum("...ij,...j,...kj->...ik", v, values, v))


def _with_singular_values(values: Array, x: Array, settled: bool = False) -> Array:
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    return np.asarray(np.einsum("...ij,...j,...jk->...ik", u, values, vh))


SPECS = [
    # products
    Spec(
        ops.dot,
        calls(
            *("3, 3", "2x3, 3", "3, 3x2", "2x3, 3x4", "2x1x3, 2x3x2", "0-d, 2x3", "3, 0-d"),
            *("0-d, 0-d", "0x3, 3x2", "2x0, 0x3", "2x2, same", "3, same", "1x1, 1x1"),
            *((Real(3), 2.5), (2, Real(2, 3)), (Real(2, 3), np.array([1, 2, 3]))),
        ),
        reference=weakly(np.dot),
    ),
    Spec(
        ops.inner,
        calls(
            *("3, 3", "2x3, 3", "3, 2x3", "2x3, 4x3", "2x1x3, 2x2x3", "0-d, 2x3", "3, 0-d"),
            *("0-d, 0-d", "0x3, 2x3", "2x0, 3x0", "2x2, same", "1x1, 1x1"),
            *((Real(3), 2.5), (2, Real(2, 3))),
        ),
        reference=weakly(np.inner),
    ),
    Spec(
        ops.outer,
        calls(
            *("2, 3", "2x2, 3", "0-d, 3", "0, 3", "1, 1", "3, same"),
            *((Real(3), 2.5), (2, Real(3)), (np.array([1, 2]), Real(3))),
        ),
        reference=weakly(np.outer),
    ),
    Spec(
        ops.tensordot,
        calls(
            *("2x3x4, 3x4x2", "2x3, 2x3", "2x3, same"),
            *((Real(2, 3), Real(3, 4), n) for n in (0, 1)),
            (Real(2, 3, 2), Real(3, 2), {"axes": ([0, 1], [1, 0])}),
            (Real(2, 3, 4), Real(4, 2), ((-1, 0), (0, 1))),
            (Real(3, 2, 1, 2), Real(2, 3, 2), ((3, 0), (2, 1))),
            (Real(2, 3), Real(3), (1, 0)),
            (Real(0, 3), Real(3, 2), 1),
            (Real(2, 0), Real(0, 3), 1),
            (Real(3), 2.5, 0),
            (2, Real(3), 0),
            (Real(), Real(), 0),
        ),
        reference=lambda x, y, axes=2: weakly(partial(np.tensordot, axes=axes))(x, y),
    ),
    Spec(
        ops.vecdot,
        calls(
            "3, 3",
            "2x3, 3",
            "3, 4x3",
            "2x4x3, 1x3",
            "1x1, 1x1",
            "0x3, 3",
            "2x3, same",
            (Real(3, 2), Real(3, 2), {"axis": 0}),
            (
                Real(
                    3,
                ),
                Real(2, 3),
                {"axis": -1},
            ),
        ),
    ),
    Spec(
        ops.kron,
        calls(
            *(
                "2x2, 2x3",
                "2, 3",
                "2x1, 3",
                "3, 1x2x2",
                "0-d, 2x2",
                "2, 0-d",
                "0x2, 2x1",
                "2, same",
            ),
            *((Real(2), 2.5), (2, Real(3))),
        ),
        reference=weakly(np.kron),
    ),
    Spec(
        ops.cross,
        calls(
            *("3, 3", "2x3, 3", "3, 4x3", "2x3, same", "2x4x3, 1x3", "0x3, 3"),
            (Real(3, 2), Real(3, 2), {"axis": 0}),
            (Real(3, 4), Real(2, 4, 3), {"axisa": 0}),
            (Real(2, 3, 2), Real(2, 3), {"axisa": 1, "axisc": 0}),
            (Real(3, 4), Real(4, 3), 0, 1, 0),
        ),
    ),
    Spec(ops.einsum, calls(*_einsums()), reference=weakly(np.einsum)),
    Spec(
        ops.scatter_diagonal,
        calls(
            *((Real(3), "ii", (3, 3)), (Real(2, 3), "iji", (2, 3, 2)), (Real(2), "iii", (2, 2, 2))),
            *((Real(2, 3), "jiji", (2, 3, 2, 3)), (Real(0), "ii", (0, 0)), (Real(1), "ii", (1, 1))),
        ),
        reference=_on_diagonal,
    ),
    # functions of matrices
    Spec(ops.det, calls(*SQUARES, *SINGULAR), reference=np.linalg.det),
    Spec(
        ops.cofactors,
        calls(
            *SQUARES,
            *((regular(*shape), Real(*shape)) for shape in ((3, 3), (2, 3, 3))),
            (regular(4, 4), Real(4, 4), Real(4, 4)),
        ),
        reference=_cofactors,
    ),
    Spec(ops.slogdet, calls(*SQUARES), reference=np.linalg.slogdet),
    Spec(ops.inv, calls(*SQUARES), reference=np.linalg.inv),
    Spec(
        ops.solve,
        calls(
            (regular(3, 3), Real(3)),
            (regular(3, 3), Real(3, 2)),
            (regular(2, 3, 3), Real(3)),
            (regular(2, 3, 3), Real(3, 2)),
            (regular(3, 3), Real(2, 3, 2)),
            (regular(2, 1, 2, 2), Real(3, 2, 1)),
            (regular(1, 1), Real(1)),
            (regular(0, 2, 2), Real(2)),
            (regular(2, 2), SAME),
            (np.array([[2, 1], [0, 1]]), Real(2)),
            (regular(2, 2), np.array([1, 2])),
        ),
        reference=np.linalg.solve,
    ),
    Spec(
        ops.pinv,
        calls(*SQUARES, *TALL, *WIDE, (regular(3, 2), 0.01), (regular(2, 3), {"rtol": 0.01})),
        reference=np.linalg.pinv,
    ),
    # decompositions
    Spec(
        ops.cholesky,
        calls(*DEFINITE, (spectral(3, 3), {"upper": True})),
        reference=np.linalg.cholesky,
    ),
    Spec(ops.qr, calls(*SQUARES, *TALL, *WIDE, (regular(3, 2), "reduced")), reference=np.linalg.qr),
    Spec(
        ops.eigh,
        calls(*SYMMETRIC, (spectral(3, 3), "L"), (spectral(3, 3), {"UPLO": "U"})),
        reference=lambda x, UPLO="L": np.linalg.eigh(x, UPLO),
    ),
    Spec(
        ops.eigvalsh,
        calls(*SYMMETRIC, (spectral(3, 3), "L"), (spectral(3, 3), {"UPLO": "U"})),
        reference=lambda x, UPLO="L": np.linalg.eigvalsh(x, UPLO),
    ),
    Spec(
        ops.svd,
        calls(
            *SQUARES,
            *((x, {"full_matrices": False}) for (x,) in (*TALL, *WIDE)),
            *((x, {"compute_uv": False}) for (x,) in (SQUARES[0], TALL[0], WIDE[0], TALL[-1])),
        ),
        reference=np.linalg.svd,
    ),
    Spec(
        ops.divided,  # where nothing is equal
        calls(
            (Real(2, 3, 3), Real(2, 3, 3), NONE_EQUAL, NONE_EQUAL),
            (Real(3, 3), Real(1, 3), NONE_EQUAL, NONE_EQUAL),
            avoid=(0,),
        ),
        reference=lambda x, by, equal, unknown: x / by,
    ),
    Spec(
        ops.with_eigenvalues,
        calls(*((Real(*shape[:-1]), spectral(*shape), u, False) for shape, u in _STACKS)),
        reference=_with_eigenvalues,
    ),
    Spec(
        ops.with_singular_values,
        calls(
            (Real(3), regular(3, 3), False),
            *((Real(*lengths), regular(*shape)) for lengths, shape in _SINGULAR_STACKS),
        ),
        reference=_with_singular_values,
    ),
]
