"""The points of reductions: directional derivatives at whole arrays."""

from __future__ import annotations

from functools import reduce
from operator import mul

from support.points.judging import Row, along

import autograd as ag

ROWS: list[Row] = [
    along("prod", ag.prod, lambda x: reduce(mul, x.ravel()), [0.0, 0.0, 3.0], "two zeros"),
]
PLAIN: dict[str, str] = {"sum": "linear", "mean": "linear"}
