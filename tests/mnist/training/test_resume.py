"""Trainings that were stopped or killed and went on: they end with the same bytes as others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import digits

import mnist.training.loop as training
from mnist.config import Config
from mnist.data import Dataset
from mnist.storage import checkpoints
from mnist.storage.runs import RunError
from mnist.training import Training, resume, train
from mnist.training.learning import Outcome

ROOT = Path(__file__).parents[3]
SLOW = pytest.mark.slow

# Everything random takes part: shuffling, augmentation, dropout; and a validation split. Op by op,
# as most of so short a training would be the making of its programs; test_engines.py has others.
CONFIG = Config(
    model="best",
    epochs=2,
    batch_size=10,
    validation=20,
    seed=5,
    checkpoint_every=3,
    engine="tape",
)
SAME = ("config.json", "metrics.jsonl", "last.ckpt", "best.ckpt")


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in SAME}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return digits(100, 30)


@pytest.fixture(scope="module")
def whole(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a training that nobody disturbed: two epochs of 8 steps."""
    folder = tmp_path_factory.mktemp("whole")
    train(dataset, CONFIG, folder, str)
    return files(folder)


@pytest.mark.parametrize("step", [8, *[pytest.param(s, marks=SLOW) for s in (1, 5, 9, 15)]])
def test_ctrl_c_at_any_step(
    step: int,
    dataset: Dataset,
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, calls = Training._step, 0

    def interrupted(self: Training, *args: Any) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == step:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, *args)

    monkeypatch.setattr(Training, "_step", interrupted)
    run = train(dataset, CONFIG, tmp_path, str)
    assert run.interrupted
    assert calls == step
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    run = resume(dataset, tmp_path, str)
    assert not run.interrupted
    assert calls == 16
    assert files(tmp_path) == whole


def test_crash_between_checkpoints_costs_the_steps_since_the_last(
    dataset: Dataset, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = Training._step, 0

    def crashing(self: Training, *args: Any) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise MemoryError("no more")
        return original(self, *args)

    monkeypatch.setattr(Training, "_step", crashing)
    with pytest.raises(MemoryError):
        train(dataset, CONFIG, tmp_path, str)
    resume(dataset, tmp_path, str)
    assert calls == 6 + 13  # the checkpoint was that of step 3
    assert files(tmp_path) == whole


def test_training_that_is_done_stays_as_it_is(
    dataset: Dataset, whole: dict[str, bytes], tmp_path: Path
) -> None:
    train(dataset, CONFIG, tmp_path, str)
    run = resume(dataset, tmp_path, str)
    assert len(run.metrics) == 2
    assert files(tmp_path) == whole


def test_best_is_chosen_on_the_validation_split(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = iter([0.5, 0.9, 0.7, 0.9])
    monkeypatch.setattr(
        training,
        "evaluate",
        lambda *args, part="test", **kwargs: (1.0, 0.1 if part == "test" else next(held)),
    )
    train(dataset, replace(CONFIG, model="basic", epochs=4), tmp_path, str)
    state = checkpoints.read(tmp_path / "best.ckpt")
    assert state["best"] == {"epoch": 2, "accuracy": 0.9}
    assert state["progress"]["epoch"] == 3
    assert len(state["metrics"]) == 2


def test_without_a_split_there_is_no_best(dataset: Dataset, tmp_path: Path) -> None:
    train(dataset, replace(CONFIG, validation=0, epochs=1), tmp_path, str)
    assert not (tmp_path / "best.ckpt").exists()


def test_held_out_images_are_not_trained_on(dataset: Dataset, tmp_path: Path) -> None:
    state = Training(dataset, CONFIG, tmp_path)
    assert len(state.dataset.train_images) == 80
    assert np.array_equal(state.dataset.validation_images, dataset.train_images[80:])
    assert np.array_equal(state.dataset.validation_labels, dataset.train_labels[80:])


def test_checkpoint_of_other_data_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    train(dataset, replace(CONFIG, epochs=1), tmp_path, str)
    before = files(tmp_path)
    other = replace(dataset, train_images=dataset.train_images[::-1][:-1])
    other = replace(other, train_labels=dataset.train_labels[::-1][:-1])
    with pytest.raises(RunError, match="of another data set"):
        resume(other, tmp_path, str)
    assert files(tmp_path) == before


# --- killed --------------------------------------------------------------------------------------

# Ends the process without warning: at the n-th call that saving makes, or after some seconds.
_KILLED = """
import os, signal, sys, threading, time
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}, {here!r}]
import test_resume
def kill(*_): os.kill(os.getpid(), signal.SIGKILL)
calls, at, seconds = 0, int(sys.argv[2]), float(sys.argv[3])
def counted(original):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == at:
            kill()
        result = original(*args, **kwargs)
        return result
    return call
os.fsync, os.replace = counted(os.fsync), counted(os.replace)
import mnist.data.files
opened = counted(open)
mnist.data.files.open = opened
test_resume.ready(Path(sys.argv[1]), seconds and (lambda: threading.Timer(seconds, kill).start()))
"""


def ready(folder: Path, begin: object) -> None:
    """What the killed process does."""
    dataset = digits(100, 30)
    if callable(begin):
        begin()
    to_the_end(folder, dataset)


def killed(folder: Path, at: int, seconds: float) -> int:
    script = _KILLED.format(
        root=str(ROOT), tests=str(ROOT / "tests"), here=str(Path(__file__).parent)
    )
    command = [sys.executable, "-c", script, str(folder), str(at), str(seconds)]
    return subprocess.run(command, capture_output=True, timeout=120).returncode


def to_the_end(folder: Path, dataset: Dataset) -> None:
    for path in (folder / "last.ckpt", folder / "best.ckpt"):
        if path.exists():
            checkpoints.read(path)  # whatever happened, it loads
    if (folder / "config.json").exists():
        resume(dataset, folder, str)
    else:
        train(dataset, CONFIG, folder, str)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*SAME, "times.jsonl"])


@pytest.mark.parametrize("at", [16, *[pytest.param(at, marks=SLOW) for at in (4, 11, 23)]])
def test_killed_while_saving(
    at: int, dataset: Dataset, whole: dict[str, bytes], tmp_path: Path
) -> None:
    assert killed(tmp_path, at, 0) == -signal.SIGKILL
    to_the_end(tmp_path, dataset)
    assert files(tmp_path) == whole


@pytest.mark.slow
def test_killed_many_times(
    dataset: Dataset, whole: dict[str, bytes], tmp_path: Path, rng: np.random.Generator
) -> None:
    """Half of them while saving, half at any moment; each training is killed until it ends.

    PULLBACK_KILLS says how often, by default 30 times.
    """
    started = time.perf_counter()
    assert killed(tmp_path / "timed", 0, 0) == 0
    seconds = time.perf_counter() - started
    kills = trainings = 0
    while kills < int(os.environ.get("PULLBACK_KILLS", "30")):
        folder = tmp_path / str(trainings)
        trainings += 1
        for _ in range(4):
            saving = rng.random() < 0.5
            at = int(rng.integers(1, 60)) if saving else 0
            status = killed(folder, at, 0 if saving else float(rng.uniform(0, seconds)))
            assert status in (0, -signal.SIGKILL)
            kills += status != 0
        folder.mkdir(exist_ok=True)
        to_the_end(folder, dataset)
        assert files(folder) == whole
