"""The benchmarks run, both sides compute the same, and what computes otherwise is not compared.

No figure is judged: these runs are too short to say anything of speed.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from benchmarks import machine, measure, report, results
from benchmarks.measure import Effort, Row, Taken
from benchmarks.pace import Paced, settled
from benchmarks.quick import run
from benchmarks.sides import ROOT, SIDES, Request, SideError, Variant


@pytest.mark.slow
def test_ours_runs_alone_and_a_peer_that_is_missing_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    names = ["w1", "scalar", "import", "memory", "gradcheck", "check-tape", "compare"]
    names += ["replay-mlp", "replay-w1", "growth-width"]
    sides = ("pullback", "pullback-no-pages", "hips")
    printed = run(*names, "--sides", *sides, "--json", str(path))
    assert "PULLBACK_HIPS_PYTHON names no interpreter" in printed
    found = json.loads(path.read_text())
    facts = found["benchmarks"]
    assert list(facts) == names
    assert {"processor", "vectors", "cores", "numpy", "blas"} <= set(found["machine"])
    assert "not measured" in facts["w1"]["sides"]["hips"]["problem"]
    assert min(facts["w1"]["sides"]["pullback-no-pages"]["figures"]) > 0
    for name in names[:-1]:
        assert min(facts[name]["sides"]["pullback"]["figures"]) > 0
    assert set(facts["growth-width"]["per_unit"]["pullback"]) == {"2", "4"}


@pytest.mark.slow
def test_another_checkout_is_measured_by_the_same_programs(tmp_path: Path) -> None:
    other = tmp_path / "older"
    for package in ("autograd", "nn"):
        shutil.copytree(ROOT / package, other / package)
    printed = run("--against", str(other), "tiny", "import")
    assert f"other: in {other}" in printed
    assert f"pullback: in {ROOT}" in printed
    assert "pytorch" not in printed
    assert printed.count("ours / it") == 2


@pytest.mark.slow
def test_figures_are_printed_and_written(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    printed = run("tiny", "--sides", "pullback", "--json", str(path))
    assert "One op on a 4x4 tensor" in printed and "  pullback  " in printed
    found = json.loads(path.read_text())
    assert list(found["benchmarks"]) == ["tiny"]
    assert min(found["benchmarks"]["tiny"]["sides"]["pullback"]["figures"]) > 0


# Quicker, without processes and files: test_what_is_jitted_computes_what_pytorch_does.
@pytest.mark.slow
@pytest.mark.oracle
def test_both_sides_compute_the_same(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    run("w2", "--sides", "pullback", "pytorch", "--json", str(path))
    sides = json.loads(path.read_text())["benchmarks"]["w2"]["sides"]
    ours, theirs = (sides[name]["numbers"] for name in ("pullback", "pytorch"))
    assert np.size(ours)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    assert sides["pytorch"]["ours_over_it"]["median"] > 0
    losses = np.ravel(ours)
    assert losses[2] < losses[1] < losses[0]  # the steps are steps, and downhill


@pytest.mark.slow
@pytest.mark.oracle
def test_all_sides_compute_the_same_and_growth_is_drawn(tmp_path: Path) -> None:
    path, picture = tmp_path / "figures.json", tmp_path / "growth.png"
    names = ("w2", "inference", "epoch", "growth-depth")
    drawn = find_spec("matplotlib") is not None
    draw = ("--picture", str(picture)) if drawn else ()
    run(*names, "--sides", "pullback", "pytorch", "pytorch-pages", "--json", str(path), *draw)
    facts = json.loads(path.read_text())["benchmarks"]
    assert facts["w2"]["sides"]["pytorch-pages"]["figures"]
    pairs = [facts[name]["sides"] for name in names[:-1]]
    pairs += [point["sides"] for point in facts["growth-depth"]["points"]]
    for pair in pairs:
        ours, theirs = pair["pullback"], pair["pytorch"]
        assert np.size(ours["numbers"])
        np.testing.assert_allclose(ours["numbers"], theirs["numbers"], rtol=1e-3)
        assert theirs["ours_over_it"]["median"] > 0
    losses = np.ravel(facts["w2"]["sides"]["pullback"]["numbers"])
    assert losses[2] < losses[1] < losses[0]  # the steps are steps, and downhill
    assert picture.exists() == drawn


class Machine:
    """A clock, and runs that take the seconds given; the last goes on for ever."""

    def __init__(self, *seconds: float) -> None:
        self.now, self.runs, self._seconds = 0.0, 0, seconds

    def clock(self) -> float:
        return self.now

    def run(self) -> list[float]:
        self.now += self._seconds[min(self.runs, len(self._seconds) - 1)]
        self.runs += 1
        return [float(self.runs)]

    def paced(self) -> Paced:
        return Paced(self.run, self.clock)


@pytest.mark.parametrize(
    ("windows", "wanted"),
    [
        ([], False),
        ([1.0], False),
        ([1.0, 0.97], False),
        ([1.0, 0.99], True),
        ([1.0, 1.5], True),  # slower is no sign of getting faster
        ([1.0, 0.5, 0.5], True),
        ([1.0, 1.0, 0.5], False),
    ],
)
def test_times_have_settled_when_they_no_longer_fall(windows: list[float], wanted: bool) -> None:
    assert settled(windows) == wanted


def test_a_side_is_timed_from_when_it_has_settled() -> None:
    slow = [0.1 * 0.9**n for n in range(30)]  # each a tenth faster, down to 5 ms
    machine = Machine(20.0, *slow, 0.005)  # the first run compiles
    paced = machine.paced()
    assert paced.warm_up(checked=3, bound=5.0)
    assert machine.runs > 30
    assert paced.first == 20.0
    assert paced.numbers == [[1.0], [2.0], [3.0]]
    times = paced.block(0.5)
    np.testing.assert_allclose(times, 0.005)
    assert len(times) in (100, 101)


def test_a_side_that_never_settles_is_timed_in_the_end_and_told() -> None:
    machine = Machine(20.0, *[0.05 * 0.995**n for n in range(300)])  # 10 s, without the first
    assert not machine.paced().warm_up(checked=3, bound=2.0)
    assert 22.0 < machine.now < 22.5


def test_long_runs_are_windows_by_themselves() -> None:
    machine = Machine(5.0, 4.0)
    paced = machine.paced()
    assert paced.warm_up(checked=3, bound=5.0)
    assert machine.runs == 3
    assert paced.block(0.5) == [4.0]


def test_nothing_need_settle_where_no_time_is_given() -> None:
    machine = Machine(1.0)
    paced = machine.paced()
    assert paced.warm_up(checked=1, bound=0.0)
    assert paced.block(0.0) == []
    assert machine.runs == 1


def test_what_is_not_finite_is_not_timed() -> None:
    with pytest.raises(ArithmeticError, match="nan"):
        Paced(lambda: [float("nan")]).block(1e-9)


def test_every_side_goes_on_with_the_threads_that_were_faster() -> None:
    seconds = {("pullback", 1): 2.0, ("pullback", 2): 1.0, ("pytorch", 1): 4.0}
    asked: list[tuple[str, int]] = []

    def look(variant: Variant, threads: int, _: Request) -> Taken:
        asked.append((variant.name, threads))
        return Taken(seconds.get((variant.name, threads), 8.0), [[1.0]], settled=threads == 2)

    sides = [SIDES["pullback"], SIDES["pytorch"]]
    (rows,) = measure.alternate(sides, [Request("")], [1, 2], look, Effort(rounds=4, trials=2))
    trial = [("pullback", 1), ("pytorch", 1), ("pullback", 2), ("pytorch", 2)]
    assert asked == 2 * trial + 2 * [("pullback", 2), ("pytorch", 1)]
    assert rows["pullback"].figures == [1.0] * 4
    assert rows["pytorch"].by_threads == {1: [4.0] * 4, 2: [8.0] * 2}
    first, ours, theirs = report.lines(
        results.Result("w", "A step", "ms", 1e3, rows, {"pytorch": 0.2})
    )
    assert first == "A step (ms)"
    assert "2 threads (1: 2000)" in ours
    assert "1 thread (2: 8000)" in theirs
    assert "ours / it 0.25 [0.25, 0.25]   wanted: at most 0.2, MISSED; still" in theirs


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [([0.9] * 4, "met"), ([0.9, 0.9, 1.2, 1.2], "too close to tell"), ([1.2] * 4, "MISSED")],
)
def test_a_ratio_that_chance_may_have_decided_is_not_judged(
    figures: list[float], verdict: str
) -> None:
    rows = {"pullback": Row({1: figures}), "other": Row({1: [1.0] * 4})}
    *_, line = report.lines(results.Result("w", "A step", "s", 1.0, rows, {"other": 1.0}))
    assert line.endswith(f"wanted: at most 1, {verdict}")


def test_a_side_that_computes_otherwise_gets_no_ratio() -> None:
    rows = {"pullback": Row(), "pytorch": Row(), "jax": Row()}
    ours = [[2.0, 1.0], [1.0, 1e-6]]
    for factor in (1.0, 1.01):  # a difference is not forgiven for rounds that were right
        other = [[2.0 * factor, 1.0], [1.0, 1e-6]]
        taken = {"pullback": Taken(1.0, ours), "pytorch": Taken(4.0, other)}
        measure.keep(rows, taken | {"jax": Taken(2.0, ours)})
    assert rows["pytorch"].wrong
    assert "run 1 computes 2.02 where ours computes 2" in rows["pytorch"].problem
    assert measure.ratio(rows["pullback"].figures, rows["pytorch"].figures) is None
    assert measure.ratio(rows["pullback"].figures, rows["jax"].figures) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("theirs", [[[float("nan")]], [[1.0, 1.0]], [[1.1]], []])
def test_numbers_that_disagree(theirs: list[list[float]]) -> None:
    assert measure.disagreement([[1.0]], theirs)


def test_numbers_that_agree_but_for_rounding() -> None:
    assert not measure.disagreement([[2.0], [1e-6]], [[2.0001], [2e-6]])


def test_ratios_are_those_of_the_rounds() -> None:
    ours, other = [1.0, 9.0, 4.0], [2.0, 9.0, 1.0]  # 0.5, 1 and 4; the medians' would be 2
    assert measure.ratio(ours, other) == (1.0, 0.75, 2.5)


@pytest.mark.slow
def test_a_failure_of_ours_is_told() -> None:
    request, effort = Request("step", {"network": "w3"}), Effort(1, 0, 0.001, 0.0)
    (rows,) = measure.in_turn([SIDES["pullback"]], [request], [1], effort)
    assert rows["pullback"].wrong
    assert "KeyError: 'w3'" in rows["pullback"].problem


def test_a_side_that_fails_is_not_asked_again() -> None:
    def look(variant: Variant, threads: int, _: Request) -> Taken:
        if variant.name == "torch-compile":
            raise SideError("torch-compile: no compiler")
        return Taken(1.0, [])

    sides = [SIDES["pullback"], SIDES["torch-compile"]]
    (rows,) = measure.alternate(sides, [Request("")], [1, 2], look, Effort(3))
    assert not rows["torch-compile"].wrong
    lines = report.lines(results.Result("w", "A step", "s", 1.0, rows))
    assert lines[-1] == "  torch-compile: no compiler"


@pytest.mark.slow
@pytest.mark.skipif("avx512f" not in machine.facts()["vectors"], reason="a processor with AVX-512")
@pytest.mark.usefixtures("in_c")
def test_all_can_be_held_to_avx2() -> None:
    asked = ["-march=native", "-dM", "-E", "-x", "c", os.devnull]
    held = machine.avx2_alone()
    defined = [
        subprocess.run([*command, *asked], capture_output=True, text=True, check=True).stdout
        for command in (shlex.split(held["CC"])[:-1], shlex.split(held["CC"]))
    ]
    assert ["__AVX512F__" in each for each in defined] == [True, False]
    told = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            "from benchmarks import machine; print(machine.numpy_uses())",
        ],
        cwd=ROOT / "tests",
        env=os.environ | held | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "X86_V3" in told or "AVX2" in told  # by its age
    assert "X86_V4" not in told
    assert "AVX512" not in told
    assert "all sides do without AVX-512" in run("c-gelu", "--avx2", "--sides", "pullback")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["w3"], "choose from w1, w2"),
        (["w1", "--against", "tests"], "autograd is not there"),
        (["w1", "--against", ".", "--sides", "pullback"], "not allowed with"),
        (["w1", "--threads", "0"], "--threads 0 given, 1 to"),
    ],
)
def test_what_cannot_be_measured_is_refused(options: list[str], told: str) -> None:
    assert told in run(*options, status=2)
