"""Ops that move numbers, and no more."""

from __future__ import annotations

from support.points.judging import Row

ROWS: list[Row] = []

PLAIN: dict[str, str] = dict.fromkeys(
    (
        *("reshape", "transpose", "broadcast_to", "flip", "roll", "ascontiguousarray", "copy"),
        *("astype", "getitem", "scatter", "index_add", "index_update", "concatenate"),
        *("stack", "split", "pad", "sliding_windows", "fold_windows"),
        *("transform_tiles", "fold_tiles"),
        *("linear_in_first", "transposed"),  # which rules on arrays are made of
    ),
    "linear",
)
