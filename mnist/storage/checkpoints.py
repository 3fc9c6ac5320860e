"""Checkpoints: a tree of numbers, strings and arrays in one file, which reading cannot execute.

The layout, in the spirit of safetensors (https://github.com/huggingface/safetensors), whose header
has no room for anything but arrays:

    8 bytes    "PULLBACK"
    8 bytes    N, the length of the header, an unsigned little-endian integer
    N bytes    the header, JSON in ASCII, spaces at its end to make N a multiple of 8
    the rest   the arrays' values one after the other, in C order, each with zeros at its end to
               make its length a multiple of 8
    32 bytes   SHA-256 of everything before

The header is {"format": 1, "arrays": [[dtype, shape], ...], "tree": {...}}, with dtypes as in
`numpy.dtype.str` ("<f4"). In the tree stands {"$array": i} for array i, which are numbered in the
order of their places there; {"$int": "0x..."} for an integer of more than 64 bits; and {"$float":
"..."} for NaN and infinities, the 16 hexadecimal digits of their big-endian float64. Names that
start with "$" get another one in front. Where arrays lie follows from their sizes, so that they
cannot overlap, and the same tree gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from autograd.engine.tensor import Array
from mnist.data.files import opened, shown, write_whole
from mnist.storage.reading import (
    DTYPES,
    MAX_DEPTH,
    CheckpointError,
    array_in,
    array_size,
    brief,
    parse_json,
    read_whole,
)

__all__ = ["CheckpointError", "is_one", "read", "write"]


_MAGIC = b"PULLBACK"
_FORMAT = 1
_PREFIX = len(_MAGIC) + 8
_DIGEST = hashlib.sha256().digest_size
_ALIGNMENT = 8
# What is not in arrays: settings, numbers, a line an epoch. Python's objects take some thirty
# times the room of their text, hence a limit.
_MAX_HEADER = 1 << 24
_MAX_NESTING = MAX_DEPTH - 4  # a mark within a tree within the header
_INT64 = 1 << 63
_REMEDY = "take another checkpoint or train anew"


def write(path: str | Path, tree: Mapping[str, Any]) -> None:
    """Write a tree to a file that is replaced whole or not at all.

    Args:
        path: the file.
        tree: nested dicts with names (str), lists and tuples, of str, int of any size, float,
            bool, None, NumPy's numbers, and NumPy arrays of bool, integers or floats of at most
            64 bits.

    Raises:
        CheckpointError: it cannot be written; what was there before is as it was.
        TypeError: the tree holds something else.
        ValueError: it is nested more than 96 deep, or has more than 16 MiB outside of arrays.
    """
    arrays: list[Array] = []
    encoded = _encoded(tree, arrays)
    if not isinstance(tree, Mapping):
        raise TypeError(f"a checkpoint is of a dict, {type(tree).__name__} given")
    write_whole(Path(path), _parts(_header(encoded, arrays), arrays), CheckpointError)


def read(path: str | Path) -> dict[str, Any]:
    """The tree that `write` was given, with lists for tuples and Python's numbers for NumPy's.

    The arrays may be written to. Memory stays in proportion to the file's size.

    Raises:
        CheckpointError: there is no such file, or it is not one that `write` has made.
    """
    name = shown(path)
    content = read_whole(path, _MAGIC, "checkpoint")
    with memoryview(content) as view:
        if hashlib.sha256(view[:-_DIGEST]).digest() != view[-_DIGEST:]:
            raise CheckpointError(
                f"{name}: is damaged or cut short (its SHA-256 is not that of its content); "
                f"{_REMEDY}"
            )
    try:
        return _decoded(content)
    except ValueError as error:
        raise CheckpointError(
            f"{name}: is no checkpoint as written here ({error}); {_REMEDY}"
        ) from error


def is_one(path: Path) -> bool:
    """Whether a file starts as a checkpoint does, whole or damaged."""
    with suppress(CheckpointError), opened(path, CheckpointError) as file:
        return file.read(len(_MAGIC)) == _MAGIC
    return False


# --- writing -------------------------------------------------------------------------------------


def _header(tree: Any, arrays: list[Array]) -> bytes:
    described = [[array.dtype.str, array.shape] for array in arrays]
    entries = {"format": _FORMAT, "arrays": described, "tree": tree}
    header = json.dumps(entries, allow_nan=False, separators=(",", ":")).encode("ascii")
    header += b" " * _padding(len(header))
    if len(header) > _MAX_HEADER:
        raise ValueError(
            f"a checkpoint of {len(header):,} bytes outside of arrays, at most {_MAX_HEADER:,} "
            "possible; put numbers into arrays"
        )
    return header


def _parts(header: bytes, arrays: list[Array]) -> Iterator[bytes]:
    start = _MAGIC + struct.pack("<Q", len(header)) + header
    digest = hashlib.sha256(start)
    yield start
    for array in arrays:
        # A copy: what is hashed is what is written, also where another thread changes the array.
        values = array.tobytes()
        values += bytes(_padding(len(values)))
        digest.update(values)
        yield values
    yield digest.digest()


def _padding(length: int) -> int:
    return -length % _ALIGNMENT


def _encoded(value: Any, arrays: list[Array], place: tuple[Any, ...] = ()) -> Any:
    """What JSON can say of a tree; its arrays are added to `arrays`."""
    if isinstance(value, np.generic) and value.dtype.str in DTYPES:
        value = value.item()
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value) if -_INT64 <= value < _INT64 else {"$int": hex(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": struct.pack(">d", value).hex()}
    if isinstance(value, np.ndarray) and value.dtype.str in DTYPES:
        arrays.append(value)
        return {"$array": len(arrays) - 1}
    if len(place) >= _MAX_NESTING:
        raise ValueError(
            f"a checkpoint nested more than {_MAX_NESTING} deep given, at "
            f"{_place(place[:5])}...; does it hold itself?"
        )
    if isinstance(value, list | tuple):
        return [_encoded(item, arrays, (*place, i)) for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(
                    f"a checkpoint with the name {brief(name)} at {_place(place)} given, str "
                    "expected"
                )
        return {
            f"${name}" if name.startswith("$") else name: _encoded(item, arrays, (*place, name))
            for name, item in value.items()
        }
    array = isinstance(value, np.ndarray)
    kind = f"array of {value.dtype}" if array else f"object of type {type(value).__name__}"
    raise TypeError(
        f"a checkpoint with an {kind} at {_place(place)} given, dicts, lists, str, int, float, "
        "bool, None and arrays of bool, integers or floats of at most 64 bits expected"
    )


def _place(place: tuple[Any, ...]) -> str:
    return brief(".".join(map(str, place))) if place else "its top"


# --- reading -------------------------------------------------------------------------------------


def _decoded(content: bytearray) -> dict[str, Any]:
    (length,) = struct.unpack_from("<Q", content, len(_MAGIC))
    start, end = _PREFIX + length, len(content) - _DIGEST
    if length % _ALIGNMENT or length > _MAX_HEADER or start > end:
        raise ValueError(f"its header claims {length:,} bytes, of {len(content):,} in all")
    header = parse_json(content[_PREFIX:start])
    if not isinstance(header, dict) or "format" not in header:
        raise ValueError("its header does not name its format")
    if header["format"] != _FORMAT or isinstance(header["format"], bool):
        raise ValueError(f"it is of format {brief(header['format'])}, {_FORMAT} is known here")
    if set(header) != {"format", "arrays", "tree"}:
        raise ValueError(f"its header has {brief(sorted(header))}")
    if not isinstance(header["arrays"], list) or not isinstance(header["tree"], dict):
        raise ValueError("its header has no list of arrays or no tree")
    unused = deque(enumerate(_arrays(content, header["arrays"], start, end)))
    tree = _restored(header["tree"], unused)
    if not isinstance(tree, dict) or unused:
        raise ValueError("its tree is no dict, or leaves arrays out")
    return tree


def _arrays(content: bytearray, described: list[Any], start: int, end: int) -> Iterator[Array]:
    for entry in described:
        if not isinstance(entry, list) or len(entry) != 2:
            raise ValueError(f"it describes an array as {brief(entry)}")
        dtype, shape = entry
        size = array_size(dtype, shape)
        stop = start + size + _padding(size)
        if stop > end:
            raise ValueError(f"its arrays go beyond its end: {brief(entry)}")
        if any(content[start + size : stop]):
            raise ValueError("it holds something between its arrays")
        yield array_in(content, dtype, shape, start)
        start = stop
    if start != end:
        raise ValueError(f"it goes on for {end - start:,} bytes after its arrays")


def _restored(value: Any, unused: deque[tuple[int, Array]], depth: int = 0) -> Any:
    """The tree of a value of JSON. Its arrays are taken from `unused`, numbered, in their order."""
    if not isinstance(value, list | dict):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((name, content),) = value.items()
        if _is_mark(name):
            return _special(name, content, unused)
    if depth >= _MAX_NESTING:
        raise ValueError(f"its tree is nested more than {_MAX_NESTING} deep")
    # In place, as a second tree would take the memory of the first again.
    places = enumerate(value) if isinstance(value, list) else value.items()
    for place, item in places:
        value[place] = _restored(item, unused, depth + 1)
    if isinstance(value, dict) and any(name.startswith("$") for name in value):
        for name in filter(_is_mark, value):
            raise ValueError(f"its tree has the name {brief(name)}")
        return {name.removeprefix("$"): item for name, item in value.items()}
    return value


def _special(mark: str, content: Any, unused: deque[tuple[int, Array]]) -> Any:
    if mark == "$array" and unused and type(content) is int and content == unused[0][0]:
        return unused.popleft()[1]
    if mark == "$int" and isinstance(content, str) and re.fullmatch("-?0x[0-9a-f]+", content):
        return int(content, 16)
    if mark == "$float" and isinstance(content, str) and re.fullmatch("[0-9a-f]{16}", content):
        return struct.unpack(">d", bytes.fromhex(content))[0]
    raise ValueError(f"its tree has {brief({mark: content})}")


def _is_mark(name: str) -> bool:
    return name.startswith("$") and not name.startswith("$$")
