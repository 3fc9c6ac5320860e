"""What tests ask of a profile: its rows, that its times add up, its trace and how it nests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import Tensor
from autograd.profiling import Profile, Row


def leaf(*shape: int, dtype: Any = np.float32) -> Tensor:
    return Tensor(np.ones(shape, dtype), requires_grad=True)


def row(p: Profile, name: str, phase: str = "forward") -> Row:
    (found,) = (r for r in p.rows if (r.name, r.phase) == (name, phase))
    return found


def calls(p: Profile) -> dict[tuple[str, str], int]:
    return {(r.name, r.phase): r.calls for r in p.rows}


def adds_up(p: Profile) -> None:
    assert all(r.seconds >= 0 for r in p.rows)
    assert p.sweep_seconds >= 0 and p.rest_seconds >= 0
    parts = sum(r.seconds for r in p.rows) + p.sweep_seconds + p.rest_seconds
    assert parts == pytest.approx(p.total_seconds, rel=1e-9)
    rest = (p.sweep_seconds + p.rest_seconds) / p.total_seconds
    assert sum(r.share for r in p.rows) + rest == pytest.approx(1, rel=1e-9)


def events(p: Profile, path: Path) -> list[dict[str, Any]]:
    p.save_trace(path / "trace.json")
    trace = json.loads((path / "trace.json").read_text(encoding="utf-8"))
    assert trace["displayTimeUnit"] == "ms"
    found: list[dict[str, Any]] = trace["traceEvents"]
    for event in found:
        assert {"name", "ph", "pid", "tid"} <= set(event)
        if event["ph"] == "X":
            assert event["ts"] >= 0 and event["dur"] >= 0 and event["cat"]
            assert event["ts"] + event["dur"] <= 1e6 * p.total_seconds + 1e-3
        else:
            assert event["ph"] == "M"
    return [event for event in found if event["ph"] == "X"]


def reach(event: dict[str, Any]) -> tuple[int, int]:
    """Begin and end in nanoseconds, in which they were taken."""
    begin = round(1000 * event["ts"])
    return begin, begin + round(1000 * event["dur"])


def within(inner: dict[str, Any], outer: dict[str, Any]) -> bool:
    return reach(outer)[0] <= reach(inner)[0] and reach(inner)[1] <= reach(outer)[1]


def nests(found: list[dict[str, Any]]) -> None:
    """They are in the order of their begins, and each ends before what was open when it began."""
    ends: list[int] = []
    latest = 0
    for event in found:
        begin, end = reach(event)
        assert latest <= begin <= end
        latest = begin
        while ends and ends[-1] <= begin:
            ends.pop()
        assert not ends or end <= ends[-1]
        ends.append(end)
