"""The benchmarks run, both sides compute the same, and what computes otherwise is not compared.

No figure is judged: these runs are too short to say anything of speed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from benchmarks import measure
from benchmarks.measure import Effort, Request, Row
from benchmarks.sides import PEERS

ROOT = Path(__file__).parents[2]


def run(*arguments: str, status: int = 0) -> str:
    """What run.py prints, in an environment that names no peers."""
    hidden = {f"PULLBACK_{peer.upper()}_PYTHON" for peer in PEERS} | {"MNIST_DIR"}
    done = subprocess.run(
        # On one thread: two would wait for each other on a machine that is busy with other tests.
        [sys.executable, "tests/benchmarks/run.py", "--quick", "--threads", "1", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in hidden},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_ours_runs_alone_and_a_peer_that_is_missing_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    names = ["w1", "scalar", "import", "memory", "gradcheck", "growth-width"]
    printed = run(*names, "--sides", "pullback", "hips", "--json", str(path))
    assert "PULLBACK_HIPS_PYTHON names no interpreter" in printed
    facts = json.loads(path.read_text())["benchmarks"]
    assert list(facts) == names
    assert "not measured" in facts["w1"]["sides"]["hips"]["problem"]
    for name in names[:-1]:
        assert min(facts[name]["sides"]["pullback"]["figures"]) > 0
    assert set(facts["growth-width"]["per_unit"]["pullback"]) == {"2", "4"}


@pytest.mark.oracle
def test_both_sides_compute_the_same_and_growth_is_drawn(tmp_path: Path) -> None:
    path, picture = tmp_path / "figures.json", tmp_path / "growth.png"
    names = ("w2", "inference", "epoch", "growth-depth")
    drawn = find_spec("matplotlib") is not None
    draw = ("--picture", str(picture)) if drawn else ()
    run(*names, "--sides", "pullback", "pytorch", "--json", str(path), *draw)
    facts = json.loads(path.read_text())["benchmarks"]
    pairs = [facts[name]["sides"] for name in names[:-1]]
    pairs += [point["sides"] for point in facts["growth-depth"]["points"]]
    for pair in pairs:
        ours, theirs = pair["pullback"], pair["pytorch"]
        assert np.size(ours["numbers"])
        np.testing.assert_allclose(ours["numbers"], theirs["numbers"], rtol=1e-3)
        assert theirs["ours_over_it"]["of_medians"] > 0
    losses = np.ravel(facts["w2"]["sides"]["pullback"]["numbers"])
    assert losses[2] < losses[1] < losses[0]  # the steps are steps, and downhill
    assert picture.exists() == drawn


def test_a_side_that_computes_otherwise_gets_no_ratio() -> None:
    rows = {"pullback": Row(), "pytorch": Row(), "jax": Row()}
    ours = [[2.0, 1.0], [1.0, 1e-6]]
    for factor in (1.0, 1.01):  # a difference is not forgiven for rounds that were right
        other = [[2.0 * factor, 1.0], [1.0, 1e-6]]
        taken = {"pullback": (1.0, ours), "pytorch": (4.0, other), "jax": (2.0, ours)}
        measure.keep(rows, taken)
    assert rows["pytorch"].wrong
    assert "run 1 computes 2.02 where ours computes 2" in rows["pytorch"].problem
    assert measure.ratio(rows["pullback"], rows["pytorch"]) is None
    assert measure.ratio(rows["pullback"], rows["jax"]) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("theirs", [[[float("nan")]], [[1.0, 1.0]], [[1.1]], []])
def test_numbers_that_disagree(theirs: list[list[float]]) -> None:
    assert measure.disagreement([[1.0]], theirs)


def test_numbers_that_agree_but_for_rounding() -> None:
    assert not measure.disagreement([[2.0], [1e-6]], [[2.0001], [2e-6]])


def test_a_failure_of_ours_is_told() -> None:
    (rows,) = measure.in_turn(
        ["pullback"], [Request("step", {"network": "w3"})], Effort(1, 0, 1), 1
    )
    assert rows["pullback"].wrong
    assert "KeyError: 'w3'" in rows["pullback"].problem


def test_an_unknown_name_is_refused() -> None:
    assert "choose from w1, w2" in run("w3", status=2)
