"""The findings as lines for a reader, and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from benchmarks import machine
from benchmarks.measure import Row, quartiles, ratio
from benchmarks.results import Result, Settings
from benchmarks.sides import OURS


def lines(result: Result, judge: bool = True) -> list[str]:
    """A title, a line for each side, and, to judge by, whether it is what was wanted."""
    if not judge:
        result = replace(result, ratios={}, limit=None)
    found = [f"{result.title} ({result.unit})"]
    of = _growth_lines if result.points else _case_lines if result.cases else _side_lines
    found += of(result)
    before, after = result.load
    if before is not None and after is not None:
        found.append(f"  load {before:.2f} before, {after:.2f} after")
    return [*found, f"  {result.note}"] if result.note else found


def _side_lines(result: Result) -> list[str]:
    found = []
    ours = result.rows.get(OURS, Row())
    for side, row in result.rows.items():
        if row.problem:
            found.append(f"  {row.problem}")
            continue
        low, middle, high = (result.scale * figure for figure in quartiles(row.figures))
        line = f"  {side:<18}{middle:>9.4g}  {f'[{low:.4g}, {high:.4g}]':<20}"
        line += f"{_threads(row, result.scale):<22}"
        if side == OURS:
            line += _wanted(middle, result.limit)
        elif (times := ratio(ours.figures, row.figures)) is not None:
            line += f"ours / it {times[0]:.3g} [{times[1]:.3g}, {times[2]:.3g}]"
            line += _wanted(times[0], result.ratios.get(side), least=times[1])
        found.append(line.rstrip() + "; still getting faster" * (not row.settled))
    return found


def _threads(row: Row, scale: float) -> str:
    """How many were faster, and what the others took."""
    others = [
        f"{count}: {scale * statistics.median(figures):.4g}"
        for count, figures in row.by_threads.items()
        if count != row.threads
    ]
    chosen = f"{row.threads} thread" + "s" * (row.threads > 1)
    return f"{chosen} ({', '.join(others)})" if others else chosen


def _case_lines(result: Result) -> list[str]:
    """A line for each case, and one for each side with the worst ratio to it."""
    found = []
    ratios: dict[str, list[tuple[tuple[float, float, float], str]]] = {}
    for case, rows in result.cases.items():
        ours = rows.get(OURS, Row())
        told = []
        for side, row in rows.items():
            if row.problem:
                found.append(f"  {row.problem}; {case}")
                continue
            count = f"{row.threads} thread" + "s" * (row.threads > 1)
            told.append(f"{side} {result.scale * statistics.median(row.figures):.4g} ({count})")
            times = ratio(ours.figures, row.figures)
            if side != OURS and times is not None:
                told[-1] += f" ours / it {times[0]:.3g} [{times[1]:.3g}, {times[2]:.3g}]"
                ratios.setdefault(side, []).append((times, case))
            told[-1] += ", still getting faster" * (not row.settled)
        found += [f"  {'; '.join(told)}; {case}"] * bool(told)
    first = next(iter(result.cases))
    for side, pairs in ratios.items():
        standard = {case: times for times, case in pairs}.get(first)
        others = [pair for pair in pairs if pair[1] != first]
        if standard and others:
            worst, case = max(others)
            times, least = worst[0] / standard[0], worst[1] / standard[0]
            line = f"  worst: {worst[0]:.3g} of {side}, {times:.3g} times that of {first}: {case}"
            found.append(line + _wanted(times, result.limit, least))
    return found


def _growth_lines(result: Result) -> list[str]:
    problems = dict.fromkeys(
        f"  at {size}: {row.problem or f'{side}: still getting faster'}"
        for size, rows in result.points
        for side, row in rows.items()
        if row.problem or not row.settled
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
            counts = "".join(f"{rows[side].threads:>10}" for _, rows in result.points)
            found.append(f"  {'threads':>9}{counts}")
    return found + list(problems)


def per_unit(result: Result, side: str) -> dict[int, float]:
    """Growth: the median cost of one unit at each size that the side was measured at."""
    return {
        size: result.scale * statistics.median(rows[side].figures) / size
        for size, rows in result.points
        if side in rows and rows[side].figures
    }


def _wanted(value: float, limit: float | None, least: float | None = None) -> str:
    """`least`: what a quarter of the rounds are below; at that, chance may have decided."""
    if limit is None:
        return ""
    close = least is not None and least <= limit
    verdict = "met" if value <= limit else "too close to tell" if close else "MISSED"
    return f"   wanted: at most {limit:g}, {verdict}"


def versions(results: Sequence[Result]) -> dict[str, str]:
    """Of all sides that were measured."""
    return {
        side: row.version
        for result in results
        for rows in result.tables()
        for side, row in rows.items()
        if row.version
    }


def as_json(results: Sequence[Result], settings: Settings, avx2: bool = False) -> dict[str, Any]:
    """Everything measured, for a program: figures in seconds or bytes, one for each round."""
    return {
        "machine": machine.facts(),
        "versions": versions(results),
        "threads": list(settings.threads),
        "quick": settings.quick,
        "avx2_alone": avx2,
        "benchmarks": {result.name: _benchmark(result) for result in results},
    }


def _benchmark(result: Result) -> dict[str, Any]:
    facts: dict[str, Any] = {"title": result.title, "unit": result.unit, "scale": result.scale}
    facts |= {"wanted_ratios": dict(result.ratios), "wanted_limit": result.limit}
    facts |= {"note": result.note, "load": result.load}
    if result.cases:
        return facts | {"cases": {case: _rows(rows) for case, rows in result.cases.items()}}
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
        found[side] = asdict(row) | {"figures": row.figures}
        if row.figures:
            found[side]["quartiles"] = quartiles(row.figures)
        times = ratio(ours.figures, row.figures)
        if side != OURS and times is not None:
            found[side]["ours_over_it"] = {"median": times[0], "quartiles": times[1:]}
    return found
