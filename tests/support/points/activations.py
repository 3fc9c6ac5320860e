"""Rows."""

from __future__ import annotations

from support.points.judging import Row

ROWS: list[Row] = []
PLAIN: dict[str, str] = {}
