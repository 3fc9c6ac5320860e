"""Files in MNIST's format."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mnist.data import drawn


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
