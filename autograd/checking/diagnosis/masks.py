"""Where labels are: what recorded indices pick out, and where one-hot constants are 1."""

from __future__ import annotations

import numpy as np

from autograd.engine.tensor import Array
from autograd.ops.shapes.indexing import as_index
from autograd.program.recorded import Values


def label_masks(values: Values) -> list[Array]:
    """Where recorded indices pick one number of many, and where recorded constants are one-hot."""
    masks: list[Array] = []
    for record in values.records:
        arrays = values.arrays(record)
        if record.op.name == "getitem":
            index = as_index(arrays[1])
            parts = index if isinstance(index, tuple) else (index,)
            if any(isinstance(part, np.ndarray) for part in parts):
                mask = np.zeros(arrays[0].shape, np.bool_)
                mask[index] = True
                masks.append(mask)
        for array, parent in zip(arrays, record.parents, strict=True):
            constant = isinstance(array, np.ndarray) and parent is None and array.ndim
            if constant and array.dtype.kind in "fbiu" and _is_one_hot(array):
                masks.append(array != 0)
    return masks


def _is_one_hot(array: Array) -> bool:
    """Exactly one 1 along some axis of at least two, and zeros beside it."""
    if not np.isin(array, (0, 1)).all():
        return False
    return any(n > 1 and (array.sum(axis=a) == 1).all() for a, n in enumerate(array.shape))
