"""Several arrays made one, and one cut into several."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Operand, Tensor
from autograd.ops.arguments import as_number, as_numeric, holds_tensors, named
from autograd.ops.shapes.shape import as_tensor, atleast_1d, atleast_2d, ravel, reshape


def concatenate(arrays: Iterable[Operand], axis: int | None = 0) -> Tensor:
    """The arrays one after the other along an axis of theirs; without it, all of them flattened."""
    parts = _several("concatenate", arrays)
    if axis is None:
        parts, axis = [ravel(a) for a in parts], 0
    if len(parts) <= _FEW:
        return concatenate_all(*parts, axis=axis)
    lengths = [as_tensor(a).shape[axis] for a in parts]
    return concatenate_all(*parts, axis=axis, starts=tuple(accumulate(lengths, initial=0)))


# Above so many arrays, where each starts is reckoned once, not from the first on for each.
_FEW = 16


@primitive(
    kind="gather",
    expects="arrays whose shapes are equal but along the axis",
    analytic=True,
    name="concatenate",
)
def concatenate_all(*arrays: Array, axis: int = 0, starts: tuple[int, ...] | None = None) -> Array:
    """concatenate, with the arrays as arguments; starts is where each starts, and the end."""
    return np.concatenate(arrays, axis)


def _piece(
    position: int,
    g: Tensor,
    out: Tensor,
    *arrays: Tensor,
    axis: int = 0,
    starts: tuple[int, ...] | None = None,
) -> Tensor:
    start = starts[position] if starts else sum([a.shape[axis] for a in arrays[:position]])
    stop = start + arrays[position].shape[axis]
    return g[(slice(None),) * (axis % g.ndim) + (slice(start, stop),)]


concatenate_all.defvjp_each(_piece, keeps=())


def stack(arrays: Iterable[Operand], axis: int = 0) -> Tensor:
    """Arrays of one shape along a new axis, at that place of the result."""
    return stack_all(*_several("stack", arrays), axis=axis)


# A primitive, not concatenate of arrays with a new axis: of a thousand time steps, that would
# record a thousand ops more.
@primitive(kind="gather", expects="arrays of one shape", analytic=True, name="stack")
def stack_all(*arrays: Array, axis: int = 0) -> Array:
    """stack, with the arrays as arguments."""
    return np.stack(arrays, axis)


stack_all.defvjp_each(
    lambda position, g, out, *arrays, axis=0: g[(slice(None),) * (axis % g.ndim) + (position,)],
    keeps=(),
)


def stack_nested(parts: Sequence[Any]) -> Any:
    """One tensor of a list or tuple, nested or not, that holds tensors: np.array of tensors. One
    that holds none is returned as it is.

    Numbers among the parts take the dtype of the others, and integers do not widen floats.

    Raises:
        UnsupportedError: a part is neither a tensor nor numeric.
        ValueError: the shapes differ, or a list holds itself.
    """
    if not holds_tensors(parts):
        return parts
    plain = _plain_parts(parts)
    dtype = _joint_dtype(plain)

    def joined(part: Any) -> Any:
        if isinstance(part, list):
            return stack_all(*[joined(inner) for inner in part])
        return part if isinstance(part, Tensor | np.ndarray) else np.asarray(part, dtype)

    return joined(plain)


def _plain_parts(part: Any) -> Any:
    """Nested lists of tensors, arrays and Python's numbers."""
    if isinstance(part, list | tuple):
        return [_plain_parts(inner) for inner in part]
    part = as_number(part)
    if isinstance(part, Tensor | int | float | complex):
        return part
    return as_numeric("a part of a list that holds tensors", part)


def _joint_dtype(plain: list[Any]) -> np.dtype[Any]:
    """The dtype of the floating arrays in a nested list, or else of all, with numbers as weak."""
    leaves = list(_leaves(plain))
    arrays = [leaf.dtype for leaf in leaves if isinstance(leaf, Tensor | np.ndarray)]
    floats = [dtype for dtype in arrays if dtype.kind in "fc"]
    numbers = [leaf for leaf in leaves if isinstance(leaf, int | float | complex)]
    return np.result_type(*(floats or arrays), *numbers)


def _leaves(part: Any) -> Iterator[Any]:
    if isinstance(part, list):
        for inner in part:
            yield from _leaves(inner)
    else:
        yield part


