"""One block of memory for the large values of a program: those that are there at different times
share places in it.

A block belongs to one call as long as that runs: calls in several threads, and within each other,
have blocks of their own, which later calls take over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autograd.engine.tensor import Array
from autograd.runtime.rooms import DType, Model, Room, new

ALIGNED = 64  # bytes: a line of the cache, and the widest registers
_VIEWS = 8  # of one place: in the orders of memory that operands may have


class Life(NamedTuple):
    """From which call on a value is there, and before which it is there no more."""

    begin: int
    end: int


def planned(sizes: Sequence[int], lives: Sequence[Life]) -> tuple[list[int], int]:
    """Where each value begins in one block, and the size of that, in bytes.

    The largest come first, each at the lowest place that is free as long as it lives; places are
    multiples of 64 bytes. Whoever lives at one time has no byte in common.

    >>> planned([100, 200, 50], [Life(0, 2), Life(1, 3), Life(2, 4)])
    ([256, 0, 256], 384)
    """
    size = -(-np.asarray(sizes, np.int64) // ALIGNED) * ALIGNED
    begin, end = np.asarray(lives, np.int64).reshape(-1, 2).T
    offset = np.zeros_like(size)
    placed = np.zeros((4, len(size)), np.int64)  # begin, end, first and last place, by the first
    for count, i in enumerate(np.lexsort((begin, -size)).tolist()):
        begins, ends, firsts, lasts = placed[:, :count]
        beside = np.flatnonzero((begins < end[i]) & (ends > begin[i]))
        # Free are the places behind all that begin before, up to where the next begins.
        free = np.zeros(len(beside) + 1, np.int64)
        np.maximum.accumulate(lasts[beside], out=free[1:])
        fits = np.flatnonzero(firsts[beside] - free[:-1] >= size[i])
        first = offset[i] = free[fits[0]] if len(fits) else free[-1]
        at = np.searchsorted(firsts, first)
        placed[:, at + 1 : count + 1] = placed[:, at:count].copy()
        placed[:, at] = begin[i], end[i], first, first + size[i]
    return offset.tolist(), int((offset + size).max(initial=0))


class _Place:
    """A room in a block, which makes one value, at every call of the program anew."""

    __slots__ = ("_memory", "_offset", "_size", "_views")

    def __init__(self, memory: Array, offset: int, size: int) -> None:
        self._memory, self._offset, self._size = memory, offset, size
        self._views: dict[object, Array] = {}

    def __call__(self, shape: tuple[int, ...], dtype: DType, model: Model = None, /) -> Array:
        strides = (
            tuple([array.strides for array in model])
            if type(model) is tuple
            else getattr(model, "strides", None)
        )
        key = shape, dtype, strides
        view = self._views.get(key)
        if view is None:
            made = new(shape, dtype, model)
            if made.nbytes > self._size:
                return made  # another call, other sizes
            view = np.ndarray(shape, dtype, self._memory, self._offset, made.strides)
            if len(self._views) == _VIEWS:
                self._views.clear()
            self._views[key] = view
        return view


class _Asked:
    """In the place of a room while nothing is planned: it notes what it is asked for."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0

    def __call__(self, shape: tuple[int, ...], dtype: DType, model: Model = None, /) -> Array:
        made = new(shape, dtype, model)
        self.size = made.nbytes
        return made


class Arenas:
    """The blocks of memory of a program.

    Which values are asked for is only known when it has run: the forward of a reshape gives a view
    or a copy. So the first call finds no block, and what it asks for is planned.

    Args:
        lives: of each value that may lie in a block; None of one that must not.

    Attributes:
        size: of one block, in bytes; None before the first call.
    """

    def __init__(self, lives: Sequence[Life | None]) -> None:
        self._lives = lives
        self._sizes: list[int] = []
        self._offsets: list[int] = []
        self.size: int | None = None
        self._idle: list[list[Room]] = []

    def take(self) -> list[Room]:
        """A room for each value, for one call, which gives them back when it has ended.

        What ends by an error keeps them: who looks at it may still see what lies there.
        """
        try:
            return self._idle.pop()
        except IndexError:
            return self._first() if self.size is None else self._block()

    def give_back(self, rooms: list[Room]) -> None:
        """Keep the rooms of a call for a later one."""
        if self.size is None:
            self._plan(rooms)
        elif not any(isinstance(room, _Asked) for room in rooms):
            self._idle.append(rooms)

    def _first(self) -> list[Room]:
        return [new if life is None else _Asked() for life in self._lives]

    def _plan(self, rooms: list[Room]) -> None:
        sizes = [room.size if isinstance(room, _Asked) else 0 for room in rooms]
        asked = [i for i, size in enumerate(sizes) if size]
        lives = [life for i in asked if (life := self._lives[i]) is not None]
        found, size = planned([sizes[i] for i in asked], lives)
        offsets = [0] * len(sizes)
        for i, offset in zip(asked, found, strict=True):
            offsets[i] = offset
        self._sizes, self._offsets = sizes, offsets
        self.size = size  # last: other threads see a plan that is whole

    def _block(self) -> list[Room]:
        assert self.size is not None
        memory = np.empty(self.size + ALIGNED, np.uint8)
        start = -memory.ctypes.data % ALIGNED
        return [
            _Place(memory, start + offset, size) if size else new
            for offset, size in zip(self._offsets, self._sizes, strict=True)
        ]
