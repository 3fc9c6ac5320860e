"""profile(): the table, its HTML, and the modules in the trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from support.profiles import adds_up, events, leaf, nests, within

import autograd as ag
import nn
from autograd import Tensor, profile


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


def test_an_empty_profile(tmp_path: Path) -> None:
    with profile() as p:
        assert p.rows == [] and str(p)
    assert p.rows == [] and p.sweep_seconds == 0
    adds_up(p)
    assert events(p, tmp_path) == []
    assert "total" in str(p)
