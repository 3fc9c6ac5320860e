"""What the tests of checkpoints share: trees, their comparison, and files made by hand."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import numpy as np

MAGIC = b"PULLBACK"


def same(a: Any, b: Any) -> bool:
    """Whether two trees are equal to the bit, in types too; tuples count as lists."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        both = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        return both and (a.dtype.str, a.shape, a.tobytes()) == (b.dtype.str, b.shape, b.tobytes())
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    return bool(a == b)


def tree(rng: np.random.Generator) -> dict[str, Any]:
    """One of the kind that trainings have: settings, weights, random states, numbers."""
    return {
        "config": {"model": "basic", "lr": None, "momentum": 0.9, "augment": True},
        "model": {
            "0.weight": rng.standard_normal((4, 1, 3, 3)).astype(np.float32),
            "1.num_batches_tracked": np.array(7),
            "empty": np.empty((0, 3), np.float16),
        },
        "optimizer": {"state": {"0": {"mask": rng.random(5) < 0.5}}, "groups": [{"lr": 1e-3}]},
        "noise": rng.bit_generator.state,  # has integers of 128 bits
        "best": {"accuracy": float("-inf"), "loss": float("nan")},
        "metrics": [{"epoch": 1, "train_loss": 0.1}, {"epoch": 2, "train_loss": 0.05}],
        "$name": "lines\nand \udc80 and \N{SNOWMAN}",
    }


def sealed_file(header: bytes, values: bytes = b"", *, length: int | None = None) -> bytes:
    """A checkpoint's bytes from a header, whatever is in it, with the right checksum."""
    header += b" " * (-len(header) % 8)
    claimed = len(header) if length is None else length
    body = MAGIC + struct.pack("<Q", claimed) + header + values
    return body + hashlib.sha256(body).digest()


def from_parts(arrays: Any, content: Any, values: bytes = b"", **changes: Any) -> bytes:
    """The same from what stands in the header."""
    entries = {"format": 1, "arrays": arrays, "tree": content} | changes
    return sealed_file(json.dumps(entries).encode(), values)


def parts_of(file: bytes) -> tuple[bytes, bytes]:
    """Header and values of a checkpoint."""
    (length,) = struct.unpack_from("<Q", file, 8)
    return file[16 : 16 + length], file[16 + length : -32]
