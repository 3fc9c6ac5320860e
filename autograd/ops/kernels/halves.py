"""float16 in float32: where its numbers are summed, squared or divided by counts.

They end at 65,504, which a count or a square soon passes, and a sum of ones in float16 stays at
2,048. Gradients that meet in a sweep are added so too. But where such a sum is recorded
(`create_graph`), and where several backward passes add to one `.grad`, each step is rounded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.engine.tensor import Array


def is_half(x: Any) -> bool:
    """Whether an array or a tensor is float16."""
    return x.dtype.char == "e"  # type: ignore[no-any-return]


def widened(x: Any) -> Any:
    """x, in float32 where it is an array of float16."""
    return x.astype(np.float32) if isinstance(x, np.ndarray) and is_half(x) else x


def in_single(forward: Callable[..., Array]) -> Callable[..., Array]:
    """A forward that computes in float32 where arrays are float16, and rounds at its end."""

    @functools.wraps(forward)
    def wide(*args: Any, **options: Any) -> Array:
        arrays = [a for a in args if isinstance(a, np.ndarray)]
        if not any(map(is_half, arrays)):
            return forward(*args, **options)
        out = forward(*map(widened, args), **options)
        return np.asarray(out, np.result_type(*arrays))

    return wide
