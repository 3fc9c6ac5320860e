"""Where a kernel puts the array that it returns: into new memory, or where it is told.

A kernel that can be told takes a `room`, which it calls at most once, and only for what it returns.
On the tape that is `new`; a program that runs again gives places in memory that it has already.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np

from autograd.engine.tensor import Array

DType: TypeAlias = "np.dtype[Any]"
Model: TypeAlias = "Array | tuple[Array, ...] | None"


class Room(Protocol):
    """What makes an array whose numbers are not set yet; see `new`."""

    def __call__(self, shape: tuple[int, ...], dtype: DType, model: Model = None, /) -> Array: ...


def new(shape: tuple[int, ...], dtype: DType, model: Model = None, /) -> Array:
    """An array in memory of its own, whose numbers are not set.

    Args:
        model: whose order of memory it has: that of an array, as of `np.empty_like`; of a tuple of
            arrays that broadcast to this shape, that of the result of an elementwise op on them, as
            NumPy chooses it; by default row by row.
    """
    if isinstance(model, tuple) and model:
        flags = [*[["readonly"]] * len(model), ["writeonly", "allocate"]]
        dtypes = [*[None] * len(model), dtype]
        each: Any = np.nditer((*model, None), ["zerosize_ok"], flags, dtypes)  # type: ignore
        made: Array = each.operands[-1]
        return made if made.shape == shape else np.empty(shape, dtype)
    if isinstance(model, np.ndarray):
        return np.empty_like(model, dtype, shape=shape)
    return np.empty(shape, dtype)
