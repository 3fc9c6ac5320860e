"""Strict reader of IDX files, the format in which MNIST is distributed.

The format is the one described on Yann LeCun's MNIST page ("THE IDX FILE FORMAT"): two zero
bytes, one byte for the type of the values, one byte for the number of dimensions, each dimension
as a big-endian uint32, then the values, big-endian, last index fastest.

A file that deviates in any way is refused with a `DataError`: a damaged training set that loads
"nearly right" costs far more time than one that does not load.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist.data.files import opened, shown

Stream = io.BufferedReader | gzip.GzipFile

_GZIP_MAGIC = b"\x1f\x8b"
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_NDIM = 64  # NumPy's own limit; the format would allow 255
_CHUNK = 1 << 20
_TRUSTED = 64 << 20  # bytes, more than MNIST's largest file has: taken in without counting first
_AGAIN = "delete it and download it again"


class DataError(ValueError):
    """A data file or folder is missing, damaged or not what it should be.

    The message is one line: the file, what was found, what was expected and what to do.
    """


class _Kind(NamedTuple):
    """What a caller insists on beyond "some IDX file"."""

    noun: str
    item: tuple[int, ...]
    magic: bytes


_IMAGES = _Kind("images", (28, 28), b"\0\0\x08\x03")
_LABELS = _Kind("labels", (), b"\0\0\x08\x01")


def read_idx(path: str | Path) -> NDArray[Any]:
    """Read any IDX file, gzip-compressed or not (decided by its content).

    Returns a writable array of the file's own shape, in native byte order, of type uint8, int8,
    int16, int32, float32 or float64. Raises `DataError` on anything wrong. Memory used stays in
    proportion to what the file really holds, whatever its header claims.
    """
    return _read(Path(path), None)


def read_images(path: str | Path) -> NDArray[np.uint8]:
    """Read an image file: uint8 of shape (N, 28, 28), 0 the background, 255 full ink.

    Raises `DataError` on anything wrong, other sizes and types included.
    """
    return _read(Path(path), _IMAGES)


def read_labels(path: str | Path) -> NDArray[np.uint8]:
    """Read a label file: uint8 of shape (N,), each 0 to 9.

    Raises `DataError` on anything wrong, labels above 9 included.
    """
    labels = _read(Path(path), _LABELS)
    if labels.max(initial=0) > 9:
        where = int(np.argmax(labels > 9))
        raise DataError(
            f"{shown(path)}: label {labels[where]} at index {where:,} where labels are 0 to 9; "
            "it is damaged or not for ten classes: check where it comes from"
        )
    return labels


def sha256(array: NDArray[np.uint8]) -> str:
    """SHA-256 (hex) of the decompressed IDX file that holds this uint8 array.

    The reader accepts exactly one sequence of bytes for each array, so that the array alone
    tells the hash of its file and the file need not be read a second time.
    """
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape)
    digest = hashlib.sha256(header)
    digest.update(np.ascontiguousarray(array, dtype=np.uint8).reshape(-1).data)
    return digest.hexdigest()


@contextmanager
def decompressed(path: Path, *, gzip_only: bool = False) -> Iterator[Stream]:
    """The bytes of a file as a stream, decompressed if they are gzip.

    Whatever goes wrong while opening it or, in the `with` block, while reading from it comes out
    as a `DataError`. With `gzip_only`, or with a name that ends in .gz, plain bytes are refused.
    """
    name = shown(path)
    with opened(path, DataError) as file:
        try:
            start = file.read(4)
            file.seek(0)
            if not start:
                raise DataError(f"{name}: is empty (0 bytes); {_AGAIN}")
            if start.startswith(_GZIP_MAGIC):
                with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                    yield stream
            elif gzip_only or path.suffix == ".gz":
                plain = "if it is already decompressed, take .gz off its name"
                raise DataError(
                    f"{name}: starts with {start.hex(' ')} where a gzip file starts with 1f 8b; "
                    f"{plain if start.startswith(bytes(2)) else _AGAIN}"
                )
            else:
                yield file
        except EOFError as error:
            raise DataError(f"{name}: its gzip stream is cut short; {_AGAIN}") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{name}: is damaged gzip ({error}); {_AGAIN}") from error


def _read(path: Path, kind: _Kind | None) -> NDArray[Any]:
    name = shown(path)
    with decompressed(path) as stream:
        dtype, shape = _read_header(stream, name, kind)
        promised = math.prod(shape) * dtype.itemsize
        body, held = bytearray(), promised
        try:
            if promised > _TRUSTED:
                held = _held(stream, promised)
            # Grown with what arrives, not allocated from the header; and never read further than
            # one byte past the promise, so that a gzip bomb fizzles out.
            if held == promised:
                while chunk := stream.read(min(_CHUNK, promised + 1 - len(body))):
                    body += chunk
                held = len(body)
        except MemoryError as error:
            raise DataError(
                f"{name}: its {promised:,} bytes do not fit into memory; take a smaller one"
            ) from error
    noun = kind.noun if kind else "items"
    if held > promised:
        raise DataError(
            f"{name}: goes on after the {shape[0]:,} {noun} ({promised:,} bytes) that its header "
            f"promises; {_AGAIN}"
        )
    if held < promised:
        whole = held // (promised // shape[0])
        raise DataError(
            f"{name}: holds {whole:,} {noun} ({held:,} bytes) where its header promises "
            f"{shape[0]:,} ({promised:,} bytes); the file is cut short: {_AGAIN}"
        )
    array: NDArray[Any] = np.ndarray(shape, dtype, buffer=body)
    if not dtype.isnative:
        # In place, as a converting copy would need the memory twice.
        array = array.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return array


def _held(stream: Stream, promised: int) -> int:
    """How many bytes follow, counted to one past the promise; none of them is kept."""
    start = stream.tell()
    if isinstance(stream, gzip.GzipFile):  # seeks by unpacking, piece by piece
        end = stream.seek(min(start + promised + 1, sys.maxsize))
    else:
        end = min(stream.seek(0, io.SEEK_END), start + promised + 1)
    stream.seek(start)
    return end - start


def _read_header(
    stream: Stream, name: str, kind: _Kind | None
) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    if not magic:
        raise DataError(f"{name}: is empty once decompressed (0 bytes); {_AGAIN}")
    if len(magic) < 4:
        raise DataError(
            f"{name}: ends after {len(magic)} bytes where an IDX header starts with 4; {_AGAIN}"
        )
    if kind and magic != kind.magic:
        layout = " x ".join(["N", *map(str, kind.item)])
        raise DataError(
            f"{name}: starts with {magic.hex(' ')} where a file of {kind.noun} starts with "
            f"{kind.magic.hex(' ')} (uint8, {1 + len(kind.item)} dimensions: {layout}); "
            f"it is no file of {kind.noun}: put the right one there"
        )
    if magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        raise DataError(
            f"{name}: starts with {magic.hex(' ')} where an IDX file starts with 00 00 and a type "
            "of 08, 09, 0b, 0c, 0d or 0e; it is no IDX file: put the right one there"
        )
    ndim = magic[3]
    if not 1 <= ndim <= _MAX_NDIM:
        raise DataError(
            f"{name}: has {ndim} dimensions where 1 to {_MAX_NDIM} are possible; {_AGAIN}"
        )
    sizes = stream.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise DataError(
            f"{name}: ends after {4 + len(sizes)} bytes where its header alone takes "
            f"{4 + 4 * ndim}; the file is cut short: {_AGAIN}"
        )
    shape = struct.unpack(f">{ndim}I", sizes)
    if kind and shape[1:] != kind.item:
        found = " x ".join(f"{size:,}" for size in shape[1:])
        wanted = " x ".join(f"{size:,}" for size in kind.item)
        raise DataError(
            f"{name}: holds {kind.noun} of {found} where {wanted} are expected; "
            f"it is made for something else: put the right one there"
        )
    dtype = np.dtype(_DTYPES[magic[2]])
    # Zeros left out: NumPy refuses (0, huge, huge) too, although it would hold no value at all.
    if math.prod(size for size in shape if size) * dtype.itemsize > sys.maxsize:
        raise DataError(
            f"{name}: its header claims the impossible size {' x '.join(f'{n:,}' for n in shape)} "
            f"where at most {sys.maxsize:,} bytes can be addressed; it is damaged: {_AGAIN}"
        )
    return dtype, shape