@named
def hstack(arrays: Iterable[Operand]) -> Tensor:
    """concatenate along the second axis; of vectors and numbers, along the only one."""
    parts = [atleast_1d(a) for a in _several("hstack", arrays)]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)


@named
def vstack(arrays: Iterable[Operand]) -> Tensor:
    """concatenate along the first axis; vectors and numbers are rows."""
    return concatenate([atleast_2d(a) for a in _several("vstack", arrays)], 0)


@named
def column_stack(arrays: Iterable[Operand]) -> Tensor:
    """Matrices beside each other; vectors and numbers are columns."""
    parts = [as_tensor(a) for a in _several("column_stack", arrays)]
    return concatenate([a if a.ndim > 1 else reshape(a, (-1, 1)) for a in parts], 1)


@named
def append(x: Operand, values: Operand, axis: int | None = None) -> Tensor:
    """x, and the values behind it along an axis; without it both are flattened."""
    return concatenate([x, values], axis)


def _several(name: str, arrays: Iterable[Operand]) -> list[Any]:
    """The arrays, with Python numbers among them in the dtype of the others."""
    parts = list(arrays)
    if not parts:
        raise ValueError(f"{name}: no arrays given, at least one expected")
    if any(isinstance(part, int | float) for part in parts):
        dtype = _joint_dtype(_plain_parts(parts))
        parts = [np.asarray(p, dtype) if isinstance(p, int | float) else p for p in parts]
    return parts


@primitive(kind="view", analytic=True)
def split(x: Array, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Array, ...]:
    """x cut along an axis into a tuple of views.

    Args:
        indices_or_sections: how many equal parts, or the places to cut before, in ascending order.

    Raises:
        ValueError: the parts would not be equal, or would overlap.
    """
    length = x.shape[normalize_axis_index(axis, x.ndim)]
    if isinstance(indices_or_sections, int):
        if indices_or_sections < 1 or length % indices_or_sections:
            raise ValueError(
                f"axis {axis} of length {length} cannot be cut into {indices_or_sections} equal "
                "parts; array_split cuts it into nearly equal ones"
            )
    else:
        cuts = [slice(cut).indices(length)[1] for cut in indices_or_sections]
        if cuts != sorted(cuts):
            raise ValueError(
                f"cuts before {list(indices_or_sections)} of an axis of length {length} make parts "
                "that overlap; give them in ascending order"
            )
    return tuple(np.split(x, indices_or_sections, axis))


split.defvjp(lambda g, out, x, indices_or_sections, axis=0: concatenate(g, axis), keeps=[""])


@named
def array_split(
    x: Operand, indices_or_sections: int | Sequence[int], axis: int = 0
) -> tuple[Tensor, ...]:
    """split, but a number of parts need not divide the length: the first get one element more."""
    x = as_tensor(x)
    if isinstance(indices_or_sections, Sequence | np.ndarray):
        return _split(x, indices_or_sections, axis)
    parts = operator.index(indices_or_sections)
    if parts < 1:
        raise ValueError(f"array_split: {parts} parts given, at least 1 expected")
    length = x.shape[normalize_axis_index(axis, x.ndim)]
    shorter, longer = divmod(length, parts)
    return _split(x, [shorter * i + min(i, longer) for i in range(1, parts)], axis)


@named
def hsplit(x: Operand, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """split along the second axis; of a vector, along the only one."""
    x = as_tensor(x)
    return _split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@named
def vsplit(x: Operand, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """split of an array of two axes or more along the first."""
    return _split(_of_rank("vsplit", x, 2), indices_or_sections, 0)


@named
def dsplit(x: Operand, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """split of an array of three axes or more along the third."""
    return _split(_of_rank("dsplit", x, 3), indices_or_sections, 2)


def _of_rank(name: str, x: Operand, least: int) -> Tensor:
    x = as_tensor(x)
    if x.ndim < least:
        raise ValueError(
            f"{name}: a tensor of shape {x.shape} given, {least} axes or more expected"
        )
    return x


def _split(x: Tensor, cuts: int | Sequence[int], axis: int) -> tuple[Tensor, ...]:
    parts: Any = split(x, cuts, axis)  # an op of several outputs, which the checker cannot know
    return tuple(parts)
