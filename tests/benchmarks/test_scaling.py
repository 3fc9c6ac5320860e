"""The model of step time against ranks: its limits, its fits, and what it is given is what is sent.

No figure is judged that a machine has measured.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import networks, scaling, scaling_worker
from benchmarks.on_pullback import LIBRARY
from benchmarks.scaling_model import (
    GRADIENTS,
    Compute,
    Layout,
    Network,
    Step,
    Sum,
    Timeline,
    fit_compute,
    fit_network,
    step,
    strong,
    weak,
)
from support.layers.ranks import on_ranks

ROOT = Path(__file__).parents[2]
FREE = Network(latency=0.0, bandwidth=math.inf)
THREE_SECONDS = Network(latency=3.0, bandwidth=math.inf)  # for any message between two ranks
SIZES = [8, 256, 4096, 1 << 16, 1 << 18, 1 << 21]


def timeline(*sums: tuple[float, str], swept: float = 1.0) -> Timeline:
    return Timeline([Sum(at, name, 1000) for at, name in sums], swept)


def drawn(seed: int) -> tuple[float, Timeline, Network, int]:
    """A step of any kind."""
    rng = np.random.default_rng(seed)
    parts = np.sort(rng.uniform(0, 1, 13))
    sums = [
        Sum(float(at), GRADIENTS if at > 0.4 and rng.random() < 0.5 else "allreduce", int(nbytes))
        for at, nbytes in zip(parts[:-1], 10 ** rng.uniform(1, 7, 12), strict=True)
    ]
    network = Network(
        10 ** rng.uniform(-6, -3), 10 ** rng.uniform(8, 10), rng.uniform(0, 1e-9), rng.random()
    )
    of = Timeline(sums, float(parts[-1]))
    return 10 ** rng.uniform(-3, 0), of, network, int(rng.integers(2, 1025))


every_step = pytest.mark.parametrize("seed", range(30))


@pytest.mark.parametrize(
    ("sums", "swept", "expected"),
    [
        # Sent from 5 to 8 and from 9 to 12, while the sweep ends at 10.
        ([(0.5, GRADIENTS), (0.9, GRADIENTS)], 1.0, Step(10, 0, 2, 4)),
        # The second has to wait for the first: 8 to 11 to 14.
        ([(0.8, GRADIENTS), (0.9, GRADIENTS)], 1.0, Step(10, 0, 4, 2)),
        # The second begins 3 later, as does the end of the sweep.
        ([(0.5, GRADIENTS), (0.7, "allreduce"), (0.9, GRADIENTS)], 1.0, Step(10, 3, 2, 4)),
        # What comes after the sweep hides nothing.
        ([(0.5, GRADIENTS)], 0.6, Step(10, 0, 2, 1)),
        ([(0.2, GRADIENTS), (0.3, "batch norm")], 1.0, Step(10, 3, 0, 3)),
    ],
)
def test_steps_that_can_be_followed_by_hand(
    sums: list[tuple[float, str]], swept: float, expected: Step
) -> None:
    found = step(10.0, timeline(*sums, swept=swept), THREE_SECONDS, 2)
    for name in ("compute", "waited", "exposed", "hidden"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-12), name
    assert found.seconds == pytest.approx(10 + expected.waited + expected.exposed)


def test_allreduce_is_the_faster_of_the_two_formulas() -> None:
    network = Network(latency=1.0, bandwidth=4.0, addition=0.125)
    assert network.allreduce(1, 1000) == 0
    assert network.allreduce(2, 8) == 1 + 2 + 1
    assert network.allreduce(8, 4) == 3 * (1 + 1 + 0.5)
    # 8,000 bytes: 6 messages, 7/8 of them sent twice and added once.
    assert network.allreduce(8, 8000) == 6 + 2 * 7000 / 4 + 7000 / 8


@every_step
def test_one_rank_does_not_communicate(seed: int) -> None:
    compute, of, network, _ = drawn(seed)
    assert step(compute, of, network, 1) == Step(compute, 0, 0, 0)


@every_step
@pytest.mark.parametrize("overlap", [True, False])
def test_a_free_network_leaves_computing(seed: int, overlap: bool) -> None:
    compute, of, _, ranks = drawn(seed)
    assert step(compute, of, FREE, ranks, overlap=overlap).seconds == pytest.approx(compute)


@every_step
def test_bounds_of_what_is_exposed(seed: int) -> None:
    compute, of, network, ranks = drawn(seed)
    sent = sum(network.allreduce(ranks, s.nbytes) for s in of.sums if s.name == GRADIENTS)
    waited = sum(network.allreduce(ranks, s.nbytes) for s in of.sums if s.name != GRADIENTS)
    found = step(compute, of, network, ranks)
    alone = step(compute, of, network, ranks, overlap=False)
    assert found.waited == pytest.approx(waited)
    assert 0 <= found.exposed <= sent * (1 + 1e-12)
    assert found.exposed + found.hidden == pytest.approx(sent)
    assert alone.exposed == pytest.approx(sent)
    assert found.seconds <= alone.seconds * (1 + 1e-12)


@every_step
def test_a_worse_network_is_never_faster(seed: int) -> None:
    compute, of, network, ranks = drawn(seed)
    times = [
        step(
            compute,
            of,
            Network(network.latency * factor, network.bandwidth, network.addition, network.own),
            ranks,
        ).seconds
        for factor in (0, 0.1, 0.5, 1, 2, 10, 100)
    ]
    assert times == sorted(times)
    assert times[-1] > times[0]
    whole = Network(network.latency, network.bandwidth, network.addition, 1.0)
    assert step(compute, of, whole, ranks).seconds >= times[3] * (1 - 1e-12)


@every_step
def test_buckets_that_are_full_at_the_end_are_not_hidden(seed: int) -> None:
    compute, of, network, ranks = drawn(seed)
    late = [s for s in of.sums if s.name != GRADIENTS]
    late += [Sum(of.swept, GRADIENTS, s.nbytes) for s in of.sums if s.name == GRADIENTS]
    found = step(compute, Timeline(late, of.swept), network, ranks)
    assert found.hidden == pytest.approx(0, abs=1e-12)
    expected = step(compute, of, network, ranks, overlap=False)
    assert found.seconds == pytest.approx(expected.seconds)


def test_what_the_core_sends_itself_is_not_hidden() -> None:
    copying = Network(latency=3.0, bandwidth=math.inf, own=1.0)
    found = step(10.0, timeline((0.1, GRADIENTS), (0.2, GRADIENTS)), copying, 2)
    assert (found.exposed, found.hidden) == (6, 0)


def test_strong_scaling_ends_where_a_rank_has_no_sample() -> None:
    rows = strong(Compute(0.0, 0.5), timeline(), FREE, [8, 64, 128], 100)
    assert [(row.ranks, row.samples) for row in rows] == [(8, 13), (64, 2)]
    assert [row.efficiency for row in rows] == pytest.approx([100 / 104, 100 / 128])


def test_weak_scaling_loses_what_is_communicated() -> None:
    of = timeline((0.5, "allreduce"), (1.0, GRADIENTS))
    network = Network(latency=1.0, bandwidth=math.inf)
    rows = weak(Compute(20.0, 1.0), of, network, [8, 1024], 10)
    assert [row.step.seconds for row in rows] == [30 + 3 + 3, 30 + 10 + 10]
    assert [row.efficiency for row in rows] == pytest.approx([30 / 36, 30 / 50])


def test_ranks_beyond_the_cores_take_turns() -> None:
    assert [Layout(ranks, 1, 2).crowding for ranks in (1, 2, 4)] == [1, 1, 2]
    assert [Layout(ranks, 1, 2).together for ranks in (1, 2, 4)] == [1, 2, 2]
    assert (Layout(4, 16, 64).crowding, Layout(4, 16, 64).together) == (1, 4)


def test_computing_is_recovered() -> None:
    of = Compute(0.004, 0.0017)
    batches = [64, 32, 16, 4, 1]
    found = fit_compute(batches, [of.seconds(b) for b in batches])
    assert (found.base, found.each) == pytest.approx((of.base, of.each))


@pytest.mark.parametrize(("seconds", "base", "each"), [([1, 3], 0, 1.5), ([3, 1], 1.5, 0)])
def test_no_part_of_computing_is_negative(seconds: list[float], base: float, each: float) -> None:
    # Relative errors: (s - 1)^2 + (2 s / 3 - 1)^2 is least at s = 15/13 a sample, and so on.
    found = fit_compute([1, 2], seconds)
    if base == 0:
        each = (1 + 2 / 3) / (1 + 4 / 9)
    else:
        base = (1 + 1 / 3) / (1 + 1 / 9)
    assert (found.base, found.each) == pytest.approx((base, each))


@pytest.mark.parametrize("ranks", [(2,), (4,), (2, 4, 8)])
@pytest.mark.parametrize("addition", [0.0, 1e-10])
@pytest.mark.parametrize(("latency", "bandwidth"), [(1e-6, 5e9), (3e-5, 3e9), (2e-3, 3e8)])
def test_a_network_is_recovered(
    ranks: tuple[int, ...], addition: float, latency: float, bandwidth: float
) -> None:
    of = Network(latency, bandwidth, addition)
    points = [(p, nbytes, of.allreduce(p, nbytes)) for p in ranks for nbytes in SIZES]
    found = fit_network(points, addition)
    assert (found.latency, found.bandwidth) == pytest.approx((latency, bandwidth))


def test_the_recorded_timeline_is_what_two_ranks_send() -> None:
    recorded = scaling_worker.compute(None, "w1", [4, 8], 2)
    (sent, _) = on_ranks(2, lambda group: scaling_worker.train(group, "w1", 8, 2))
    sums = recorded["timeline"]["sums"]
    for name in ("allreduce", GRADIENTS):
        its = [s["nbytes"] for s in sums if s["name"] == name]
        assert its, name
        traffic = sent["traffic"][name]
        assert (traffic["calls"], traffic["bytes"]) == (len(its), sum(its)), name
    parameters = LIBRARY.prepared("w1", {}).parameters()
    gradients = sum(s["nbytes"] for s in sums if s["name"] == GRADIENTS)
    assert gradients == sum(parameter.data.nbytes for parameter in parameters)
    parts = [0.0, *(s["at"] for s in sums), recorded["timeline"]["swept"], 1.0]
    assert parts == sorted(parts)
    assert len(recorded["seconds"]) == 2


def test_ranks_train_as_one_process_does() -> None:
    alone = scaling_worker.train(None, "w1", 8, 2)["losses"]
    (shared, _) = on_ranks(2, lambda group: scaling_worker.train(group, "w1", 8, 2))
    np.testing.assert_allclose(shared["losses"], alone, rtol=1e-5)
    assert len(set(alone)) == scaling_worker.WARM_UP + 2  # the steps are steps


LINE, CABLE = Compute(0.01, 0.002), Network(1e-5, 2e9, 1e-10, own=1.0)
SENT = timeline((0.2, "allreduce"), (0.5, GRADIENTS), (0.7, "allreduce"), swept=0.9)


def modelled(wrong_at: int = 0) -> Callable[..., dict[str, Any]]:
    """Answers of ranks that take exactly as long as the model says, on two cores."""

    def ask(ranks: int, threads: int, task: str, **arguments: Any) -> dict[str, Any]:
        if task == "allreduce":
            return {
                "seconds": [CABLE.allreduce(ranks, nbytes) for nbytes in arguments["sizes"]],
                "addition": CABLE.addition,
            }
        if task == "compute":
            sums = [{"at": s.at, "name": s.name, "nbytes": s.nbytes} for s in SENT.sums]
            seconds = [LINE.seconds(b) / threads for b in arguments["batches"]]
            return {"seconds": seconds, "timeline": {"sums": sums, "swept": SENT.swept}}
        computing = LINE.seconds(arguments["batch"] // ranks) / threads * max(1, ranks / 2)
        traffic = {"calls": 1.0, "bytes": 1000.0, "waited": 1e-3}
        return {
            "seconds": [step(computing, SENT, CABLE, ranks).seconds] * arguments["steps"],
            "losses": [2.0, 1.0 + (ranks == wrong_at)],
            "traffic": {"allreduce": traffic, GRADIENTS: traffic} if ranks > 1 else {},
        }

    return ask


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "cores", lambda: 2)
    monkeypatch.setattr(scaling, "what_is_missing", lambda: None)


@pytest.mark.usefixtures("two_cores")
def test_measured_as_modelled_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    monkeypatch.setattr(scaling, "ask", modelled())
    options = ("--latency", "5", "--bandwidth", "100", "--json", str(path))
    assert scaling.main(["--steps", "1", "--rounds", "2", *options]) == 0
    printed = capsys.readouterr().out
    assert printed.count("+0%") + printed.count("-0%") == 3
    ideal = LINE.seconds(64) / 2 / step(LINE.seconds(32), SENT, CABLE, 2).seconds
    assert f"one process x 2 threads: {ideal:.2f} [{ideal:.2f}, {ideal:.2f}]" in printed
    tables = json.loads(path.read_text())["modelled"]
    assert list(tables) == ["as measured here (shared memory)", "100 Gbit/s, 5 us, as given"]
    given = Network(5e-6, 12.5e9, CABLE.addition)
    for network, table in zip((CABLE, given), tables.values(), strict=True):
        assert [row["ranks"] for row in table["strong"]] == [8, 16, 32, 64]
        assert [row["ranks"] for row in table["weak"]] == [8, 16, 32, 64, 128, 256, 512, 1024]
        for kind in ("strong", "weak"):
            for row in table[kind]:
                computing = LINE.seconds(row["samples"])
                expected = step(computing, SENT, network, row["ranks"])
                assert row["step"]["waited"] == pytest.approx(expected.waited)
                assert row["step"]["exposed"] == pytest.approx(expected.exposed)
                assert row["step"]["compute"] == pytest.approx(computing)
                worst = step(computing, SENT, network, row["ranks"], overlap=False)
                assert row["nothing_hidden"] == pytest.approx(worst.seconds)


@pytest.mark.usefixtures("two_cores")
def test_ranks_that_compute_otherwise_are_not_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scaling, "ask", modelled(wrong_at=4))
    assert scaling.main(["--steps", "1", "--rounds", "1"]) == 1
    printed = capsys.readouterr().out
    assert "4 ranks x 1 thread, taking turns: run 2 computes 2 where ours computes 1" in printed
    assert "efficiency" not in printed


@pytest.mark.parametrize("name", ["find_mpiexec", "find_spec"])
def test_without_mpi_there_is_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scaling, "find_spec", lambda module: module)
    monkeypatch.setattr(scaling, "find_mpiexec", lambda: "mpiexec")
    assert scaling.what_is_missing() is None
    monkeypatch.setattr(scaling, name, lambda *_: None)
    assert scaling.main([]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert "pip install mpi4py mpich" in err


def test_a_rank_that_fails_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scaling, "what_is_missing", lambda: None)
    monkeypatch.delitem(networks.NETWORKS, "w1")

    def failing(ranks: int, threads: int, task: str, **arguments: Any) -> dict[str, Any]:
        return original(1, threads, task, **arguments | {"network": "w3"})

    original = scaling.ask
    monkeypatch.setattr(scaling, "ask", failing)
    assert scaling.main(["--steps", "1", "--rounds", "1"]) == 1
    err = capsys.readouterr().err
    assert err == "scaling: error: train of 1 rank: exit status 1: KeyError: 'w3'\n"


@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    pytest.importorskip("mpi4py")
    path = tmp_path / "figures.json"
    options = ["--workload", "w1", "--batch", "8", "--steps", "1", "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, "tests/benchmarks/scaling.py", *options, "--json", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "efficiency of 2 ranks" in done.stdout
    facts = json.loads(path.read_text())
    assert len(facts["measured"]) == 3
    for its in facts["measured"].values():
        assert min(its["steps"]) > 0
