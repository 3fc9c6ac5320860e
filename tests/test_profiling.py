"""profile(): what is counted, that the times add up, and the trace."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, profile
from autograd.profiling import Profile, Row
from autograd.tape import mode, scope


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


# --- counting ------------------------------------------------------------------------------------


def test_calls_are_counted_exactly_and_rules_apart_from_forwards() -> None:
    x, w = leaf(8, 4), leaf(4, 4)
    with profile() as p:
        for _ in range(3):
            x = x @ w + 1
        x.sum().backward()
    assert calls(p) == {
        (name, phase): n
        for name, n in (("matmul", 3), ("add", 3), ("sum", 1))
        for phase in ("forward", "backward")
    }
    adds_up(p)


def test_what_runs_outside_is_not_counted() -> None:
    x = leaf(3)
    y = x * 2
    with profile() as p:
        y = y + 1
    y = y - 1
    assert calls(p) == {("add", "forward"): 1}
    before = p.total_seconds
    time.sleep(0.001)
    assert p.total_seconds == before


def test_times_are_those_that_pass_and_the_rest_is_said() -> None:
    @ag.primitive(kind="elementwise")
    def slow(x: Any) -> Any:
        time.sleep(0.02)
        return x * 1

    def pull_slow(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        time.sleep(0.03)
        return g * 1

    slow.defvjp(pull_slow)
    x = leaf(3)
    x.register_hook(lambda g: time.sleep(0.04))
    with profile() as p:
        y = slow(x).sum()
        y.backward()
        time.sleep(0.05)
    # sleep() never ends early; what it is late by counts where it is.
    assert row(p, "slow").seconds >= 0.02
    assert row(p, "slow", "backward").seconds >= 0.03
    assert p.sweep_seconds >= 0.04
    assert p.rest_seconds >= 0.05
    adds_up(p)
    assert [r.seconds for r in p.rows] == sorted((r.seconds for r in p.rows), reverse=True)
    assert {r.name for r in p.rows[:2]} == {"slow"}


def test_what_an_op_calls_is_part_of_it() -> None:
    @ag.custom_vjp
    def twice(x: Tensor) -> Tensor:
        return ag.exp(ag.log(x)) * 2

    twice.defvjp(lambda g, out, x: g * 2)
    x = leaf(1000)
    with profile() as p:
        twice(x).backward(np.ones(1000, np.float32))
    assert calls(p) == {("twice", "forward"): 1, ("twice", "backward"): 1}
    assert row(p, "twice").nbytes == 8000  # its own argument and result
    assert row(p, "twice").flops is None
    assert (row(p, "twice", "backward").nbytes, row(p, "twice", "backward").flops) == (8000, 1000)
    adds_up(p)


def test_a_checkpoint_counts_what_it_computes_again() -> None:
    x = leaf(4)
    with profile() as p:
        ag.checkpoint(lambda x: ag.exp(ag.exp(x)))(x).sum().backward()
    assert calls(p) == {
        ("exp", "forward"): 4,
        ("exp", "backward"): 2,
        ("alias", "forward"): 1,  # the argument of what is computed again
        ("sum", "forward"): 1,
        ("sum", "backward"): 1,
    }
    adds_up(p)


def test_a_sweep_within_a_sweep_counts_once() -> None:
    def slow_to_pull(x: Tensor) -> Tensor:
        y = ag.exp(x)
        if y.requires_grad:  # it is computed again
            y.register_hook(lambda g: time.sleep(0.03))
        return y

    x = leaf(4)
    y = ag.checkpoint(slow_to_pull)(x).sum()
    with profile() as p:
        y.backward()
    assert 0.03 <= p.sweep_seconds <= p.total_seconds
    adds_up(p)  # none of the parts is negative


def test_a_sweep_within_a_rule_is_part_of_the_rule() -> None:
    @ag.primitive
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(lambda g, out, x: g * ag.grad(lambda z: (z * z * z).sum())(x))
    x = leaf(4)
    with profile() as p:
        cube(x).sum().backward()
    assert set(calls(p)) == {(n, f) for n in ("cube", "sum") for f in ("forward", "backward")}
    adds_up(p)


def test_ops_of_hooks_and_of_adding_to_grad_are_told_apart() -> None:
    x = leaf(4)
    (x * 2).sum().backward()
    x.register_hook(lambda g: ag.clip(g, -1, 1))
    with profile() as p:
        (x * 2).sum().backward()
    assert calls(p)[("clip", "sweep")] == 1
    assert set(calls(p)) >= {("multiply", "forward"), ("multiply", "backward")}
    adds_up(p)


def test_adding_to_a_gradient_that_is_there_belongs_to_the_rule() -> None:
    x = leaf(4)
    y = x * 1
    with profile() as p:
        (y * y).sum().backward()
    assert ("add", "sweep") not in calls(p) and ("add", "forward") not in calls(p)
    assert row(p, "multiply", "backward").calls == 2
    adds_up(p)


def test_second_derivatives() -> None:
    x = leaf(4)
    with profile() as p:
        ag.hvp(lambda x: (x * x * x).sum(), (x,), (leaf(4),))
    assert row(p, "multiply", "backward").calls >= 2
    adds_up(p)


# --- bytes and operations ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "name", "nbytes", "flops"),
    [
        (lambda: leaf(8, 4) @ leaf(4, 5), "matmul", 4 * (32 + 20 + 40), 2 * 8 * 4 * 5),
        (lambda: leaf(3, 8, 4) @ leaf(4), "matmul", 4 * (96 + 4 + 24), 2 * 3 * 8 * 4),
        (
            lambda: ag.tensordot(leaf(2, 3, 4), leaf(3, 4, 5), 2),
            "tensordot",
            4 * (24 + 60 + 10),
            2 * 2 * 12 * 5,
        ),
        (lambda: ag.dot(leaf(6), leaf(6)), "dot", 4 * 13, 12),
        (lambda: ag.outer(leaf(3), leaf(5)), "outer", 4 * (3 + 5 + 15), 15),
        (lambda: ag.vecdot(leaf(7, 3), leaf(3)), "vecdot", 4 * (21 + 3 + 7), 42),
        (
            lambda: ag.einsum("bij,bjk->bik", leaf(2, 3, 4), leaf(2, 4, 5)),
            "einsum",
            4 * (24 + 40 + 30),
            2 * 2 * 3 * 4 * 5,
        ),
        (lambda: ag.einsum("...j,j", leaf(2, 3, 4), leaf(4)), "einsum", 4 * (24 + 4 + 6), 2 * 24),
        # A matrix times a vector, twice; from the right, as that is cheaper.
        (
            lambda: ag.einsum("ij,jk,k->i", leaf(5, 5), leaf(5, 5), leaf(5)),
            "einsum",
            4 * (25 + 25 + 5 + 5),
            4 * 25,
        ),
        (lambda: leaf(3, 1) + leaf(1, 4), "add", 4 * (3 + 4 + 12), 12),
        (lambda: ag.exp(leaf(9, dtype=np.float64)), "exp", 8 * 18, 9),
        (lambda: leaf(6, 7).sum(axis=0), "sum", 4 * (42 + 7), 42),
        (lambda: leaf(6, 7).sum(), "sum", 4 * (42 + 1), 42),
        (lambda: leaf(6, 7)[np.array([1, 2])], "getitem", 4 * (14 + 14) + 16, 0),
        (lambda: leaf(6, 7)[1:3], "getitem", 0, 0),
        (lambda: leaf(6, 7).reshape(7, 6), "reshape", 0, 0),
        (lambda: leaf(6, 7).T.reshape(42), "reshape", 8 * 42, 0),  # this one has to copy
        (lambda: ag.transpose(leaf(6, 7)), "transpose", 0, 0),
        (lambda: ag.broadcast_to(leaf(7), (6, 7)), "broadcast_to", 0, 0),
        (lambda: ag.split(leaf(6), 3), "split", 0, 0),
        (lambda: ag.inv(Tensor(np.eye(3))), "inv", 8 * 18, None),
    ],
)
def test_bytes_and_operations(call: Any, name: str, nbytes: int, flops: int | None) -> None:
    with profile() as p:
        call()
    found = row(p, name)
    assert (found.calls, found.nbytes, found.flops) == (1, nbytes, flops)


def test_memory_that_is_read_more_than_once_counts_once() -> None:
    x = leaf(1, 1, 20, 20)
    with profile() as p:
        ag.exp(ag.broadcast_to(leaf(7), (6, 7)))
        ag.log(ag.sliding_windows(x, (3, 3), (1, 1), (1, 1)))
    assert row(p, "exp").nbytes == 4 * (7 + 42)
    assert row(p, "log").nbytes == 4 * (400 + 18 * 18 * 9)


def test_the_backward_counts_what_its_ops_move_and_compute() -> None:
    x, w = leaf(8, 4), leaf(4, 5)
    y = x @ w
    with profile() as p:
        y.backward(np.ones((8, 5), np.float32))
    found = row(p, "matmul", "backward")
    assert found.flops == 2 * (2 * 8 * 4 * 5)
    assert found.nbytes == 2 * 4 * (8 * 4 + 4 * 5 + 8 * 5)  # each of the three in both products


def test_rates_are_of_the_time() -> None:
    with profile() as p:
        leaf(30, 40) @ leaf(40, 50)
    found = row(p, "matmul")
    assert found.flops is not None and found.gigaflops_per_second is not None
    assert found.gigaflops_per_second * found.seconds == pytest.approx(1e-9 * found.flops)
    assert found.gigabytes_per_second * found.seconds == pytest.approx(1e-9 * found.nbytes)
    assert Row("x", "forward", 1, 0.5, 1, 0, None).gigaflops_per_second is None


# --- what is printed and written -----------------------------------------------------------------


def test_the_table() -> None:
    with profile() as p:
        (leaf(8, 4) @ leaf(4, 4)).sum().backward()
    lines = str(p).splitlines()
    assert lines[0].split() == ["calls", "ms", "share", "MB", "GB/s", "GFLOP/s"]
    names = [line.split("  ")[0] or line.split()[0] for line in lines if line.strip()]
    assert names[1] == "forward" and "backward" in names and names[-1] == "total"
    (forward,) = (line for line in lines if line.startswith("forward"))
    assert forward.split()[1] == "2"  # calls
    assert lines[-1].split()[-2:] == ["100.0", "%"]
    assert str(sum(line.lstrip().startswith("matmul") for line in lines)) == "2"
    html = p._repr_html_()
    assert html.startswith("<table>") and html.count("matmul") == 2
    assert "ms" in repr(p)


def test_names_are_escaped_in_html() -> None:
    @ag.primitive
    def plain(x: Any) -> Any:
        return x * 1

    plain.name = "<b>&"
    with profile() as p:
        plain(leaf(2))
    assert "&lt;b&gt;&amp;" in p._repr_html_() and "<b>" not in p._repr_html_()


def test_modules_are_ranges_that_nest_and_enclose_their_ops(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    x = Tensor(np.ones((5, 4), np.float32))
    with profile() as p:
        for _ in range(2):
            net(x).sum().backward()
    found = events(p, tmp_path)
    nests(found)
    sweeps = [e for e in found if e["cat"] == "sweep"]
    assert len(sweeps) == 2
    modules = [e for e in found if e["cat"] == "module"]
    forward = [m for m in modules if not any(within(m, s) for s in sweeps)]
    assert [m["name"] for m in forward] == 2 * [
        *("Sequential", "0 (Linear)", "1 (ReLU)", "2 (Linear)")
    ]
    backward = [m for m in modules if m not in forward]
    assert [m["name"] for m in backward] == 2 * [
        *("Sequential", "2 (Linear)", "1 (ReLU)", "0 (Linear)")
    ]
    for part, op in ((forward, "matmul"), (backward, "matmul backward")):
        for outer, name in ((part[0], "Sequential"), (part[1], part[1]["name"])):
            assert outer["name"] == name
            inside = [e for e in found if within(e, outer) and e["name"] == op]
            assert len(inside) == (2 if name == "Sequential" else 1)
            assert all(e["cat"] == ("op" if op == "matmul" else "backward") for e in inside)
    (product, *_) = (e for e in found if e["name"] == "matmul")
    assert product["args"]["arguments"] == "(5, 4), (4, 3)"
    assert product["args"]["results"] == "(5, 3)"
    assert product["args"]["FLOPs"] == 2 * 5 * 4 * 3
    assert product["args"]["bytes"] == 4 * (20 + 12 + 15)


def test_two_calls_of_a_module_in_a_row_are_two_ranges(tmp_path: Path) -> None:
    relu = nn.ReLU()
    with profile() as p:
        relu(relu(leaf(3)))
    assert [e["name"] for e in events(p, tmp_path)] == 2 * ["ReLU", "maximum"]


# --- where it begins and ends --------------------------------------------------------------------


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


def test_an_empty_profile(tmp_path: Path) -> None:
    with profile() as p:
        assert p.rows == [] and str(p)
    assert p.rows == [] and p.sweep_seconds == 0
    adds_up(p)
    assert events(p, tmp_path) == []
    assert "total" in str(p)
