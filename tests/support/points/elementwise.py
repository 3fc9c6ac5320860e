"""The points of elementwise ops."""

from __future__ import annotations

import mpmath
from support.points.judging import INF, Row, Told

import autograd as ag

ROWS: list[Row] = [
    Row("exp", ag.exp, mpmath.exp, [0.0, -0.0, 5e-324, -745.0, 709.0, 710.0, INF, -INF]),
    Row(
        "absolute",
        ag.abs,
        abs,
        [0.0, -0.0, 5e-324, INF, -INF],
        [Told(1, 0, "The slope at 0 is 0.", at=lambda x: x == 0)],
    ),
]
PLAIN: dict[str, str] = {"add": "linear"}
