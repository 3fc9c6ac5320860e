"""Files in MNIST's format, and how their reader refuses them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from mnist.data import drawn
from mnist.data.idx import DataError


def header(*shape: int, code: int = 8) -> bytes:
    return struct.pack(f">4B{len(shape)}I", 0, 0, code, len(shape), *shape)


def idx(array: NDArray[Any]) -> bytes:
    """A file of unsigned bytes."""
    return header(*array.shape) + array.tobytes()


def write_digits(folder: Path, train: int = 300, test: int = 100, seed: int = 1) -> Path:
    """A small data set of drawn digits; gives the folder."""
    parts = zip(("train", "t10k"), drawn.load(train=train, test=test, seed=seed), strict=True)
    for part, (images, labels) in parts:
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


@pytest.fixture(name="put")
def put_file(tmp_path: Path) -> Any:
    def write(content: bytes, name: str = "some-file") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def refusal(read: Any, path: Path) -> str:
    """The message with which `read` refuses `path`, held to the promises made for all of them."""
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    assert message[-1] not in ".;: "
    return message.removeprefix(f"{path}: ")
