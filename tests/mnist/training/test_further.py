"""Trainings that go further than was planned, and the time that epochs take."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.programs.small_trainings import (
    CONFIG,
    DATA,
    STEPS,
    Steps,
    expect_unchanged,
    files,
)

import mnist.training.loop as loop
from mnist.storage import checkpoints
from mnist.storage.runs import RunFolder
from mnist.training import resume, train

# --- going further -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def further(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run after four epochs; two were planned."""
    folder = tmp_path_factory.mktemp("further") / "run"
    shutil.copytree(kept, folder)
    resume(DATA, folder, str, epochs=4)
    return folder


def test_training_on_follows_a_schedule_of_its_own(
    run: Path, kept: Path, tmp_path: Path, steps: Steps
) -> None:
    train(DATA, CONFIG, tmp_path / "again", str)
    first = steps.rates
    assert len(set(first)) > 3 and max(first) == pytest.approx(CONFIG.peak_lr, rel=0.1)
    steps.rates = []
    said: list[str] = []
    resumed = resume(DATA, run, said.append, epochs=4)
    assert steps.rates == first  # that of a training of two epochs
    assert said[0] == (
        f"{run}: goes on after step 0 of epoch 3 of 4; from epoch 3 a new one-cycle schedule to "
        "the same peak rate"
    )
    assert [entry["epoch"] for entry in resumed.metrics] == [1, 2, 3, 4]
    old = (kept / "metrics.jsonl").read_bytes()
    assert (run / "metrics.jsonl").read_bytes().startswith(old)
    facts = json.loads((run / "config.json").read_text())
    assert (facts["epochs"], facts["earlier_epochs"]) == (4, 2)
    assert checkpoints.read(run / "last.ckpt")["config"] == asdict(resumed.config)
    assert sorted(RunFolder(run).seconds()) == [1, 2, 3, 4]


def test_training_on_twice(run: Path, further: Path, steps: Steps) -> None:
    resume(DATA, run, str, epochs=3)
    assert len(resume(DATA, run, str, epochs=4).metrics) == 4
    facts = json.loads((run / "config.json").read_text())
    assert (facts["epochs"], facts["earlier_epochs"]) == (4, 3)
    assert files(run) != files(further)  # with another schedule


@pytest.mark.parametrize("step", [1, 3, STEPS, STEPS + 1])
def test_training_on_that_was_stopped_goes_on(
    step: int, run: Path, further: Path, steps: Steps
) -> None:
    steps.stop_at(step)
    assert resume(DATA, run, str, epochs=4).interrupted
    told = "epochs are done; end them first, without --epochs"
    expect_unchanged(run, told, lambda: resume(DATA, run, str, epochs=5))
    resume(DATA, run, str)
    assert files(run) == files(further)


@pytest.mark.parametrize("what", ["write_state", "begin", "write_metrics", "note_time"])
def test_training_on_that_was_killed_as_it_began(
    what: str, run: Path, further: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*args: Any, **options: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, what, killed)
        with pytest.raises(MemoryError):
            resume(DATA, run, str, epochs=4)
    if RunFolder(run).standing()[0].epochs == 2:  # as if nothing had happened
        resume(DATA, run, str, epochs=4)
    resume(DATA, run, str)
    assert files(run) == files(further)


@pytest.mark.parametrize("epochs", [1, 2])
def test_epochs_that_are_done_already(epochs: int, run: Path) -> None:
    told = f"{run}: 2 epochs are done already; name more with --epochs"
    expect_unchanged(run, told, lambda: resume(DATA, run, str, epochs=epochs))


# --- times ---------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, steps: Steps) -> Iterator[SimpleNamespace]:
    """A clock by which a step takes a second, and all else no time."""
    offset = SimpleNamespace(seconds=0.0)
    told = SimpleNamespace(perf_counter=lambda: offset.seconds + steps.calls)
    monkeypatch.setattr(loop, "time", told)
    return offset


def test_all_of_an_epochs_time_counts(tmp_path: Path, steps: Steps, clock: SimpleNamespace) -> None:
    steps.stop_at(3)
    train(DATA, CONFIG, tmp_path, str)
    clock.seconds += 1000
    steps.stop_at(3)  # in the second epoch
    resume(DATA, tmp_path, str)
    clock.seconds += 1000
    said: list[str] = []
    resume(DATA, tmp_path, said.append)
    assert RunFolder(tmp_path).seconds() == {1: STEPS, 2: STEPS}
    assert said[-1].endswith(f"(drawn digits, {STEPS}.0 s)")


def test_time_of_lost_steps_is_lost(tmp_path: Path, steps: Steps, clock: SimpleNamespace) -> None:
    steps.crash_at(4)  # the last checkpoint is of step 2
    with pytest.raises(MemoryError):
        train(DATA, CONFIG, tmp_path, str)
    clock.seconds += 1000
    resume(DATA, tmp_path, str)
    assert RunFolder(tmp_path).seconds() == {1: STEPS, 2: STEPS}


def test_times_that_are_damaged_or_lost_are_no_trouble(run: Path) -> None:
    (run / "times.jsonl").write_text('{"epoch": 1, "seconds": 7}\nnot JSON\n{"epoch": "x"}\n[]\n')
    assert RunFolder(run).seconds() == {1: 7}
    resume(DATA, run, str, epochs=3)
    assert sorted(RunFolder(run).seconds()) == [1, 3]
    (run / "times.jsonl").unlink()
    resume(DATA, run, str, epochs=4)
    assert sorted(RunFolder(run).seconds()) == [4]
