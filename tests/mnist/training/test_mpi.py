"""Trainings in several real processes: the same weights, and one clear end whatever happens."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.programs.launches import (
    PROGRAMS,
    SECONDS,
    TRAIN,
    Start,
    Started,
    mpiexec,
    needs_mpi,
)

from mnist.storage import checkpoints

pytestmark = needs_mpi

_SOON = 30  # for processes that give up, most of it until they have started
_GONE = 10  # until the others follow one that was killed


# --- what is computed ----------------------------------------------------------------------------


Spec = tuple[str, str, int, int]  # model, dtype, steps, of so many that the schedule is for
Learned = Callable[[Spec, int], list[dict[str, np.ndarray]]]


@pytest.fixture(scope="module")
def learned(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """What each of so many ranks has learned; of 0: a process that no launcher has started."""

    @functools.cache
    def learn(spec: Spec, count: int) -> list[dict[str, np.ndarray]]:
        folder = tmp_path_factory.mktemp("learned")
        program = (PROGRAMS, "learn", *spec, folder)
        command = mpiexec(count, *program) if count else (sys.executable, *program)
        result = Started([*command], folder, site).end(SECONDS)
        assert (result.code, result.err) == (0, "")
        return [dict(np.load(folder / f"{rank}.npz")) for rank in range(max(1, count))]

    return learn


def flat(state: dict[str, np.ndarray]) -> np.ndarray:
    """All parameters."""
    own = [a.ravel() for name, a in state.items() if name.endswith((".weight", ".bias"))]
    return np.concatenate(own, dtype=np.float64)


# Only rounding parts the trainings, until one takes another maximum of two that were nearly equal:
# in float32 every fifth seed does so within 100 steps, none of ten within 50.
BASIC: Spec = ("basic", "float64", 100, 100)
BASIC_32: Spec = ("basic", "float32", 50, 4690)
BEST: Spec = ("best", "float64", 15, 15)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(("spec", "tolerance"), [(BASIC, 1e-11), (BASIC_32, 1e-5), (BEST, 1e-11)])
def test_any_number_of_processes_learns_the_same(
    spec: Spec, tolerance: float, count: int, learned: Learned
) -> None:
    alone = learned(spec, 0)[0]
    ranks = learned(spec, count)
    assert len(ranks) == count
    change = np.linalg.norm(flat(ranks[0]) - flat(alone)) / np.linalg.norm(flat(alone))
    assert change <= (tolerance if count > 1 else 0)
    for other in ranks[1:]:
        for name in alone:
            assert other[name].dtype == alone[name].dtype
            assert other[name].tobytes() == ranks[0][name].tobytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("spec", [BASIC, BASIC_32, BEST])
def test_a_step_sends_each_gradient_once(spec: Spec, count: int, learned: Learned) -> None:
    steps = spec[2]
    alone = learned(spec, 0)[0]
    parameters = flat(alone).size * np.dtype(spec[1]).itemsize
    for rank in learned(spec, count):
        assert rank["sent gradients"][1] == steps * parameters
        assert rank["sent progress"].tolist() == [steps, steps * 3 * 8]  # three float64


# --- train.py ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("how", ["mpiexec", "--processes"])
def test_a_run_speaks_and_writes_once(how: str, data: Path, start: Start, tmp_path: Path) -> None:
    arguments = (TRAIN, "--data-dir", data, "--epochs", 2, "--out")
    alone = start(sys.executable, *arguments, "alone").end(SECONDS)
    assert alone.code == 0
    command = (sys.executable, *arguments, "out", "--processes", 2)
    if how == "mpiexec":
        command = mpiexec(2, *arguments, "out")
    result = start(*command).end(SECONDS)
    assert (result.code, result.err) == (0, "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = max(1, (cores or 1) // 2)
    # Several processes run on the tape, whatever one of them runs on alone.
    first = re.sub("engine .*", "engine tape", alone.lines[0])
    assert result.lines[0] == first + f"; 2 processes, threads of each: {threads}"
    assert len(result.lines) == len(alone.lines)
    assert [line[:9] for line in result.lines[1:3]] == ["epoch 1/2", "epoch 2/2"]
    assert result.lines[-1] == alone.lines[-1].replace("alone", "out")
    names = {path.name for path in (tmp_path / "alone").iterdir()}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    times = (tmp_path / "out" / "times.jsonl").read_text()
    assert len(times.splitlines()) == 2  # appended to: each process that wrote would add its own
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["threads"] == threads


# Small steps, so that rounding stays rounding.
STEADY = ("--epochs", 4, "--batch-size", 20, "--checkpoint-every", 2, "--lr", 0.002)


@pytest.fixture(scope="module")
def whole(data: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Trainings that nobody disturbed, by the number of processes."""
    folder = tmp_path_factory.mktemp("whole")
    for count in (1, 2):
        arguments = (TRAIN, "--data-dir", data, *STEADY, "--out", count)
        command = (sys.executable, *arguments, "--processes", count)
        result = Started([*command], folder, site).end(SECONDS)
        assert result.code == 0, result.err
    return {count: folder / str(count) for count in (1, 2)}


