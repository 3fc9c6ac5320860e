"""Borders around an array."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.engine.modes import array_within
from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Operand, Tensor
from autograd.ops.elementwise.selection import where
from autograd.ops.shapes.indexing import getitem
from autograd.ops.shapes.joining import concatenate
from autograd.ops.shapes.shape import as_tensor
from autograd.runtime.rooms import Room, new

_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Tensor:
    """x with borders.

    Args:
        pad_width: (before, after) for each axis, or one such pair or one number for all.
        mode: what the border holds: "constant", the number constant_values, or (before, after) of
            them as in NumPy; a tensor has a gradient; "edge", the outermost
            elements; "reflect", x mirrored in its outermost elements; "symmetric", x mirrored in
            its edges, so that the outermost elements are repeated; "wrap", the opposite side.

    Raises:
        ValueError: an unknown mode, a negative width, one that does not fit x, or a number that the
            dtype of x does not have.
    """
    if mode == "constant" and isinstance(constant_values, Tensor):
        inside = pad_constant(np.ones(np.shape(x), np.bool_), pad_width)
        return where(inside, pad_constant(x, pad_width), constant_values)
    if mode == "constant" and np.ndim(constant_values):
        border = np.pad(
            np.zeros_like(array_within(as_tensor(x))), pad_width, constant_values=constant_values
        )
        return pad_constant(x, pad_width) + border
    if mode == "constant":
        return pad_constant(x, pad_width, constant_values)
    if mode not in _MODES:
        raise ValueError(f"pad: mode {mode!r} given, one of {', '.join(_MODES)} expected")
    x = as_tensor(x)
    for axis, (before, after) in enumerate(_pad_widths(pad_width, x.ndim)):
        if before or after:
            # Where each element of the result comes from.
            source = np.pad(np.arange(x.shape[axis]), (before, after), mode)  # type: ignore[call-overload]
            x = concatenate(
                [p for run in _runs(source.tolist()) for p in _parts(x, axis, *run)], axis
            )
    return x


def _runs(places: list[int]) -> Iterator[tuple[int, int, int]]:
    """The pieces (first, step, length) of a list within which it grows by one step.

    Each is then a slice, which is faster to read, and to add up in the gradient, than an index
    array, and keeps the order of memory.
    """
    start = 0
    while start < len(places):
        stop = start + 1
        step = places[stop] - places[start] if stop < len(places) else 1
        while stop < len(places) and places[stop] - places[stop - 1] == step:
            stop += 1
        yield places[start], step, stop - start
        start = stop


def _parts(x: Tensor, axis: int, first: int, step: int, length: int) -> list[Tensor]:
    """The elements of one of the runs, along the axis; of a run of one element, it repeated."""
    stop = first + step * length
    run = slice(first, stop if stop >= 0 else None, step) if step else slice(first, first + 1)
    part = getitem(x, (slice(None),) * axis + (run,))
    return [part] if step else [part] * length


@primitive(kind="view", analytic=True, name="pad")
def pad_constant(x: Array, pad_width: Any, constant_values: float = 0) -> Array:
    """x with borders of one number; see `pad`."""
    return padded(x, pad_width, constant_values)


pad_constant.defvjp(
    lambda g, out, x, pad_width, constant_values=0: g[
        _inner(_pad_widths(pad_width, x.ndim), x.shape)
    ],
    keeps=[""],
)


def padded(x: Array, pad_width: Any, constant_values: float = 0, room: Room = new) -> Array:
    """See `pad`; into a room."""
    widths = _pad_widths(pad_width, x.ndim)
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths, strict=True))
    _expect_held(constant_values, x.dtype)
    out = room(shape, x.dtype, x)  # keeps the order of memory of x
    np.copyto(out, constant_values, casting="unsafe")
    out[_inner(widths, x.shape)] = x
    return out


def _expect_held(value: Any, dtype: np.dtype[Any]) -> None:
    """Refuse what is no number, or none that an array of the dtype can hold."""
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "biufc":
        raise TypeError(f"constant_values {value!r} given, one number expected")
    if dtype.kind in "biu":
        with np.errstate(all="ignore"):
            held = number.astype(dtype)
        if held != number:
            raise ValueError(
                f"constant_values {value!r} given for {dtype}, which has no such number"
            )


def _pad_widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu" or given.shape not in ((), (1,), (2,), (1, 2), (ndim, 2)):
        raise ValueError(
            f"pad_width {pad_width} given for {ndim} axes; a pair (before, after) of whole numbers "
            "for each, or one for all, expected"
        )
    widths = np.broadcast_to(given, (ndim, 2)).tolist()
    if any(w < 0 for pair in widths for w in pair):
        raise ValueError(f"pad widths of at least 0 expected, {pad_width} given")
    return [(before, after) for before, after in widths]


def _inner(widths: list[tuple[int, int]], shape: tuple[int, ...]) -> tuple[builtins.slice, ...]:
    return tuple(slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True))
