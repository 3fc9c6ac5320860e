"""Numbers for calls: special ones, and drawn ones of which some are special."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Given = tuple[str, tuple[Any, ...], dict[str, Any]]

FLOATS = (np.float64, np.float32)
INTEGERS = tuple(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8))


def short(dtype: Any) -> str:
    """The name of a dtype."""
    return np.dtype(dtype).name


def special(dtype: Any) -> Array:
    """Numbers at which functions change their way, or are none."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        return np.array([limits.min, limits.max, 0, 1, 2, 7, limits.max // 2 + 1], dtype)
    limits = np.finfo(dtype)
    near = np.array([0.0, 1.0, 0.5, 2.0, 2.5, 20.0, 700.0, 3.0], dtype)
    far = np.array([limits.max, limits.tiny, limits.smallest_subnormal, np.inf], dtype)
    both = np.concatenate([near, far])
    return np.concatenate([both, -both, np.array([np.nan], dtype)])


def some(rng: np.random.Generator, dtype: Any, *shape: int) -> Array:
    """Numbers of which a few are special, and many tie."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array(rng.integers(0, 2, shape), bool)
    if dtype.kind != "f":
        return np.array(rng.integers(0, 100, shape), dtype)
    found = np.array(rng.normal(size=shape), dtype)
    ties = rng.random(shape) < 0.2
    found = np.where(ties, np.round(found), found)
    return np.array(found, dtype)


def strewn(rng: np.random.Generator, dtype: Any, *shape: int) -> Array:
    """The same, with NaN, infinities and zeros of both signs in few places."""
    found = some(rng, dtype, *shape)
    where = rng.random(shape) < 1.5 / max(found.size, 1)
    none = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype)
    return np.array(np.where(where, rng.choice(none, shape), found), dtype)
