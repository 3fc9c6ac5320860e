"""Where mistakes are planted: calls of more than twenty ops, at several sizes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor, ops
from autograd.engine.primitives import Primitive

Array = NDArray[Any]
Shape = tuple[int, ...]


class Site(NamedTuple):
    """A call of an op.

    Attributes:
        op: the primitive.
        call: its call on some tensors; the op comes first, so that another may take its place.
        sizes: the shapes of the tensors, for each size at which to try it.
        domain: smallest and largest number in them.
        positions: which arguments of the op the tensors are.
    """

    op: Primitive
    call: Callable[..., Tensor]
    sizes: tuple[tuple[Shape, ...], ...]
    domain: tuple[float, float] = (-2.0, 2.0)
    positions: tuple[int, ...] = (0, 1)

    def __str__(self) -> str:
        return str(self.op.name)

    def draw(self, shapes: tuple[Shape, ...], rng: np.random.Generator) -> list[Array]:
        return [_apart(rng, shape, self.domain) for shape in shapes]


def _apart(rng: np.random.Generator, shape: Shape, domain: tuple[float, float]) -> Array:
    """Numbers of the domain, no two of them close: each in the inner half of a cell of its own."""
    n = prod(shape)
    cells = (rng.permutation(n) + rng.uniform(0.25, 0.75, n)) / max(n, 1)
    return np.asarray(domain[0] + (domain[1] - domain[0]) * cells).reshape(shape)


_ONE: tuple[tuple[Shape, ...], ...] = (((7,),), ((4, 4),), ((3, 5),), ((3, 3, 3),), ((40, 50),))
_PAIRS: tuple[tuple[Shape, ...], ...] = (
    ((5,), (5,)),
    ((4, 4), (4, 4)),
    ((4, 4), (4,)),
    ((4, 1), (4, 4)),
    ((6, 3), (3,)),
    ((50, 40), (40,)),
)


def _direct(op: Primitive, *tensors: Tensor) -> Tensor:
    return op(*tensors)


def _solved(op: Primitive, a: Tensor, b: Tensor) -> Tensor:
    """Of a matrix that is far from singular."""
    return op(a + 4 * np.eye(a.shape[-1], dtype=a.dtype), b)


_ROWS = np.array([2, 0, 2, 1])  # row 2 is read twice


def _masked(op: Primitive, x: Tensor, y: Tensor) -> Tensor:
    mask = np.arange(x.size).reshape(x.shape) % 3 == 0
    return op(mask, x, y)


SITES = (
    Site(ops.add, _direct, _PAIRS),
    Site(ops.subtract, _direct, _PAIRS),
    Site(ops.multiply, _direct, _PAIRS),
    Site(ops.divide, _direct, _PAIRS, (0.3, 2)),
    Site(ops.power, _direct, _PAIRS, (0.3, 2)),
    Site(ops.maximum, _direct, _PAIRS),
    Site(
        ops.where,
        _masked,
        (((4, 4), (4, 4)), ((6, 3), (3,)), ((30, 20), (30, 20))),
        (-2, 2),
        (1, 2),
    ),
    Site(ops.exp, _direct, _ONE, positions=(0,)),
    Site(ops.log, _direct, _ONE, (0.3, 3), (0,)),
    Site(ops.sqrt, _direct, _ONE, (0.3, 3), (0,)),
    Site(ops.tanh, _direct, _ONE, positions=(0,)),
    Site(ops.expit, _direct, _ONE, positions=(0,)),
    Site(ops.square, _direct, _ONE, positions=(0,)),
    Site(ops.absolute, _direct, _ONE, positions=(0,)),
    Site(ops.clip, lambda op, x: op(x, -1, 1), _ONE, positions=(0,)),
    Site(ops.sum, lambda op, x: op(x, -1), _ONE, positions=(0,)),
    Site(ops.mean, lambda op, x: op(x, 0), _ONE, positions=(0,)),
    Site(ops.max, lambda op, x: op(x, 0), _ONE, positions=(0,)),
    Site(ops.prod, lambda op, x: op(x, -1), _ONE[:4], (0.5, 1.5), (0,)),
    Site(ops.var, lambda op, x: op(x, 0), _ONE, positions=(0,)),
    Site(ops.logsumexp, lambda op, x: op(x, -1), _ONE, positions=(0,)),
    Site(ops.cumsum, lambda op, x: op(x, 0), _ONE, positions=(0,)),
    Site(ops.reshape, lambda op, x: op(x, -1), _ONE, positions=(0,)),
    Site(ops.transpose, _direct, _ONE, positions=(0,)),
    Site(ops.broadcast_to, lambda op, x: op(x, (5, *x.shape)), _ONE, positions=(0,)),
    Site(ops.getitem, lambda op, x: op(x, _ROWS), _ONE, positions=(0,)),
    Site(ops.pad_constant, lambda op, x: op(x, 1), _ONE, positions=(0,)),
    Site(
        ops.sliding_windows,
        lambda op, x: op(x, (2, 2), (1, 1), (1, 1)),
        (((4, 4),), ((2, 3, 5),), ((20, 30),)),
        positions=(0,),
    ),
    Site(
        ops.fold_windows,
        lambda op, x: op(x, (4, 5), (2, 2), (1, 1), (1, 1)),
        (((3, 4, 2, 2),),),
        positions=(0,),
    ),
    Site(ops.concatenate_all, lambda op, x, y: op(x, y, axis=0), _PAIRS[:2]),
    Site(
        ops.matmul,
        _direct,
        (((4, 4), (4, 4)), ((3, 5), (5, 2)), ((2, 3, 4), (4, 3)), ((40, 50), (50, 30))),
    ),
    Site(
        ops.einsum,
        lambda op, x, y: op("ij,jk->ik", x, y),
        (((4, 4), (4, 4)), ((3, 5), (5, 2)), ((40, 50), (50, 30))),
        positions=(1, 2),
    ),
    Site(ops.solve, _solved, (((4, 4), (4, 4)), ((3, 3), (3,)), ((20, 20), (20, 5))), (-1, 1)),
)
