"""Ensembles that were stopped, that are over, and that go further."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.layers.rank_trainings import digits, listing
from support.programs.small_trainings import (
    CONFIG,
    DATA,
    STEPS,
    Steps,
    everything,
    expect_unchanged,
)

from mnist.data.files import LockedError, alone_in
from mnist.results import load_run, write_report
from mnist.storage.runs import RunError
from mnist.storage.weights import load_trained
from mnist.training import resume, train
from mnist.training.ensemble import resume_ensemble, train_ensemble

VOTES = replace(CONFIG, members=2, epochs=1, checkpoint_every=0)


@pytest.fixture(scope="module")
def votes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished ensemble; to be copied."""
    folder = tmp_path_factory.mktemp("votes")
    train_ensemble(DATA, VOTES, folder, str)
    return folder


@pytest.fixture(scope="module")
def further(votes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a second epoch."""
    folder = tmp_path_factory.mktemp("further") / "run"
    shutil.copytree(votes, folder)
    resume_ensemble(DATA, folder, str, epochs=2)
    return folder


@pytest.fixture
def ensemble(votes: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(votes, tmp_path / "ensemble"))


def same(folder: Path) -> dict[str, bytes]:
    """What does not depend on the clock."""
    return {name: text for name, text in everything(folder).items() if "times.jsonl" not in name}


def test_what_it_writes(votes: Path) -> None:
    assert listing(votes) == [
        *("config.json", "last.ckpt", "member-1", "member-2", "metrics.jsonl"),
    ]
    assert listing(votes / "member-2") == [
        *("best.ckpt", "config.json", "last.ckpt", "metrics.jsonl", "times.jsonl"),
    ]
    trained = load_trained(votes)
    assert trained.note == "" and trained.facts["members"] == 2
    assert [entry["epoch"] for entry in load_run(votes).members.values()] == [1, 1]


@pytest.mark.parametrize("step", [1, 3, STEPS + 2])
def test_stopped_in_a_member(step: int, votes: Path, tmp_path: Path, steps: Steps) -> None:
    steps.stop_at(step)
    run = train_ensemble(DATA, VOTES, tmp_path, str)
    assert run.interrupted and not (tmp_path / "last.ckpt").exists()
    with pytest.raises(RunError, match="holds no trained network, as no epoch"):
        load_trained(tmp_path)
    expect_unchanged(
        tmp_path,
        f"{tmp_path}: has no vote yet; let it end first, without --epochs",
        lambda: resume_ensemble(DATA, tmp_path, str, epochs=2),
    )
    assert not resume_ensemble(DATA, tmp_path, str).interrupted
    assert same(tmp_path) == same(votes)


@pytest.mark.parametrize("member_lost", [False, True])
def test_a_finished_ensemble_stays_as_it_is(member_lost: bool, ensemble: Path) -> None:
    (ensemble / "report.html").write_text("of its end")
    if member_lost:
        shutil.rmtree(ensemble / "member-1")
    before, said = everything(ensemble), []
    run = resume_ensemble(DATA, ensemble, said.append)
    assert everything(ensemble) == before
    assert [line.partition(": ")[2].partition(",")[0] for line in said] == ["finished"]
    assert len(run.model.members) == 2
    assert [entry["epoch"] for entry in run.metrics] == [1]


def test_an_ensemble_that_goes_further_is_unfinished_until_its_vote(
    ensemble: Path, steps: Steps
) -> None:
    assert json.loads((ensemble / "config.json").read_text())["parameters"] == 2 * 31_802
    steps.stop_at(STEPS + 2)
    assert resume_ensemble(DATA, ensemble, str, epochs=2).interrupted
    assert "unfinished: 1 of 2 epochs" in load_trained(ensemble).note
    assert json.loads((ensemble / "config.json").read_text())["parameters"] == 2 * 31_802


def test_going_further(ensemble: Path, further: Path, votes: Path) -> None:
    run = resume_ensemble(DATA, ensemble, str, epochs=2)
    assert same(ensemble) == same(further) != same(votes)
    assert [entry["epoch"] for entry in run.metrics] == [2]
    for folder in (ensemble, ensemble / "member-1", ensemble / "member-2"):
        facts = json.loads((folder / "config.json").read_text())
        assert (facts["epochs"], facts["earlier_epochs"]) == (2, 1)
    assert [entry["epoch"] for entry in load_run(ensemble).members.values()] == [2, 2]
    for epochs in (1, 2):
        expect_unchanged(
            ensemble,
            f"{ensemble}: 2 epochs are done already; name more",
            lambda epochs=epochs: resume_ensemble(DATA, ensemble, str, epochs=epochs),
        )


@pytest.mark.parametrize("step", [2, STEPS, STEPS + 2])
def test_going_further_that_was_stopped(
    step: int, ensemble: Path, further: Path, steps: Steps
) -> None:
    steps.stop_at(step)
    assert resume_ensemble(DATA, ensemble, str, epochs=2).interrupted
    assert not resume_ensemble(DATA, ensemble, str).interrupted
    assert same(ensemble) == same(further)


@pytest.mark.parametrize("step", [1, 3, STEPS + 1])
def test_going_further_that_was_killed(
    step: int, ensemble: Path, further: Path, steps: Steps
) -> None:
    steps.crash_at(step)
    with pytest.raises(MemoryError):
        resume_ensemble(DATA, ensemble, str, epochs=2)
    resume_ensemble(DATA, ensemble, str)
    assert same(ensemble) == same(further)


def test_other_data_settings_and_processes(ensemble: Path) -> None:
    other = digits(201)
    expect_unchanged(
        ensemble, "is of another data set", lambda: resume_ensemble(other, ensemble, str)
    )
    again = [
        lambda: train_ensemble(DATA, VOTES, ensemble, str),
        lambda: train_ensemble(DATA, replace(VOTES, members=3), ensemble, str),
    ]
    for act in again:
        expect_unchanged(ensemble, f"{ensemble}: holds a run already", act)
    locked: list[Any] = [lambda: resume_ensemble(DATA, ensemble, str), *again]
    with alone_in(ensemble, wait=False):
        for act in (*locked, lambda: write_report(ensemble, DATA, str)):
            expect_unchanged(ensemble, "another process is at work", act, LockedError)
    facts = json.loads((ensemble / "config.json").read_text())
    (ensemble / "config.json").write_text(json.dumps({**facts, "members": 3}))
    expect_unchanged(
        ensemble,
        "config.json has members 3, last.ckpt 2",
        lambda: resume_ensemble(DATA, ensemble, str),
    )


def test_one_network_is_not_taken_for_several(ensemble: Path, run: Path, tmp_path: Path) -> None:
    told = "of members given; train and resume are for one network, train_ensemble and resume_ense"
    for folder, act in (
        (ensemble, lambda: resume(DATA, ensemble, str)),
        (run, lambda: resume_ensemble(DATA, run, str)),
        (run, lambda: resume_ensemble(DATA, run, str, epochs=4)),
        (tmp_path, lambda: train(DATA, VOTES, tmp_path / "new", str)),
        (tmp_path, lambda: train_ensemble(DATA, CONFIG, tmp_path / "new", str)),
    ):
        expect_unchanged(folder, told, act)


def test_overwriting_waits_for_no_member(ensemble: Path) -> None:
    with alone_in(ensemble / "member-2", wait=False):
        expect_unchanged(
            ensemble,
            "member-2: another process is at work",
            lambda: train_ensemble(DATA, VOTES, ensemble, str, overwrite=True),
            LockedError,
        )


def test_a_dry_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):  # faster
        monkeypatch.setitem(sys.modules, name, None)
    train_ensemble(DATA, replace(VOTES, dry_run=True), tmp_path, str)
    with pytest.raises(RunError, match="is a dry run, whose network has learned nothing"):
        write_report(tmp_path, DATA, str)
    assert write_report(tmp_path, DATA, str, dry=True) == ["report.html"]
    told = f"{tmp_path}: is a dry run, of which nothing goes on; train without --resume"
    for epochs in (None, 2):
        expect_unchanged(
            tmp_path,
            told,
            lambda epochs=epochs: resume_ensemble(DATA, tmp_path, str, epochs=epochs),
        )


def test_overwriting_an_ensemble_removes_its_members(ensemble: Path, votes: Path) -> None:
    (ensemble / "member-2" / "notes.txt").write_text("mine")
    foreign = Path(shutil.copytree(votes / "member-1", ensemble / "member-10"))
    train_ensemble(DATA, VOTES, ensemble, str, overwrite=True)
    assert (ensemble / "member-2" / "notes.txt").read_text() == "mine"
    (ensemble / "member-2" / "notes.txt").unlink()
    assert same(foreign) == same(votes / "member-1")
    shutil.rmtree(foreign)
    assert same(ensemble) == same(votes)
