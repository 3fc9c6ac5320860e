"""Pictures of digits from PNG and PGM files, read by Pillow (the `images` extra) within limits.

What comes from outside is not trusted. Before a pixel is decoded, the size that the header claims
is held against a limit and against the bytes that are there, and of a PNG all chunks are dropped
but those that make the picture: texts and profiles can only do harm here.
"""

from __future__ import annotations

import math
import os
import re
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist.data.files import at_once, shown, told_as

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 64 << 20
_MOST_BYTES = 8 * MOST_PIXELS + (1 << 20)  # four channels of 16 bits, uncompressed
_CHUNK = 1 << 20
_WORKED_ON = 4 << 20  # pixels; more are averaged in blocks, which costs no detail that counts
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_ESSENTIAL = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of the colour types of PNG
_DEFLATE_RATIO = 1032  # the most that deflate can make of a byte (zlib's technical details)
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_HINT = "reading pictures needs Pillow: pip install Pillow"
_REMEDY = "save it anew as PNG or PGM"


class PictureError(RuntimeError):
    """A picture cannot be read, or shows no digit.

    The message is one line: the file, what is wrong and what to do.
    """


def read_picture(source: str | Path | IO[bytes], name: str | None = None) -> NDArray[np.float32]:
    """Read a PNG or a file of the PNM family (PBM, PGM, PPM) as grey levels.

    Args:
        source: a path, or a stream of bytes.
        name: what to call it in messages; the path itself by default.

    Returns:
        (H, W), brighter is larger; two colours as far apart as black and white differ by 255.
        Of colours, that mixture which tells most of them apart; transparent parts lie on white or
        black paper, whichever sets the rest off better. Pictures of more than 4 megapixels are
        averaged down below that.

    Raises `PictureError` for whatever goes wrong, more than 64 megapixels included.
    """
    if name is None:
        name = shown(source) if isinstance(source, (str, Path)) else "the stream"
    try:
        image = _opened(_bytes_of(source, name), name)
        image.load()
        return _grey(image, name)
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(f"{name}: too large for the memory; make it smaller") from error
    except Exception as error:  # decoders raise anything at all on damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(f"{name}: is damaged ({shown(reason)}); {_REMEDY}") from error


def _bytes_of(source: str | Path | IO[bytes], name: str) -> bytes:
    with told_as(PictureError, name):
        if not isinstance(source, (str, Path)):
            return _all_of(source, name)
        if os.path.isdir(source):
            raise PictureError(f"{name}: is a folder where a picture is expected; name its files")
        with open(source, "rb", opener=at_once) as file:
            return _all_of(file, name)


def _all_of(stream: IO[bytes], name: str) -> bytes:
    # As it arrives: read(n) would take n bytes at once. What is endless is mostly no picture by its
    # start.
    pieces, size = [stream.read(_CHUNK)], 0
    start = pieces[0]
    if not start:
        raise PictureError(f"{name}: is empty (0 bytes); {_REMEDY}")
    if not (start.startswith(_PNG_MAGIC) or re.match(b"P[1-6]", start)):
        raise PictureError(
            f"{name}: is neither PNG nor PGM (it starts with {start[:4].hex(' ')}); {_REMEDY}"
        )
    while pieces[-1]:
        size += len(pieces[-1])
        if size > _MOST_BYTES:
            raise PictureError(
                f"{name}: is larger than the {_MOST_BYTES >> 20} MiB that a picture of "
                f"{MOST_PIXELS >> 20} megapixels can take; make it smaller"
            )
        pieces.append(stream.read(_CHUNK))
    return b"".join(pieces)


def _opened(data: bytes, name: str) -> Image.Image:
    """The picture with its header read and found plausible, nothing decoded."""
    if data.startswith(_PNG_MAGIC):
        data = _picture_chunks(data, name)
    try:
        from PIL import Image
    except ImportError as error:
        raise PictureError(_HINT) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=["PNG", "PPM"])
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large(name) from error
    except Image.UnidentifiedImageError as error:
        raise PictureError(f"{name}: is damaged (its header makes no sense); {_REMEDY}") from error
    pixels = math.prod(image.size)
    if pixels > MOST_PIXELS:
        raise _too_large(name)
    least = pixels // 8 if data.startswith(b"P4") else pixels
    if data.startswith(b"P") and len(data) < least:
        raise _cut(name, *image.size)
    return image


