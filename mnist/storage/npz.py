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
from zipfile import ZIP_DEFLATED, ZIP_STORED

from autograd.engine.tensor import Array
from mnist.storage.reading import (
    array_in,
    array_size,
    brief,
    damaged,
    read_whole,
)

# Trained weights hardly compress; what unpacks to more than this, and to more than so many times
# its size, is a zip bomb.
_SMALL = 1 << 20
_MAX_RATIO = 16
_MAX_MEMBERS = 10_000
_QUOTED = 99  # bytes
_NPY = re.compile(
    rb"\x93NUMPY(?:\x01\x00(?P<short>..)|[\x02\x03]\x00(?P<long>....))"
    rb"(?P<header>\{'descr': '(?P<dtype>[|<>][biuf]\d)', 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>(?:\d{1,19}, ?)*(?:\d{1,19})?)\), \} *\n)",
    re.DOTALL,  # the length of the header is any bytes
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
        raise damaged(path, error) from error


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
        if member.flag_bits & 1 or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise ValueError(f"its {brief(name)} is encrypted or packed in an unusual way")
        with archive.open(member) as stream:
            # To one byte past the end: then the checksum is looked at.
            arrays[name] = _array(bytearray(stream.read(member.file_size + 1)), name)
    return arrays


def _array(content: bytearray, name: str) -> Array:
    """An array from the content of a .npy file."""
    found = _NPY.match(content)
    if not found:
        raise ValueError(f"its {brief(name)} is {brief(bytes(content[:_QUOTED]))}, no plain array")
    length = int.from_bytes(found["short"] or found["long"], "little")
    if length != len(found["header"]):
        raise ValueError(f"its {brief(name)} claims a header of {length:,} bytes")
    dtype = found["dtype"].decode()
    shape = [int(size) for size in found["shape"].replace(b" ", b"").split(b",") if size]
    promised, there = array_size(dtype, shape), len(content) - found.end()
    if promised != there:
        raise ValueError(f"its {brief(name)} promises {promised:,} bytes, {there:,} are there")
    return array_in(content, dtype, shape, found.end(), fortran=found["fortran"] == b"True")
