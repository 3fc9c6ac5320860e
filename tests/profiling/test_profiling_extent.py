"""profile(): where it begins and ends, beside exceptions, other profiles, threads, debug mode."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.profiles import adds_up, calls, events, leaf, nests, row, within

import autograd as ag
from autograd import Tensor, profile
from autograd.engine.modes import mode
from autograd.profiling import Profile
from autograd.runtime.scopes import scope


def test_an_exception_restores_everything_and_leaves_what_was_measured(tmp_path: Path) -> None:
    @ag.primitive
    def breaks(x: Any) -> Any:
        raise ZeroDivisionError("on purpose")

    @ag.primitive
    def breaks_back(x: Any) -> Any:
        return x * 1

    def refuse(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        raise ZeroDivisionError("on purpose")

    breaks_back.defvjp(refuse)
    for run in (breaks, lambda x: breaks_back(x).sum().backward()):
        x = leaf(2)
        with pytest.raises(ZeroDivisionError), profile() as p, scope("outer"):
            ag.exp(x)
            run(x)
        assert mode.observer is None and mode.scope == ()
        assert row(p, "exp").calls == 1
        adds_up(p)
        found = events(p, tmp_path)
        nests(found)
        assert all(within(e, found[0]) for e in found) and found[0]["name"] == "outer"


def test_an_exception_that_is_caught_leaves_the_counting_right(tmp_path: Path) -> None:
    @ag.primitive
    def breaks(x: Any) -> Any:
        raise MemoryError

    @ag.primitive
    def recovers(x: Any) -> Any:
        with pytest.raises(MemoryError):
            breaks(Tensor(x))
        return x * 1

    x = leaf(2)
    with profile() as p:
        with pytest.raises(MemoryError), scope("left"):
            breaks(x)
        with pytest.raises(MemoryError):
            breaks(x)
        recovers(x)
        with pytest.raises(RuntimeError):
            recovers(x).sum().backward()  # it has no rule
        ag.exp(x).sum().backward()
    assert calls(p)[("breaks", "forward")] == 2
    assert calls(p)[("recovers", "forward")] == 2
    assert calls(p)[("exp", "forward")] == calls(p)[("exp", "backward")] == 1
    assert calls(p)[("sum", "backward")] == 2
    adds_up(p)
    found = events(p, tmp_path)
    nests(found)
    (left,) = (e for e in found if e["name"] == "left")
    assert sum(within(e, left) for e in found if e["cat"] == "op") == 1


def test_nested_profiles_each_have_what_ran_within_them(tmp_path: Path) -> None:
    x = leaf(3)
    with profile() as outer:
        ag.exp(x)
        with scope("a"), profile() as inner:
            ag.log(x)
            assert calls(inner) == {("log", "forward"): 1}
            assert calls(outer) == {("exp", "forward"): 1, ("log", "forward"): 1}
            adds = inner.total_seconds
        ag.exp(x)
        assert mode.observer is not None
    assert mode.observer is None
    assert calls(inner) == {("log", "forward"): 1}
    assert calls(outer) == {("exp", "forward"): 2, ("log", "forward"): 1}
    assert adds < inner.total_seconds < outer.total_seconds
    adds_up(inner)
    adds_up(outer)
    assert [e["name"] for e in events(inner, tmp_path)] == ["log"]
    assert [e["name"] for e in events(outer, tmp_path)] == ["exp", "a", "log", "exp"]


def test_a_profile_within_an_op_sees_what_the_op_calls() -> None:
    inner = []

    @ag.custom_vjp
    def watched(x: Tensor) -> Tensor:
        with profile() as p:
            y = ag.exp(x)
        inner.append(p)
        return y

    with profile() as outer:
        watched(leaf(3))
    assert calls(outer) == {("watched", "forward"): 1}
    assert calls(inner[0]) == {("exp", "forward"): 1}
    adds_up(inner[0])


def test_each_thread_has_its_own(tmp_path: Path) -> None:
    ready, go = threading.Event(), threading.Event()
    theirs: list[Profile] = []

    def other() -> None:
        with profile() as p:
            ready.set()
            go.wait(10)
            ag.log(leaf(3))
        theirs.append(p)

    thread = threading.Thread(target=other, name="other")
    with profile() as mine:
        thread.start()
        assert ready.wait(10)
        ag.exp(leaf(3))
        go.set()
        thread.join()
    assert calls(mine) == {("exp", "forward"): 1}
    assert calls(theirs[0]) == {("log", "forward"): 1}
    (a,), (b,) = events(mine, tmp_path), events(theirs[0], tmp_path)
    assert a["tid"] != b["tid"] and a["pid"] == b["pid"]
    named = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))["traceEvents"][1]
    assert (named["name"], named["args"]["name"]) == ("thread_name", "other")


def test_it_refuses_to_be_mixed_with_debug_mode() -> None:
    with ag.debug():
        observer = mode.observer
        with pytest.raises(RuntimeError, match=r"profile\(\) .* within debug\(\)"), profile():
            pass
        assert mode.observer is observer
    with profile():
        observer = mode.observer
        with pytest.raises(RuntimeError, match=r"debug\(\) .* within profile\(\)"), ag.debug():
            pass
        assert mode.observer is observer
    assert mode.observer is None


def test_results_and_errors_are_as_without(rng: np.random.Generator) -> None:
    data = rng.standard_normal((4, 3))

    def run() -> Any:
        x = Tensor(data, requires_grad=True)
        (ag.exp(x) @ Tensor(data.T)).sum().backward()
        assert x.grad is not None
        return x.grad.data

    plain = run()
    with profile():
        np.testing.assert_array_equal(run(), plain)
        with pytest.raises(ValueError, match=r"matmul\(float32 \(2, 3\), float32 \(2, 3\)\)"):
            leaf(2, 3) @ leaf(2, 3)
