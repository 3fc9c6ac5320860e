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
        *("rule_on_arrays", "transposed_rule_on_arrays"),  # which rules on arrays are made of
    ),
    "linear",
)
