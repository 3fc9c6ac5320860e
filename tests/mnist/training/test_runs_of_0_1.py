"""Runs that 0.1 has written are read, go on and go further."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import digits, listing
from support.programs import small_trainings
from support.programs.run_folders import store_of_0_1
from support.programs.small_trainings import DATA, Steps, expect_unchanged

from mnist.models import MODELS, Vote
from mnist.results import compare_runs, load_run, write_report
from mnist.storage import checkpoints
from mnist.storage.weights import load_trained
from mnist.training import resume, train
from mnist.training.ensemble import resume_ensemble

CONFIG = replace(small_trainings.CONFIG, engine="tape")  # which is all that there was
LATER = ("engine", "format", "data_sha256", "data_seed", "data_folder", "earlier_epochs")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that nobody disturbed; to be copied."""
    folder = tmp_path_factory.mktemp("kept")
    train(DATA, CONFIG, folder, str)
    return folder


def as_of_0_1(run: Path) -> None:
    """What 0.1 would have written in its place, by hand."""

    def without(facts: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in facts.items() if name not in LATER}

    facts = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(without(facts), indent=2) + "\n")
    for path in run.glob("*.ckpt"):
        state = without(checkpoints.read(path))
        names = ("train_images", "pixel_mean", "pixel_std")
        state["dataset"] = {name: state["dataset"][name] for name in names}
        checkpoints.write(path, state | {"config": without(state["config"])})
    lines = (run / "times.jsonl").read_text().splitlines(keepends=True)
    (run / "times.jsonl").write_text("".join(line for line in lines if "step" not in line))
    np.savez(run / "model.npz", **state["model"])


@pytest.mark.parametrize("step", [3, 5, 6])
def test_an_unfinished_one_goes_on(step: int, kept: Path, tmp_path: Path, steps: Steps) -> None:
    steps.stop_at(step)
    train(DATA, CONFIG, tmp_path, str)
    as_of_0_1(tmp_path)
    expect_unchanged(tmp_path, "is of another data set", lambda: resume(digits(201), tmp_path, str))
    resume(DATA, tmp_path, str)
    for name in ("config.json", "metrics.jsonl", "last.ckpt"):
        assert (tmp_path / name).read_bytes() == (kept / name).read_bytes(), name
    assert not (tmp_path / "model.npz").exists()  # which would be of another moment


def test_a_finished_one_stays_and_goes_further(run: Path, tmp_path: Path, steps: Steps) -> None:
    new = tmp_path / "new"
    shutil.copytree(run, new)
    as_of_0_1(run)
    weights = (run / "model.npz").read_bytes()
    said: list[str] = []
    resume(DATA, run, said.append)
    assert "finished, 2 of 2 epochs are done" in said[0]
    assert (run / "model.npz").read_bytes() == weights
    for folder in (run, new):
        resume(DATA, folder, str, epochs=3)
    assert (run / "last.ckpt").read_bytes() == (new / "last.ckpt").read_bytes()


def test_it_is_read_as_one_of_now(run: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):  # faster
        monkeypatch.setitem(sys.modules, name, None)
    as_of_0_1(run)
    old, new = load_trained(run), load_trained(kept)
    assert (old.mean, old.std, old.name, old.note) == (new.mean, new.std, new.name, "")
    for name, value in new.model.state_dict().items():
        assert np.array_equal(old.model.state_dict()[name], value)
    assert load_run(run).metrics == load_run(kept).metrics
    assert "p = 1." in compare_runs(run, kept, DATA)
    assert "report.html" in write_report(run, DATA, str)


def test_an_interrupted_one_without_a_checkpoint_begins_anew(tmp_path: Path, kept: Path) -> None:
    facts = json.loads((kept / "config.json").read_text())
    old = {name: value for name, value in facts.items() if name not in LATER}
    (tmp_path / "config.json").write_text(json.dumps(old))
    (tmp_path / "metrics.jsonl").write_text("")
    resume(DATA, tmp_path, str)
    for name in ("config.json", "metrics.jsonl", "last.ckpt", "best.ckpt"):
        assert (tmp_path / name).read_bytes() == (kept / name).read_bytes(), name


def test_a_vote_is_read_stays_and_goes_further(kept: Path, tmp_path: Path, steps: Steps) -> None:
    config = replace(CONFIG, members=2)
    members = []
    for number in range(2):
        own = tmp_path / "vote" / f"member-{number + 1}"
        members.append(train(DATA, replace(CONFIG, seed=10 + number), own, str).model.eval())
        as_of_0_1(own)
    shutil.move(tmp_path / "vote", tmp_path / "members")
    last = [{"epoch": 2, "test_loss": 0.5, "test_accuracy": 0.8}]
    facts = json.loads((kept / "config.json").read_text())
    facts = {name: value for name, value in facts.items() if name not in LATER}
    vote = store_of_0_1(
        tmp_path / "vote", DATA, Vote(members), last, **{**facts, "seed": 5, "members": 2}
    )
    (vote / "times.jsonl").unlink()
    for member in (tmp_path / "members").iterdir():
        shutil.move(member, vote / member.name)
    found = load_run(vote)
    assert isinstance(found.trained.model, Vote) and found.metrics == last
    assert sorted(found.members) == [1, 2]
    assert load_trained(vote / "model.npz").name == "basic"
    weights = (vote / "model.npz").read_bytes()
    run = resume_ensemble(DATA, vote, str)
    assert run.config.members == config.members and run.metrics == last
    assert (vote / "model.npz").read_bytes() == weights
    (vote / "member-2" / "last.ckpt").rename(tmp_path / "lost")
    resume_ensemble(DATA, vote, str)
    told = "member-2: has a trained network of 0.1 (model.npz) but no last.ckpt to go on from"
    expect_unchanged(vote, told, lambda: resume_ensemble(DATA, vote, str, epochs=3))
    shutil.move(tmp_path / "lost", vote / "member-2" / "last.ckpt")
    steps.stop_at(1)
    assert resume_ensemble(DATA, vote, str, epochs=3).interrupted
    assert "unfinished: 2 of 3 epochs" in load_trained(vote).note
    for name, value in Vote(members).state_dict().items():
        assert np.array_equal(load_trained(vote).model.state_dict()[name], value)
    assert resume_ensemble(DATA, vote, str).metrics[-1]["epoch"] == 3
    assert listing(vote) == ["config.json", "last.ckpt", "member-1", "member-2", "metrics.jsonl"]


def test_a_network_of_0_1_alone(tmp_path: Path) -> None:
    """Without the checkpoint, as somebody may have kept it."""
    model = MODELS["basic"](np.random.default_rng(0)).eval()
    run = store_of_0_1(tmp_path / "run", DATA, model)
    expect_unchanged(run, "holds a run already", lambda: train(DATA, CONFIG, run, str))
    told = f"{run}: has a trained network of 0.1 (model.npz) but no last.ckpt to go on from; train"
    for epochs in (None, 3):
        expect_unchanged(run, told, lambda epochs=epochs: resume(DATA, run, str, epochs=epochs))
    assert load_run(run).predict(DATA).hits == load_run(run).predict(DATA).hits > 0
