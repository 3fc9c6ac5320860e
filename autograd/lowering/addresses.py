"""Where arrays begin in memory, which is what C is given of them.

To ask NumPy for one address takes longer than to compute with a few numbers, and a small program
reads many arrays. So where arrays are laid out as NumPy's binary interface has it, which is looked
at once, C reads the addresses of all from the arrays themselves.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from autograd.engine.tensor import Array

# Bits of `flags.num`: row-major order and alignment; whether an array may be written into, and
# whether it warns who does.
_IN_ORDER, _WRITABLE, _WARNING = 0x101, 0x400, 1 << 31

POINT = "pb_point"
ARGUMENTS = (*(ctypes.c_void_p,) * 3, ctypes.c_int64, ctypes.c_int64)
TEXT = """\
/* An array of NumPy's, behind the head that all objects of Python have. */
typedef struct {
    char *data;
    int nd;
    void *dimensions, *strides, *base, *type;
    int flags;
} pb_array;

/* Set pointers to arrays, whose class is the first of objects; then that is 0, unless an array is
   of another class or not in row-major order. */
void POINT(char **p, int64_t *objects, const int64_t *places, int64_t count, int64_t head) {
    const char *kind = (const char *)(intptr_t)objects[0];
    for (int64_t i = 0; i < count; i++) {
        const char *object = (const char *)(intptr_t)objects[i + 1];
        if (((const char *const *)(const void *)(object + head))[-1] != kind) return;
        const pb_array *array = (const pb_array *)(const void *)(object + head);
        if ((array->flags & IN_ORDER) != IN_ORDER) return;
        p[places[i]] = array->data;
    }
    objects[0] = 0;
}
""".replace("POINT", POINT).replace("IN_ORDER", str(_IN_ORDER))


class _Fields(ctypes.Structure):
    """`pb_array`."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("nd", ctypes.c_int),
        *[(name, ctypes.c_void_p) for name in ("dimensions", "strides", "base", "type")],
        ("flags", ctypes.c_int),
    )


_HEAD = object.__basicsize__
_CLASS = id(np.ndarray)


def is_layout_known() -> bool:
    """Whether arrays lie in memory as `pb_array` has it: some are looked at."""
    room = np.ndarray.__basicsize__ - _HEAD
    if sys.implementation.name != "cpython" or room < ctypes.sizeof(_Fields):
        return False
    plain = np.arange(24.0).reshape(2, 3, 4)
    frozen = plain[:, 1:].copy()
    frozen.flags.writeable = False
    for array in (plain, frozen, plain.T, plain[1, ::2, 1:], np.array(1.0), np.zeros((3, 2), "i2")):
        of_class = ctypes.c_void_p.from_address(id(array) + _HEAD - ctypes.sizeof(ctypes.c_void_p))
        fields = _Fields.from_address(id(array) + _HEAD)
        found = of_class.value, fields.data, fields.nd, fields.flags
        if found != (_CLASS, array.ctypes.data, array.ndim, array.flags.num):
            return False
    return True


_LAYOUT_IS_KNOWN = is_layout_known()


class Pointed(Protocol):
    """Memory of one call.

    Attributes:
        pointers: the table that C reads.
        p: its address.
        objects: room for `POINT`.
        o: its address.
    """

    pointers: Any
    p: int
    objects: Any
    o: int


class Pointers:
    """Sets pointers to arrays, always the same ones.

    Args:
        positions: of the pointers.
        point: `POINT`, loaded.
    """

    def __init__(self, positions: Sequence[int], point: Callable[..., None]) -> None:
        self._positions, self._point, self._count = positions, point, len(positions)
        self._places = (ctypes.c_int64 * self._count)(*positions)
        self._at = ctypes.addressof(self._places)
        self._pack = struct.Struct(f"{1 + self._count}q").pack_into

    def __call__(self, block: Pointed, arrays: Sequence[Array]) -> Sequence[Array]:
        """Point to an array for each position; to copies of those that are not in row-major order,
        which last as long as what is returned."""
        if _LAYOUT_IS_KNOWN:
            self._pack(block.objects, 0, _CLASS, *map(id, arrays))
            self._point(block.p, block.o, self._at, self._count, _HEAD)
            if not block.objects[0]:
                return arrays
        return self._one_by_one(block, arrays)

    def _one_by_one(self, block: Pointed, arrays: Iterable[Array]) -> Sequence[Array]:
        placed = [*map(located, arrays)]
        for position, array in zip(self._positions, placed, strict=True):
            block.pointers[position] = address(array)
        return placed


def located(array: Array) -> Array:
    """The array, in row-major order."""
    return array if array.flags.num & _IN_ORDER == _IN_ORDER else np.array(array, order="C")


def address(array: Array) -> int:
    """Where an array in row-major order begins in memory.

    The buffer of an array tells it in a fifth of the time that `array.ctypes` takes, but is given
    to ctypes only where it may be written into.
    """
    if array.size and array.flags.num & (_WRITABLE | _WARNING) == _WRITABLE:
        buffer: Any = array
        try:
            return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        except (ValueError, TypeError):  # a dtype that buffers do not know, another order
            pass
    data: int = array.ctypes.data
    return data
