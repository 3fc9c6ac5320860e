"""Random numbers for tests, a stream for each name."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(name: str) -> np.random.Generator:
    """The stream of random numbers that belongs to `name`, the same on every machine."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
