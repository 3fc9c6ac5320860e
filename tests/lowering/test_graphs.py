"""Random graphs of maps, views, reductions and scatters in C."""

from __future__ import annotations

import pytest
from support.in_c.beside_numpy import beside_numpy, expect_same_bytes
from support.in_c.graphs import graph_parts
from support.in_c.together import share_all, shared_loops

pytestmark = pytest.mark.usefixtures("in_c")

# What C had otherwise, or could not make.
FAILED = [98, 380, 467, 690]


def test_graphs_that_failed() -> None:
    beside_numpy(graph_parts(FAILED))


@pytest.mark.parametrize("seeds", [range(7), pytest.param(range(7, 15), marks=pytest.mark.slow)])
def test_some_graphs(seeds: range) -> None:
    beside_numpy(graph_parts(seeds))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(30))
def test_more_graphs(chunk: int) -> None:
    beside_numpy(graph_parts(range(20_000 + chunk * 20, 20_020 + chunk * 20)))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(15))
def test_graphs_with_empty_axes(chunk: int) -> None:
    beside_numpy(graph_parts(range(30_000 + chunk * 20, 30_020 + chunk * 20), empty=True))


@pytest.mark.parametrize(
    "seeds", [range(15, 19), pytest.param(range(19, 23), marks=pytest.mark.slow)]
)
def test_slices_that_threads_share(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    share_all(monkeypatch)
    made, _ = beside_numpy(graph_parts(seeds))
    assert shared_loops(made.compiled)
    expect_same_bytes(made)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(10))
def test_more_slices_that_threads_share(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    share_all(monkeypatch)
    made, _ = beside_numpy(graph_parts(range(40_000 + chunk * 20, 40_020 + chunk * 20)))
    expect_same_bytes(made)
