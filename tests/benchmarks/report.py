"""The findings as lines for a reader, and as JSON."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from benchmarks.measure import Row, quartiles, ratio
from benchmarks.sides import OURS
from benchmarks.suite import Result, Settings


def lines(result: Result, judge: bool = True) -> list[str]:
    """A title, a line for each side, and, to judge by, whether it is what was wanted."""
    if not judge:
        result = replace(result, ratios={}, limit=None)
    found = [f"{result.title} ({result.unit})"]
    found += _growth_lines(result) if result.points else _side_lines(result)
    return [*found, f"  {result.note}"] if result.note else found


def _side_lines(result: Result) -> list[str]:
    found = []
    ours = result.rows.get(OURS, Row())
    for side, row in result.rows.items():
        if row.problem:
            found.append(f"  {row.problem}")
            continue
        low, middle, high = (result.scale * figure for figure in quartiles(row.figures))
        line = f"  {side:<9}{middle:>10.4g}  [{low:.4g}, {high:.4g}]"
        if side == OURS:
            line += _wanted(middle, result.limit)
        elif (times := ratio(ours, row)) is not None:
            line = f"{line:<42}ours / {side} {times[0]:.3g} [{times[1]:.3g}, {times[2]:.3g}]"
            line += _wanted(times[0], result.ratios.get(side))
        found.append(line)
    return found


def _growth_lines(result: Result) -> list[str]:
    problems = dict.fromkeys(
        f"  at {size}: {row.problem}"
        for size, rows in result.points
        for row in rows.values()
        if row.problem
    )
    found = [f"  {'size':<9}" + "".join(f"{size:>10}" for size, _ in result.points)]
    for side in result.points[0][1]:
        costs = per_unit(result, side)
        if costs:
            shown = [f"{costs[size]:.4g}" if size in costs else "-" for size, _ in result.points]
            cells = "".join(f"{cost:>10}" for cost in shown)
            times = max(costs.values()) / min(costs.values())
            wanted = _wanted(times, result.limit) if side == OURS else ""
            found.append(f"  {side:<9}{cells}   largest / smallest {times:.3g}{wanted}")
    return found + list(problems)


def per_unit(result: Result, side: str) -> dict[int, float]:
    """Growth: the median cost of one unit at each size that the side was measured at."""
    return {
        size: result.scale * statistics.median(rows[side].figures) / size
        for size, rows in result.points
        if side in rows and rows[side].figures
    }


def _wanted(value: float, limit: float | None) -> str:
    if limit is None:
        return ""
    return f"   wanted: at most {limit:g}, {'met' if value <= limit else 'MISSED'}"


def as_json(results: Sequence[Result], settings: Settings) -> dict[str, Any]:
    """Everything measured, for a program: figures in seconds or bytes, one for each round."""
    return {
        "machine": {
            "platform": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "threads": settings.threads,
        "quick": settings.quick,
        "benchmarks": {result.name: _benchmark(result) for result in results},
    }


def _benchmark(result: Result) -> dict[str, Any]:
    facts: dict[str, Any] = {"title": result.title, "unit": result.unit, "scale": result.scale}
    facts |= {"wanted_ratios": dict(result.ratios), "wanted_limit": result.limit}
    facts |= {"note": result.note}
    if not result.points:
        return facts | {"sides": _rows(result.rows)}
    sides = list(result.points[0][1])
    return facts | {
        "points": [{"size": size, "sides": _rows(rows)} for size, rows in result.points],
        "per_unit": {side: per_unit(result, side) for side in sides},
    }


def _rows(rows: dict[str, Row]) -> dict[str, Any]:
    ours = rows.get(OURS, Row())
    found: dict[str, Any] = {}
    for side, row in rows.items():
        found[side] = asdict(row)
        if row.figures:
            found[side]["quartiles"] = quartiles(row.figures)
        if side != OURS and (times := ratio(ours, row)) is not None:
            found[side]["ours_over_it"] = {"of_medians": times[0], "quartiles": times[1:]}
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(
                line.split(":")[1].strip() for line in file if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor()
