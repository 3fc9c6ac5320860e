"""Files written by Pillow and by hand are read as the same levels; all else is refused."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import time
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist.images import pictures
from mnist.images.pictures import MOST_PIXELS, PictureError, block_means, read_picture

Image = pytest.importorskip("PIL.Image")

LEVELS = (np.arange(12 * 9) * 2).astype(np.uint8).reshape(12, 9)


def png(array: Any, mode: str | None = None, **options: Any) -> BytesIO:
    stream = BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(stream, "PNG", **options)
    stream.seek(0)
    return stream


def test_grey_of_all_depths() -> None:
    assert np.array_equal(read_picture(png(LEVELS)), LEVELS)
    assert np.allclose(read_picture(png(LEVELS.astype(np.uint16) * 257)), LEVELS, atol=1e-3)
    bilevel = read_picture(png(LEVELS > 99))
    assert np.array_equal(bilevel, 255 * (LEVELS > 99))


def test_palettes_of_few_bits() -> None:
    image = Image.fromarray(LEVELS // 16, "L").convert("P")
    image.putpalette([level for n in range(16) for level in [17 * n] * 3])
    stream = BytesIO()
    image.save(stream, "PNG", bits=4)
    levels = read_picture(BytesIO(stream.getvalue()))
    assert np.allclose(levels, 17.0 * np.asarray(image), atol=1e-3)
    assert len(np.unique(levels)) > 5


@pytest.mark.parametrize(
    "content",
    [
        b"P5 3 2 255\n" + bytes([0, 51, 102, 153, 204, 255]),
        b"P2\n# drawn\n3 2\n255\n0 51 102\n153 204 255\n",
        b"P5 3 2 65535\n" + b"".join((v * 257).to_bytes(2, "big") for v in range(0, 256, 51)),
        b"P5 3 2 5\n" + bytes(range(6)),
        b"P6 3 2 255\n" + bytes(v for n in range(6) for v in [51 * n] * 3),
    ],
)
def test_pnm(content: bytes) -> None:
    expected = np.arange(0, 256, 51).reshape(2, 3)
    assert np.allclose(read_picture(BytesIO(content)), expected, atol=0.51)


def test_a_bitmap_has_black_ones() -> None:
    assert read_picture(BytesIO(b"P4 8 1\n\xf0")).tolist() == [[0] * 4 + [255] * 4]


def test_colours_come_out_as_far_apart_as_they_are() -> None:
    grey = np.repeat(LEVELS[:, :, None], 3, axis=2)
    assert np.allclose(read_picture(png(grey)), LEVELS, atol=0.01)
    mask = LEVELS > 150
    for ink, paper in (((255, 255, 0), (255, 255, 255)), ((200, 0, 0), (0, 102, 0))):
        levels = read_picture(png(np.where(mask[:, :, None], ink, paper).astype(np.uint8)))
        assert np.ptp(levels[mask]) < 0.01 and np.ptp(levels[~mask]) < 0.01
        distance = np.linalg.norm(np.subtract(ink, paper)) / np.sqrt(3)
        assert abs(levels[mask][0] - levels[~mask][0]) == pytest.approx(distance, rel=1e-3)


@pytest.mark.parametrize("ink", [0, 40, 215, 255])
@pytest.mark.parametrize("bands", [2, 4])
def test_ink_on_transparent_ground(ink: int, bands: int) -> None:
    mask = LEVELS > 150
    pixels = np.zeros((*LEVELS.shape, bands), np.uint8)
    pixels[..., :-1] = ink  # also where it cannot be seen
    pixels[..., -1] = 255 * mask
    levels = read_picture(png(pixels))
    assert abs(levels[mask].mean() - levels[~mask].mean()) >= 215
    assert (levels[mask].mean() > levels[~mask].mean()) == (ink > 128)


def test_a_transparent_level() -> None:
    levels = read_picture(png(np.where(LEVELS > 150, 0, 7).astype(np.uint8), transparency=7))
    assert np.array_equal(levels, np.where(LEVELS > 150, 0, 255))


@pytest.mark.slow
def test_large_pictures_are_averaged() -> None:
    page = np.kron(LEVELS, np.ones((400, 400), np.uint8))
    for array in (page, page.astype(np.uint16) * 257, np.repeat(page[:, :, None], 3, axis=2)):
        levels = read_picture(png(array, compress_level=1))
        assert levels.size <= 4 << 20 and levels.shape == (1600, 1200)
        assert np.allclose(levels[60::133, 60::133][:12, :9], LEVELS, atol=1)


def test_block_means() -> None:
    levels = np.arange(35.0).reshape(5, 7)
    means = block_means(levels, 3)
    assert means.shape == (2, 3) and means.dtype == np.float32
    assert means[0, 0] == levels[:3, :3].mean() and means[1, 2] == levels[3:, 6:].mean()
    assert np.array_equal(block_means(levels, 1), levels)


def refusal(content: bytes) -> str:
    with pytest.raises(PictureError) as caught:
        read_picture(BytesIO(content), "a.png")
    message = str(caught.value)
    assert message.startswith("a.png: ") and message.isprintable() and "; " in message
    return message


def large(width: int, height: int) -> bytes:
    content = bytearray(png(LEVELS).getvalue())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"GIF89a" + bytes(50), r"neither PNG nor PGM \(it starts with 47 49 46 38\)"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "save it anew as PNG or PGM"),
        (png(LEVELS).getvalue()[:60], "is damaged"),
        (b"\x89PNG\r\n\x1a\n", "no PNG header"),
        (large(2**31 - 1, 2**31 - 1), "more than 64 megapixels"),
        (large(MOST_PIXELS + 1, 1), "more than 64 megapixels"),
        (large(8000, 8000), "far less than the 8,000 x 8,000 pixels"),
        (large(1, MOST_PIXELS), "far less than the 1 x"),
        (b"P5 8000 8000 255\n" + bytes(100), "far less than the 8,000 x 8,000 pixels"),
        (b"P5 80000 80000 255\n" + bytes(100), "more than 64 megapixels"),
        (b"P5 x 9 255\n", "is damaged"),
        (b"P5 " + b"9" * 400 + b" 9 255\n", "is damaged"),
        (b"P6 4294967295 4294967295 65535\n" + bytes(9), "more than 64 megapixels"),
        (b"P1 8000 8000\n1", "far less than"),
        (b"P4 8000 8000\n1", "far less than"),
        (b"P5 -5 -5 255\n1", "is damaged"),
        (b"P5 0 0 255\n", "is damaged"),
        (b"P5 5 5 0\n" + bytes(25), "is damaged"),
        (b"P5 10 10 255\n" + bytes(99), "is damaged|far less"),
        (b"P7\nWIDTH 1\n", "neither PNG nor PGM"),
    ],
)
def test_refused(content: bytes, message: str) -> None:
    assert re.search(message, refusal(content))


def test_a_wrong_checksum_is_refused() -> None:
    content = bytearray(png(LEVELS).getvalue())
    content[content.index(b"IDAT") + 6] ^= 1
    assert "is damaged" in refusal(bytes(content))


def test_paths(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(PictureError, match="no such file"):
        read_picture(path)
    with pytest.raises(PictureError, match="is a folder"):
        read_picture(tmp_path)
    path.write_bytes(png(LEVELS).getvalue())
    assert np.array_equal(read_picture(str(path)), LEVELS)


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such files")
def test_what_is_no_file_is_refused_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")  # the whole path may be too long
        for name, reason in [
            ("pipe", "is empty"),
            ("socket", "cannot be read"),
            ("/dev/null", "is empty"),
            ("/dev/zero", "neither PNG nor PGM"),
            ("link", "neither PNG nor PGM"),
        ]:
            with pytest.raises(PictureError, match=reason) as caught:
                read_picture(tmp_path / name)
            assert str(caught.value).isprintable()


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such files")
def test_a_pipe_with_a_picture_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)

    def write() -> None:
        for piece in (b"P5 3", b" 2 255\n", bytes(6)):
            time.sleep(0.02)
            os.write(writer, piece)
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    levels = read_picture(tmp_path / "pipe")
    thread.join()
    assert levels.tolist() == [[0, 0, 0], [0, 0, 0]]


class Endless:
    """A stream that begins as told and goes on with zeros."""

    def __init__(self, start: bytes) -> None:
        self.start, self.given = start, 0

    def read(self, count: int) -> bytes:
        start, self.start = self.start, b""
        self.given += count
        return start + bytes(count - len(start))


@pytest.mark.parametrize("start", [b"", b"\x1f\x8b", b"II*\0", b"P", b"P9 ", b"\x89PNG\n"])
def test_an_endless_stream_is_not_read_on_if_it_begins_as_no_picture(start: bytes) -> None:
    stream: Any = Endless(start)
    with pytest.raises(PictureError, match=r"a.png: is neither PNG nor PGM \(it starts with"):
        read_picture(stream, "a.png")
    assert stream.given <= 1 << 20


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"P5 28 28 255\n", b"P3 # "])
def test_an_endless_stream_that_begins_as_a_picture(
    start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_MOST_BYTES", 4 << 20)
    stream: Any = Endless(start)
    with pytest.raises(PictureError, match=r"a\.png: is larger than the 4 MiB that a picture"):
        read_picture(stream, "a.png")
    assert stream.given <= 6 << 20


def test_no_memory_for_a_picture() -> None:
    class Full:
        def read(self, count: int) -> bytes:
            raise MemoryError

    stream: Any = Full()
    with pytest.raises(PictureError, match=r"a\.png: too large for the memory"):
        read_picture(stream, "a.png")


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = png(LEVELS)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(PictureError, match=r"pip install Pillow"):
        read_picture(picture)
