"""The IDX reader holds no more memory than a file honestly promises, bombs and lies included."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs.idx_files import (  # noqa: F401  a fixture is asked for by name
    header,
    put_file,
    refusal,
)

from mnist.data import idx
from mnist.data.idx import DataError, read_idx, read_images, read_labels


def peak(read: Any, path: Path) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            read(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_follows_the_file_not_its_header(put: Any) -> None:
    assert peak(read_images, put(header(2**32 - 1, 28, 28) + bytes(1000))) < 3e6
    path = put(gzip.compress(header(2**32 - 1, 28, 28) + bytes(1000)), "images.gz")
    assert peak(read_images, path) < 3e6


ZEROS = gzip.compress(bytes(1 << 20), mtime=0)  # a member of a megabyte that takes a kilobyte


@pytest.mark.parametrize(
    ("read", "shape", "most"),
    [
        (read_images, (2, 28, 28), 3e6),
        (read_images, (60_000, 28, 28), 1.3 * 60_000 * 784),
        (read_images, (2**32 - 1, 28, 28), 3e6),
        (read_images, (400_000, 28, 28), 3e6),  # 314 MB, which the stream does not have
        (read_labels, (60_000,), 3e6),
        (read_labels, (2**32 - 1,), 3e6),
        (read_idx, (2**30, 2**32 - 1), 3e6),
        (read_idx, (2**31, 2**31, 2), 3e6),
        (read_idx, (100,), 3e6),
    ],
)
def test_a_gzip_bomb_is_not_unpacked(put: Any, read: Any, shape: Any, most: float) -> None:
    bomb = gzip.compress(header(*shape)) + ZEROS * 60
    assert len(bomb) < 80_000
    assert peak(read, put(bomb, "bomb.gz")) < most


def test_a_bomb_within_another_is_not_unpacked(put: Any) -> None:
    assert peak(read_idx, put(gzip.compress(gzip.compress(header(9)) + ZEROS * 99), "a.gz")) < 1e6
    assert peak(read_idx, put(gzip.compress(header(5)) + bytes(1 << 20), "zeros.gz")) < 1e6


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two megabytes count as much."""
    monkeypatch.setattr(idx, "_TRUSTED", 2 << 20)


def test_a_large_promise_is_held_against_the_file_before_a_byte_is_kept(
    put: Any, large: None
) -> None:
    path = put(header(100_000, 28, 28))
    for size in (15 + 100_000 * 784, 17 + 100_000 * 784, 1 << 40):
        with path.open("r+b") as file:
            file.truncate(size)  # zeros that take no room on the disk
        assert peak(read_images, path) < 1e6
    for count, found in ((2_999, "holds 2,999 images"), (3_001, "goes on after the 3,000 images")):
        for pack in (bytes, gzip.compress):
            content = pack(header(3_000, 28, 28) + bytes(count * 784))
            assert found in refusal(read_images, put(content))


def test_a_large_file_is_read(put: Any, large: None) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, 3_000 * 784, np.uint8).tobytes()
    for pack in (bytes, gzip.compress):
        images = read_images(put(pack(header(3_000, 28, 28) + pixels)))
        assert images.shape == (3_000, 28, 28)
        assert images.tobytes() == pixels


def test_labels_that_are_all_wrong_take_no_more_than_twice_their_size(put: Any) -> None:
    assert peak(read_labels, put(header(10_000_000) + b"\xff" * 10_000_000)) < 2.3e7


def test_what_does_not_fit_into_memory(put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(gzip.GzipFile, "read", full)
    path = put(gzip.compress(b"0000"))
    monkeypatch.setattr("mnist.data.idx._read_header", lambda *_: (np.dtype("u1"), (3, 28, 28)))
    assert "its 2,352 bytes do not fit into memory" in refusal(read_images, path)


def test_a_whole_file_takes_little_more_than_its_size(put: Any) -> None:
    count = 20_000
    path = put(gzip.compress(header(count, 28, 28) + bytes(count * 784), compresslevel=1))
    tracemalloc.start()
    try:
        read_images(path)
        assert tracemalloc.get_traced_memory()[1] < 1.3 * count * 784 + 3e6
    finally:
        tracemalloc.stop()
