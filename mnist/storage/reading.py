"""What every reader of checkpoints and weights needs: whole files, JSON and sizes of arrays, of
which nothing is believed unchecked."""

from __future__ import annotations

import json
import math
import os
import reprlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd.engine.tensor import Array
from mnist.data.files import opened, shown

MAX_DEPTH = 100  # of JSON: what reads it recurses
_MAX_DIGITS = 40  # of a JSON number: far more than a float or a 64-bit integer needs
_MAX_NDIM = 64  # NumPy's own limit
_SHORT = 60  # characters of what is quoted from a file
_MOST = 1 << 30  # bytes of any file; the networks here take a hundredth of it

# The types of arrays, in NumPy's notation with the byte order: no objects, and no long doubles,
# which are not the same on all machines.
DTYPES = frozenset(
    {"|b1", "|i1", "|u1"}
    | {f"{order}{kind}{size}" for order in "<>" for kind in "iuf" for size in (2, 4, 8)}
)


class CheckpointError(RuntimeError):
    """A checkpoint or a file of weights cannot be read or written, or is not what it should be.

    The message is one line: the file, what is wrong and what to do.
    """


def read_whole(
    path: str | Path, magic: bytes = b"", kind: str = "", limit: int = _MOST
) -> bytearray:
    """The content of a regular file of at most `limit` bytes.

    It is read no further where it does not start with `magic`, as a `kind` does.

    Raises:
        CheckpointError: it does not, is longer, is no file, or cannot be read.
    """
    name = shown(path)
    try:
        with opened(path, CheckpointError) as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(len(magic))
            if start != magic:
                found = f"starts with {start.hex(' ')}" if start else "is empty"
                raise CheckpointError(f"{name}: {found} and is no {kind}; name another file")
            if size > limit:
                raise CheckpointError(
                    f"{name}: holds {size:,} bytes where at most {limit:,} make sense; "
                    "name another file"
                )
            content = bytearray(size)
            file.seek(0)
            if file.readinto(content) < size or file.read(1):
                raise CheckpointError(f"{name}: changed while it was read; try again")
            return content
    except MemoryError as error:
        raise CheckpointError(f"{name}: does not fit into memory; name another file") from error


def parse_json(text: bytes | bytearray) -> Any:
    """The value of a JSON text, stricter than `json.loads`.

    Raises:
        ValueError: it is no JSON, has a name twice in an object, numbers that are no finite
            numbers or have more than 40 digits, or is nested more than 100 deep.
    """
    if _depth(text) > MAX_DEPTH:  # before parsing: how deep that may recurse is the caller's affair
        raise ValueError(f"its JSON is nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_float,
        )
    except UnicodeDecodeError:
        raise ValueError("its JSON is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"its JSON is broken: {error}") from None


def array_size(dtype: Any, shape: Any) -> int:
    """Number of bytes of an array, for a `dtype` as in `dtype.str` and a `shape` from a file.

    Raises:
        ValueError: there can be no such array, or its type is none of those supported.
    """
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"it has an array of the unknown type {brief(dtype)}")
    # Zeros left out: NumPy refuses (0, huge, huge) too, although it would hold no value at all.
    if (
        not (isinstance(shape, Sequence) and len(shape) <= _MAX_NDIM)
        or not all(type(n) is int and n >= 0 for n in shape)
        or math.prod(n for n in shape if n) * int(dtype[2:]) > sys.maxsize
    ):
        raise ValueError(f"it has an array of the impossible shape {brief(shape)}")
    return int(math.prod(shape)) * int(dtype[2:])


def array_in(
    content: bytearray, dtype: str, shape: Sequence[int], start: int = 0, fortran: bool = False
) -> Array:
    """The array, of a size known to be right, that lies from `start` on; it may be written to.

    Raises ValueError where truth values are neither 0 nor 1.
    """
    array: Array = np.ndarray(shape, dtype, content, start, order="F" if fortran else "C")
    if array.dtype == bool and array.view(np.uint8).max(initial=0) > 1:
        raise ValueError("it has an array of bool with values that are neither 0 nor 1")
    return array


def brief(value: Any) -> str:
    """What a file holds as it may stand in a message: on one line, and short."""
    text = _excerpt.repr(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."


def damaged(path: str | Path, error: Exception) -> CheckpointError:
    """What is said of a file of weights that a library refuses: some quote all of it."""
    reason = shown(str(error))
    reason = reason if len(reason) <= 2 * _SHORT else f"{reason[: 2 * _SHORT - 3]}..."
    return CheckpointError(
        f"{shown(path)}: is damaged, or no file of weights ({reason}); take a copy of it "
        "or name another"
    )


_excerpt = reprlib.Repr()
_excerpt.maxstring = _SHORT


def _depth(text: bytes | bytearray) -> int:
    """How deep the brackets outside of strings are nested."""
    marks = np.frombuffer(text.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    outside = np.cumsum(marks == ord('"'), dtype=np.uint8) % 2 == 0
    opening = (marks == ord("[")) | (marks == ord("{"))
    closing = (marks == ord("]")) | (marks == ord("}"))
    steps = np.subtract(opening, closing, dtype=np.int8) * outside
    return int(steps.cumsum(dtype=np.int32).max(initial=0))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"its JSON has the name {brief(name)} twice in an object")
        made[name] = value
    return made


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"its JSON has a number of {len(text):,} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text) if len(text) <= _MAX_DIGITS else math.inf
    if not math.isfinite(value):
        raise ValueError(f"its JSON has {text:.60} for a number, a finite one expected")
    return value