def metrics(folder: Path) -> np.ndarray:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    names = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy")
    return np.array([[json.loads(line)[name] for name in names] for line in lines])


def disturbed(how: str, data: Path, start: Start, tmp_path: Path) -> Started:
    """A training of two processes in the folder "out", in its first epoch."""
    arguments = (TRAIN, "--data-dir", data, *STEADY, "--out", "out")
    command = (sys.executable, *arguments, "--processes", 2)
    running = start(*(mpiexec(2, *arguments) if how == "mpiexec" else command))
    running.wait_for(tmp_path / "out" / "last.ckpt")
    return running


def goes_on(data: Path, start: Start, tmp_path: Path, whole: dict[int, Path]) -> None:
    """From what is in "out", any number of processes comes to where nobody had disturbed it."""
    assert (tmp_path / "out" / "metrics.jsonl").read_text() == ""  # still in the first epoch
    for count in (1, 2, 4):
        folder = tmp_path / str(count)
        shutil.copytree(tmp_path / "out", folder)
        resumed = (TRAIN, "--data-dir", data, "--resume", folder, "--processes", count)
        result = start(sys.executable, *resumed).end(SECONDS)
        assert result.code == 0, result.err
        np.testing.assert_allclose(metrics(folder), metrics(whole[1]), rtol=1e-4)
    # As many processes as before: not even rounding differs.
    for name in ("metrics.jsonl", "last.ckpt"):
        assert (tmp_path / "2" / name).read_bytes() == (whole[2] / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("how", ["mpiexec", "--processes"])
def test_a_killed_process_takes_the_others_with_it(
    how: str, rank: int, data: Path, start: Start, tmp_path: Path, whole: dict[int, Path]
) -> None:
    running = disturbed(how, data, start, tmp_path)
    os.kill(running.pid(str(rank)), signal.SIGKILL)
    result = running.end(_GONE)
    for name in ("0", "1"):
        with pytest.raises(ProcessLookupError):
            os.kill(running.pid(name), 0)
    assert result.code != 0
    if how == "--processes":
        assert result.code == 1
        assert result.err.splitlines() == [
            "train.py: error: a process was ended from outside (signal 9), and the others with it; "
            "go on from the last checkpoint with --resume"
        ]
    if rank == 1:
        goes_on(data, start, tmp_path, whole)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["mpiexec", "--processes", "--processes alone"])
def test_ctrl_c_ends_all_with_their_state_saved(
    how: str, data: Path, start: Start, tmp_path: Path, whole: dict[int, Path]
) -> None:
    running = disturbed(how, data, start, tmp_path)
    if how.endswith("alone"):
        os.kill(running.process.pid, signal.SIGINT)  # as a button does
    else:
        os.killpg(running.process.pid, signal.SIGINT)  # as a terminal does
    result = running.end(_GONE)
    assert result.code == 130
    assert "Traceback" not in result.err
    told = [line for line in result.lines if "interrupted" in line]
    assert len(told) == 1
    assert told[0].endswith("To go on: python train.py --resume out")
    goes_on(data, start, tmp_path, whole)


@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGHUP", marks=pytest.mark.slow)])
def test_ending_the_launcher_saves_and_ends_all(
    name: str, data: Path, start: Start, tmp_path: Path
) -> None:
    number = getattr(signal, name)
    running = disturbed("--processes", data, start, tmp_path)
    os.kill(running.process.pid, number)
    result = running.end(_GONE)
    assert (result.code, result.err) == (128 + number, "")
    assert result.lines[-1].endswith("To go on: python train.py --resume out")
    assert checkpoints.read(tmp_path / "out" / "last.ckpt")["progress"]["step"] > 0
    for rank in ("0", "1"):
        with pytest.raises(ProcessLookupError):
            os.kill(running.pid(rank), 0)


@pytest.mark.slow
def test_a_process_that_lacks_what_others_on_other_machines_have(
    data: Path, start: Start, tmp_path: Path
) -> None:
    """They may wait for it: it ends by a signal, at which launchers end them."""
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "mpi4py.py").write_text("raise ModuleNotFoundError('mpi4py')\n")
    seen = {"PMI_RANK": "1", "PMI_SIZE": "2", "PYTHONPATH": str(tmp_path / "none")}
    for here, code, lines in (("1", -signal.SIGTERM, 1), ("2", 1, 0)):
        one = start(
            *(sys.executable, PROGRAMS, "impatient", "--data-dir", data),
            MPI_LOCALNRANKS=here,
            **seen,
        )
        result = one.end(_SOON)
        assert result.code == code
        assert len(result.err.splitlines()) == lines
        assert result.err.count("mpi4py is not installed") == lines
        assert result.err.count("(at rank 1)") == lines