def _picture_chunks(data: bytes, name: str) -> bytes:
    """A PNG file without its ancillary chunks. See the PNG specification (W3C, 2nd edition), 5.

    Checksums are held here, as Pillow passes over those of the pixels.
    """
    kept, place, compressed = [_PNG_MAGIC], len(_PNG_MAGIC), 0
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind = data[place + 4 : place + 8]
        if kind in _ESSENTIAL:
            whole = data[place : place + 12 + length]
            if len(whole) < 12 + length or zlib.crc32(whole[4:-4]) != int.from_bytes(
                whole[-4:], "big"
            ):
                raise PictureError(
                    f"{name}: is damaged (the checksum of its {kind.decode()} is wrong, or it is "
                    f"cut short); {_REMEDY}"
                )
            kept.append(whole)
            compressed += length if kind == b"IDAT" else 0
        place += 12 + length
        if kind == b"IEND":
            break
    if len(kept) < 2 or len(kept[1]) != 25 or kept[1][4:8] != b"IHDR":
        raise PictureError(f"{name}: is damaged (no PNG header); {_REMEDY}")
    width, height, bits, colour = struct.unpack_from(">IIBB", kept[1], 8)
    if width * height > MOST_PIXELS:
        raise _too_large(name)
    row = 1 + width * bits * _CHANNELS.get(colour, 1) // 8  # the filter's byte
    if height * row > compressed * _DEFLATE_RATIO:
        raise _cut(name, width, height)
    return b"".join(kept)


def _too_large(name: str) -> PictureError:
    return PictureError(
        f"{name}: has more than {MOST_PIXELS >> 20} megapixels; crop it or make it smaller"
    )


def _cut(name: str, width: int, height: int) -> PictureError:
    return PictureError(
        f"{name}: holds far less than the {width:,} x {height:,} pixels that its header claims; "
        f"{_REMEDY}"
    )


def _grey(image: Image.Image, name: str) -> NDArray[np.float32]:
    factor = math.ceil(math.sqrt(math.prod(image.size) / _WORKED_ON))
    if image.mode in _DEEP:
        # Pillow gives 16 bits as they are and scales PGM files of other depths to that.
        return np.asarray(block_means(np.asarray(image), factor) * np.float32(255 / 65535))
    has_alpha = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
    if image.mode in ("1", "L", "LA") and not (has_alpha and image.mode == "1"):
        image = image.convert("LA" if has_alpha else "L")
    elif image.mode in ("1", "P", "PA", "RGB", "RGBA"):
        image = image.convert("RGBA" if has_alpha else "RGB")
    else:
        raise PictureError(f"{name}: its pixels are of the kind {image.mode}; {_REMEDY}")
    if factor > 1:
        image = image.reduce(factor)
    if has_alpha:
        image = _on_paper(image)
    levels = np.asarray(image, dtype=np.float32)
    return levels if levels.ndim == 2 else _telling_mixture(levels)


def _on_paper(image: Image.Image) -> Image.Image:
    """Without transparency: on white or black, whichever leaves more contrast."""
    from PIL import Image

    colour = image.convert("L" if image.mode == "LA" else "RGB")
    bands = len(colour.getbands())
    papers = [Image.new(colour.mode, image.size, (level,) * bands) for level in (255, 0)]
    for paper in papers:
        paper.paste(colour, mask=image.getchannel("A"))
    return max(papers, key=lambda paper: int(np.ptp(np.asarray(paper.convert("L")))))


def _telling_mixture(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours (H, W, 3) as levels along the axis on which they vary most: (H, W).

    Grey pictures come out as they are. Yellow on white, or red on an equally bright green, is
    told apart as well, which the usual luminance would not do.
    """
    pixels = colours.reshape(-1, 3)
    mean = pixels.mean(axis=0, dtype=np.float64)
    moved = pixels - mean.astype(np.float32)
    _, axes = np.linalg.eigh((moved.T @ moved).astype(np.float64))
    axis = axes[:, -1] * (1 if axes[:, -1].sum() >= 0 else -1)
    levels: NDArray[np.float32] = (moved @ axis.astype(np.float32)).reshape(colours.shape[:2])
    # Scaled so that grey steps keep their size, from which contrast is judged.
    return np.asarray(levels / np.float32(math.sqrt(3)) + np.float32(mean.mean()))


def block_means(levels: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Means over blocks of `factor` x `factor` pixels; smaller ones at the far edges."""
    if factor == 1:
        return levels.astype(np.float32)
    height, width = levels.shape
    rows, columns = (np.arange(0, size, factor) for size in (height, width))
    sums = np.add.reduceat(levels, rows, axis=0, dtype=np.float32)
    sums = np.add.reduceat(sums, columns, axis=1)
    counts = np.outer(*(np.diff(np.append(s, n)) for s, n in ((rows, height), (columns, width))))
    return (sums / counts).astype(np.float32)
