"""Arrays from .npz files that anyone may have made.

`numpy.load` allocates what a header claims before it looks at the file, and evaluates headers as
Python literals. Here the zip file is the standard library's to read, within limits; the header of
an array (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) has one form
only, that which NumPy writes.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from autograd.engine.tensor import Array
from mnist.data.idx import shown
from mnist.storage.reading import CheckpointError, array_size, brief, read_whole, told

# Trained weights hardly compress; what unpacks to more than this, and to more than so many times
# its size, is a zip bomb.
_SMALL = 1 << 20
_MAX_RATIO = 16
_MAX_MEMBERS = 10_000
_MAX_HEADER = 10_000  # NumPy's own limit
_CHUNK = 1 << 16
_HEADER = re.compile(
    rb"\{'descr': '([|<>][biuf]\d)', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,19}, ?)*(?:\d{1,19})?)\), \} *\n"
)


def read_npz(path: str | Path) -> dict[str, Array]:
    """The arrays of a file by `numpy.savez` or `numpy.savez_compressed`, by name.

    Raises:
        CheckpointError: there is no such file, it is damaged, unpacks to more than 16 times its
            size, or holds arrays of anything but bool, integers and floats of at most 64 bits.
    """
    content = read_whole(path, b"PK", ".npz file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _arrays(archive, len(content))
    except (
        # All that the zipfile of one or another version of Python raises on damaged files.
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        OSError,
        OverflowError,
        ValueError,
    ) as error:
        raise CheckpointError(
            f"{shown(path)}: is damaged, or no file of weights ({told(error)}); take "
            "a copy of it or name another"
        ) from error


def _arrays(archive: zipfile.ZipFile, size: int) -> dict[str, Array]:
    members = archive.infolist()
    if len(members) > _MAX_MEMBERS:
        raise ValueError(f"it has {len(members):,} arrays")
    if sum(member.file_size for member in members) > max(_SMALL, _MAX_RATIO * size):
        raise ValueError(f"it unpacks to more than {_MAX_RATIO} times its size")
    arrays: dict[str, Array] = {}
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name == member.filename:
            raise ValueError(f"it has {brief(name)} where arrays are expected")
        if name in arrays:
            raise ValueError(f"it has {brief(name)} twice")
        if member.flag_bits & 1 or member.compress_type not in _METHODS:
            raise ValueError(f"its {brief(name)} is encrypted or packed in an unusual way")
        with archive.open(member) as stream:
            arrays[name] = _array(stream, member.file_size, name)
    return arrays


_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def _array(stream: Any, size: int, name: str) -> Array:
    """An array from a .npy file of so many bytes, if that is true."""
    start = _exactly(stream, 8)
    width = {b"\x01\x00": "<H", b"\x02\x00": "<I", b"\x03\x00": "<I"}.get(bytes(start[6:]))
    if start[:6] != b"\x93NUMPY" or width is None:
        raise ValueError(f"its {brief(name)} is no array")
    (length,) = struct.unpack(width, _exactly(stream, struct.calcsize(width)))
    if length > _MAX_HEADER:
        raise ValueError(f"its {brief(name)} has a header of {length:,} bytes")
    header = bytes(_exactly(stream, length))
    found = _HEADER.fullmatch(header)
    if not found:
        raise ValueError(f"its {brief(name)} is {brief(header)}, no plain array")
    dtype, fortran = found[1].decode(), found[2] == b"True"
    shape = tuple(int(number) for number in found[3].replace(b" ", b"").split(b",") if number)
    promised = array_size(dtype, shape)
    if promised != size - stream.tell():
        raise ValueError(
            f"its {brief(name)} promises {promised:,} bytes, {size - stream.tell():,} are there"
        )
    content = _exactly(stream, promised)
    if stream.read(1):  # which also has the checksum looked at
        raise ValueError(f"its {brief(name)} goes on beyond its end")
    array: Array = np.ndarray(shape, dtype, buffer=content, order="F" if fortran else "C")
    if array.dtype == bool and array.size and np.frombuffer(content, np.uint8).max() > 1:
        raise ValueError(f"its {brief(name)} has truth values that are neither 0 nor 1")
    return array


def _exactly(stream: Any, count: int) -> bytearray:
    """So many bytes, in an array that grows with what arrives, not with what is claimed."""
    content = bytearray()
    while len(content) < count and (chunk := stream.read(min(_CHUNK, count - len(content)))):
        content += chunk
    if len(content) < count:
        raise ValueError("it is cut short")
    return content
