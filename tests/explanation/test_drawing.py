"""tape_of: the records as a table, as a Graphviz graph, and as a page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.explaining import expect_html

import autograd as ag
import nn
from autograd import Tensor, primitive, tape_of
from autograd.engine.keeping import LARGE
from autograd.explanation import TapeTable
from autograd.explanation.graph import Graph, Group, Node, grouped, layers
from autograd.runtime.scopes import scope
from mnist.models import basic, deep

Array = np.ndarray[Any, Any]


def tape_of_model(model: nn.Module, rng: np.random.Generator, batch: int = 2) -> TapeTable:
    images = Tensor(rng.random((batch, 1, 28, 28), dtype=np.float32))
    loss = nn.functional.cross_entropy(model(images), np.arange(batch))
    return tape_of(loss, names=dict(model.named_parameters()))


# --- the table -----------------------------------------------------------------------------------


def test_rows_tell_of_the_records(rng: np.random.Generator) -> None:
    x = Tensor(rng.random((2, 3)), requires_grad=True)
    weights = rng.random((3, 4)).astype(np.float32)
    with scope("layer"):
        y = x @ weights
    q, r = ag.qr(y)
    tape = tape_of(r.sum(), names={"x": x, "W": weights})
    assert len(tape) == 3
    assert [row.op for row in tape] == ["matmul", "qr", "sum"]
    assert [row.number for row in tape] == [0, 1, 2]
    first, second = tape[0], tape[1]
    assert tape[-1].output_shapes == ((),)
    assert tape[:2] == [first, second]
    assert (first.formula, first.scope, first.kind) == ("v1 = x @ W", ("layer",), "contraction")
    assert first.shapes == "(2, 3), (3, 4) -> (2, 4)"
    assert first.dtype == np.dtype(np.float64)
    assert first.nbytes == 64
    assert first.held == weights.nbytes + 64  # not the leaf
    assert second.shapes == "(2, 4) -> (2, 2), (2, 4)"
    assert second.formula == "v2, v3 = qr(v1)"
    assert second.nbytes == q.data.nbytes + r.data.nbytes
    assert first.line is None


def test_times_are_measured_once_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    @primitive(kind="elementwise")
    def counted(x: Array) -> Array:
        calls.append(x)
        return 2 * x

    counted.defvjp(lambda g, out, x: 2 * g)
    x = Tensor(np.ones(3), requires_grad=True)
    tape = tape_of(counted(x).sum())
    assert len(calls) == 1
    time = tape[0].milliseconds
    assert time is not None
    assert time > 0
    measured = len(calls)
    assert measured > 1
    assert tape[0].milliseconds == time
    str(tape)
    assert len(calls) == measured


def test_what_was_let_go_and_what_is_a_view_holds_nothing() -> None:
    n = LARGE // 8
    x = Tensor(np.ones(n), requires_grad=True)
    tape = tape_of(((x + 1) * 2).reshape(1, n).sum())
    assert [row.op for row in tape] == ["add", "multiply", "reshape", "sum"]
    assert [row.nbytes for row in tape] == [8 * n, 8 * n, 8 * n, 8]
    assert [row.held for row in tape] == [0, 0, 0, 8]
    assert tape[0].milliseconds is not None  # the values are computed again
    assert tape[1].milliseconds is not None
    windows = tape_of(ag.sliding_windows(ag.exp(x), (2,), (1,), (1,)).max(-1).sum())
    assert [row.op for row in windows][:2] == ["exp", "sliding_windows"]
    assert sum(row.held for row in windows) == 8 * n + 8 * (n - 1) + 8


def test_the_table_prints(rng: np.random.Generator) -> None:
    tape = tape_of_model(basic(rng), rng)
    lines = str(tape).splitlines()
    assert lines[0].split() == ["#", "op", "module", "shapes", "dtype", "bytes", "held", "ms"]
    assert len(lines) == len(tape) + 4
    assert re.match(r" 1  matmul +Sequential / 0 \(Conv2d\) +\(16, 25\), \(25, 1568\)", lines[3])
    assert lines[3].split()[-4:-1] == ["float32", "100,352", f"{tape[1].held:,}"]
    assert lines[-1].split()[:2] == ["32", "records"]
    text = expect_html(tape._repr_html_())
    for row in tape:
        assert row.shapes in text
    assert repr(tape) == "<TapeTable of 32 records; print it>"
    assert repr(tape[1]).startswith("<record 1: v2 = v1 @ c1  (16, 25)")


def test_a_checkpoint_has_no_time() -> None:
    x = Tensor(np.ones(3), requires_grad=True)
    tape = tape_of(ag.checkpoint(ag.exp)(x).sum())
    assert tape[0].op == "checkpoint(exp)"
    assert tape[0].milliseconds is None
    assert str(tape).splitlines()[2].split()[-1] == "-"
    assert "checkpoint(exp)" in tape.to_dot()


def test_a_table_outlives_its_tape_without_times() -> None:
    x = Tensor(np.ones(3), requires_grad=True)
    loss = ag.exp(x).sum()
    tape = tape_of(loss)
    loss.backward()
    assert tape[0].milliseconds is None
    assert tape[0].shapes == "(3,) -> (3,)"
    assert str(tape).splitlines()[2].split()[-1] == "-"


def test_lines_of_debug_mode_are_kept() -> None:
    x = Tensor(np.ones(3), requires_grad=True)
    with ag.debug():
        y = ag.exp(x).sum()
    line = tape_of(y)[0].line
    assert line is not None
    assert "test_drawing.py" in line


def test_bad_arguments_get_one_clear_error() -> None:
    x = Tensor(np.ones(3), requires_grad=True)
    with pytest.raises(TypeError, match="tape_of: ndarray given, a Tensor expected"):
        tape_of(np.ones(3))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="tape_of: this tensor is a constant"):
        tape_of(Tensor(1.0))
    y = x * 2
    loss = y.sum()
    assert len(tape_of(y)) == 1  # any shape will do
    loss.backward()
    with pytest.raises(RuntimeError, match="tape_of: an earlier backward pass freed"):
        tape_of(loss)
    assert len(tape_of(x)) == 0


def test_a_table_keeps_no_arrays_of_a_tape_that_was_freed(rng: np.random.Generator) -> None:
    w = Tensor(rng.random((100, 100)), requires_grad=True)
    given = rng.random((100, 100))
    gone = weakref.ref(given)
    h = ag.tanh(Tensor(given) @ w + 0.0)
    loss, half_read = (h * h).sum(), h.sum()
    table, other = tape_of(loss), tape_of(half_read)
    loss.backward()
    del given, h
    assert gone() is None
    assert [row.milliseconds for row in table] == [None] * len(table)
    assert other[-1].milliseconds is None  # what it was computed from is gone


# --- the graph -----------------------------------------------------------------------------------


def expect_every_node_once(graph: Graph, root: Group) -> None:
    assert sorted(root.nodes()) == list(range(len(graph.nodes)))


def graph_of(scopes: list[str | None], edges: list[tuple[int, int]]) -> Graph:
    nodes = [
        Node(str(i), "()", "", "leaf" if s is None else "view", None if s is None else tuple(s))
        for i, s in enumerate(scopes)
    ]
    return Graph(nodes, [(a, b, "()") for a, b in edges])


def test_groups_are_unbroken_runs() -> None:
    scopes: list[str | None] = ["", "a", "ab", "ab", "a", "c", "a", ""]
    graph = graph_of(scopes, [(i, i + 1) for i in range(7)])
    root = grouped(graph)
    expect_every_node_once(graph, root)
    assert [c.label if isinstance(c, Group) else c for c in root.children] == [0, "a", "c", "a", 7]
    first = root.groups()[0]
    assert [c.label if isinstance(c, Group) else c for c in first.children] == [1, "b", 4]


def test_leaves_stand_with_what_reads_them() -> None:
    scopes: list[str | None] = [None, None, "a", "ab", None, "c"]
    graph = graph_of(scopes, [(0, 3), (1, 3), (1, 5), (2, 3), (3, 5), (4, 5)])
    root = grouped(graph)
    expect_every_node_once(graph, root)
    a, c = root.groups()
    assert set(a.groups()[0].children) == {0, 3}
    assert set(c.children) == {4, 5}
    assert 1 in root.children  # read in two modules, it belongs to neither


def test_layers_go_down(rng: np.random.Generator) -> None:
    for _ in range(50):
        n = int(rng.integers(1, 30))
        edges = [(int(rng.integers(b)), b) for b in range(1, n) for _ in range(2)]
        scopes: list[str | None] = ["abc"[: rng.integers(4)] for _ in range(n)]
        read = {a for a, _ in edges}
        scopes = [None if i in read and i < 3 else s for i, s in enumerate(scopes)]
        edges = [(a, b) for a, b in edges if scopes[b] is not None]
        graph = graph_of(scopes, edges)
        root = grouped(graph)
        expect_every_node_once(graph, root)
        waiting = [root]
        while waiting:
            group = waiting.pop()
            waiting += group.groups()
            rows = layers(graph, group)
            assert sum(map(len, rows)) == len(group.children)
            depth = {
                node: k
                for k, row in enumerate(rows)
                for child in row
                for node in (child.nodes() if isinstance(child, Group) else [child])
            }
            owner = {
                node: i
                for i, child in enumerate(group.children)
                for node in (child.nodes() if isinstance(child, Group) else [child])
            }
            for a, b in edges:
                if a in owner and b in owner and owner[a] != owner[b]:
                    assert depth[a] < depth[b]


def test_a_parameter_and_its_reshape_wait_for_their_reader() -> None:
    graph = graph_of(["", "", "", None, "", ""], [(0, 1), (1, 2), (3, 4), (2, 5), (4, 5)])
    assert layers(graph, grouped(graph)) == [[0], [1, 3], [2, 4], [5]]


def test_what_reads_from_outside_does_not_wait() -> None:
    scopes: list[str | None] = ["", None, "a", "a", "a", "a", "a"]
    graph = graph_of(scopes, [(0, 2), (1, 2), (0, 3), (3, 4), (4, 5), (5, 6), (2, 6)])
    (inner,) = grouped(graph).groups()
    assert [sorted(row) for row in layers(graph, inner)] == [[1, 3], [2, 4], [5], [6]]  # type: ignore[type-var]


# --- Graphviz ------------------------------------------------------------------------------------


def test_dot_names_everything(rng: np.random.Generator) -> None:
    tape = tape_of_model(basic(rng), rng)
    text = tape.to_dot()
    assert text.count("subgraph cluster_") == 7  # the network and its six layers
    assert 'label="0 (Conv2d)"' in text
    assert text.count("{") == text.count("}")
    declared = set(re.findall(r"^ *(n\d+) \[", text, re.MULTILINE))
    used = set(re.findall(r"(n\d+) -> (n\d+)", text))
    assert len(declared) == len(tape) + 5
    assert {name for edge in used for name in edge} == declared
    assert 'label="p5_weight\\n(10, 3136)"' in text


def test_dot_quotes_what_needs_it() -> None:
    x = Tensor(1.0, requires_grad=True)
    with scope('a "quoted" \\ name\n{<&>}'):
        y = x * 2
    (label,) = re.findall(r"^ *label=(.*);$", tape_of(y).to_dot(), re.MULTILINE)
    assert label == r'"a \"quoted\" \\ name\n{<&>}"'


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_it(rng: np.random.Generator) -> None:
    text = tape_of_model(basic(rng), rng).to_dot()
    done = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- the page ------------------------------------------------------------------------------------


def test_page_is_complete_and_needs_nothing_else(rng: np.random.Generator, tmp_path: Path) -> None:
    tape = tape_of_model(basic(rng), rng)
    path = tmp_path / "tape.html"
    page = tape.to_html(path)
    assert path.read_text(encoding="utf-8") == page
    body = page[: page.index("<script>")] + page[page.index("</script>") + 9 :]
    text = expect_html(body.replace("<!DOCTYPE html>", ""))
    assert "5 (Linear)" in text
    for forbidden in ("src=", "href=", "@import", "fetch(", "http"):
        assert forbidden not in page
    ids = set(re.findall(r'id="n(\d+)"', page))
    assert len(ids) == len(tape) + 5
    edges = json.loads(re.findall(r"const EDGES = (.*);", page)[0])
    assert {str(end) for edge in edges for end in edge} == ids
    assert "v2 = v1 @ c1\n(16, 25), (25, 1568) -&gt; (16, 1568)" in page


def test_labels_are_escaped() -> None:
    x = Tensor(1.0, requires_grad=True)
    with scope("<script>alert('&')</script>"):
        y = x * 2
    page = tape_of(y).to_html()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;" in page
    assert "<script>alert" not in tape_of(y)._repr_html_()


def test_large_networks_start_closed_and_small_ones_open(rng: np.random.Generator) -> None:
    small = tape_of_model(basic(rng), rng).to_html()
    assert small.count('<details class="group" open>') == small.count("<details") == 7
    large = tape_of_model(deep(rng), rng).to_html()
    assert large.count("<details") == 21
    assert large.count('<details class="group" open>') == 1  # the network; its layers are closed


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_the_script_of_the_page_parses(rng: np.random.Generator, tmp_path: Path) -> None:
    page = tape_of_model(basic(rng), rng).to_html()
    script = tmp_path / "page.js"
    script.write_text(page[page.index("<script>") + 8 : page.index("</script>")])
    done = subprocess.run(["node", "--check", str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
