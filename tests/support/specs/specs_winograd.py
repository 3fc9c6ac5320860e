"""Rows of the pair of primitives behind Winograd's convolution; see specs.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.specs.sampling import Array, Made, Real, Shape, calls
from support.specs.specs import Spec

from autograd.ops.shapes import winograd

# Beside two of a convolution: tiles that overlap more than once, rows and columns of zeros, a
# matrix of more rows than columns.
_MATRICES: dict[str, winograd.Matrix] = {
    "overlapping": ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    "side by side": ((1, 0), (1, 1), (1, -1), (0, -1)),
    "three deep": ((0.5, -2, 3, -1, 1),),
    "with zeros": ((2, -1, 1), (0, 0, 0), (-1, 0, 0)),
    "uneven": ((1, -1, 2), (1, 1, 2), (0, 3, 0)),
}


def _matrix(name: str) -> Made:
    return Made(name, lambda rng: _MATRICES[name])


def _places(index: tuple[int, int], step: int, start: Shape, k: int) -> list[range]:
    firsts = [i * step + s for i, s in zip(index, start, strict=True)]
    return [range(first, first + k) for first in firsts]


def _transformed(x: Array, given_matrix: Any, step: int, start: Shape, counts: Shape) -> Array:
    matrix = np.array(given_matrix, x.dtype)
    t, k = matrix.shape
    out = np.zeros((t, t, len(x), *counts, x.shape[3]), x.dtype)
    for index in np.ndindex(*counts):
        tile = np.zeros((len(x), k, k, x.shape[3]), x.dtype)
        rows, columns = _places(index, step, start, k)
        for p, row in enumerate(rows):
            for q, column in enumerate(columns):
                if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                    tile[:, p, q] = x[:, row, column]
        out[(..., *index, slice(None))] = np.einsum("up,vq,cpqn->uvcn", matrix, matrix, tile)
    return out


def _folded(g: Array, given_matrix: Any, step: int, start: Shape, sizes: Shape) -> Array:
    matrix = np.array(given_matrix, g.dtype)
    out = np.zeros((g.shape[2], *sizes, g.shape[5]), g.dtype)
    for index in np.ndindex(*g.shape[3:5]):
        given = g[(..., *index, slice(None))]
        tile = np.einsum("up,vq,uvcn->cpqn", matrix, matrix, given)
        rows, columns = _places(index, step, start, matrix.shape[1])
        for p, row in enumerate(rows):
            for q, column in enumerate(columns):
                if 0 <= row < sizes[0] and 0 <= column < sizes[1]:
                    out[:, row, column] += tile[:, p, q]
    return out


TRANSFORMED = calls(
    (Real(2, 4, 4, 2), _matrix("overlapping"), 2, (-1, -1), (2, 2)),
    (Real(1, 5, 3, 2), _matrix("overlapping"), 2, (-1, 0), (3, 1)),
    (Real(1, 3, 4, 2), _matrix("side by side"), 2, (0, 0), (2, 2)),
    (Real(2, 3, 3, 1), _matrix("three deep"), 2, (-2, 1), (2, 3)),
    (Real(3, 4, 3, 1), _matrix("with zeros"), 1, (0, -3), (2, 4)),
    (Real(1, 5, 6, 1), _matrix("uneven"), 3, (1, -2), (1, 3)),
    (Real(1, 9, 2, 1), _matrix("uneven"), 2, (2, 0), (2, 1)),  # most pixels in no tile
    (Real(0, 3, 3, 2), _matrix("uneven"), 2, (0, 0), (1, 1)),
    (Real(2, 3, 3, 1), _matrix("uneven"), 2, (0, 0), (0, 1)),
)
FOLDED = calls(
    (Real(4, 4, 1, 2, 2, 1), _matrix("overlapping"), 2, (-1, -1), (4, 4)),
    (Real(4, 4, 2, 2, 1, 1), _matrix("overlapping"), 2, (-1, 0), (3, 3)),
    (Real(4, 4, 1, 2, 1, 2), _matrix("side by side"), 2, (0, 0), (3, 2)),
    (Real(1, 1, 2, 2, 3, 2), _matrix("three deep"), 2, (-2, 1), (3, 4)),
    (Real(3, 3, 1, 2, 4, 1), _matrix("with zeros"), 1, (0, -3), (5, 2)),
    (Real(3, 3, 1, 1, 3, 2), _matrix("uneven"), 3, (1, -2), (6, 9)),  # and pixels in no tile
    (Real(3, 3, 0, 2, 2, 1), _matrix("uneven"), 2, (0, 0), (4, 4)),
    (Real(3, 3, 2, 0, 1, 1), _matrix("uneven"), 2, (0, 0), (2, 2)),
)

SPECS: list[Spec] = [
    Spec(winograd.transform_tiles, TRANSFORMED, reference=_transformed),
    Spec(winograd.fold_tiles, FOLDED, reference=_folded),
]
