"""Connected parts of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def components(mask: Mask) -> tuple[NDArray[np.intp], int]:
    """Number the connected parts of a mask (H, W), diagonal neighbours included.

    Returns labels (H, W), 0 outside the mask and 1 ... count in it, and the count.

    Each pixel begins as a tree of its own; trees that touch are hooked together and flattened
    until none touch, in a number of rounds logarithmic in the pixels (Shiloach and Vishkin 1982).
    """
    number = np.arange(mask.size).reshape(mask.shape)
    pairs = [
        (number[here][both], number[there][both])
        for here, there in _NEIGHBOURS
        for both in [mask[here] & mask[there]]
    ]
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    root = np.arange(mask.size)
    while True:
        first, second = root[one], root[other]
        if np.array_equal(first, second):
            break
        np.minimum.at(root, np.maximum(first, second), np.minimum(first, second))
        while not np.array_equal(root, above := root[root]):
            root = above
    roots, labels = np.unique(root[mask.ravel()], return_inverse=True)
    numbered = np.zeros(mask.shape, np.intp)
    numbered[mask] = labels + 1
    return numbered, len(roots)


_ALL, _FIRST, _LAST = slice(None), slice(None, -1), slice(1, None)
_NEIGHBOURS = [
    ((_ALL, _FIRST), (_ALL, _LAST)),
    ((_FIRST, _ALL), (_LAST, _ALL)),
    ((_FIRST, _FIRST), (_LAST, _LAST)),
    ((_FIRST, _LAST), (_LAST, _FIRST)),
]
