"""Trainings in a folder that holds something, and trainings that go on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.layers.rank_trainings import listing
from support.programs.small_trainings import (
    CONFIG,
    DATA,
    SAME,
    STEPS,
    Steps,
    everything,
    expect_unchanged,
    files,
)

from mnist.config import KINDS
from mnist.data.files import LockedError, alone_in
from mnist.results import write_report
from mnist.training import resume, train

# --- a folder that holds something ---------------------------------------------------------------


def test_a_folder_with_a_run_is_refused(run: Path) -> None:
    told = (
        f"{run}: holds a run already; name another folder with --out, go on with --resume {run}, "
        "or remove its files with --overwrite"
    )
    expect_unchanged(run, told, lambda: train(DATA, CONFIG, run, str))
    for name in ("config.json", "last.ckpt"):  # either tells of a run
        content = (run / name).read_bytes()
        (run / name).unlink()
        expect_unchanged(run, told, lambda: train(DATA, CONFIG, run, str))
        (run / name).write_bytes(content)


def test_overwriting_removes_the_runs_own_files_and_nothing_else(run: Path, kept: Path) -> None:
    foreign = ["notes.txt", "curves.png.bak", "last.ckpt.old", "member-1", "member-1x", ".hidden"]
    for name in (*foreign, "report.html", "curves.png", "model.npz", "last.ckpt.77.part"):
        (run / name).write_text(name)
    (run / "pictures").mkdir()
    (run / "pictures" / "config.json").write_text("{}")
    train(DATA, CONFIG, run, str, overwrite=True)
    assert listing(run) == sorted([*SAME, "times.jsonl", *foreign, "pictures"])
    assert all((run / name).read_text() == name for name in foreign)
    assert (run / "pictures" / "config.json").read_text() == "{}"
    assert files(run) == files(kept)


def test_a_run_within_a_run_is_not_its_own(run: Path, kept: Path) -> None:
    shutil.copytree(kept, run / "member-1")
    shutil.copytree(kept, run / "member-7")
    before = everything(run / "member-1") | everything(run / "member-7")
    train(DATA, CONFIG, run, str, overwrite=True)
    assert everything(run / "member-1") | everything(run / "member-7") == before


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", '{"compilerOptions": {}}'),
        ("config.json", '{"model": "gpt", "epochs": 3}'),
        ("config.json", "not JSON"),
        ("metrics.jsonl", '{"epoch": 1}\n'),
        ("report.html", "<p>mine"),
        ("best.ckpt", "of PyTorch"),
    ],
)
def test_files_that_no_training_wrote_are_not_removed(
    name: str, content: str, overwrite: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    told = f"{tmp_path}: holds {name}, which no training wrote; name another folder"
    expect_unchanged(
        tmp_path, told, lambda: train(DATA, CONFIG, tmp_path, str, overwrite=overwrite)
    )


def test_another_process_is_at_work_in_the_folder(run: Path) -> None:
    told = f"{run}: another process is at work in this folder; wait for its end or name another"
    with alone_in(run, wait=False):
        for act in (
            lambda: train(DATA, CONFIG, run, str),
            lambda: train(DATA, CONFIG, run, str, overwrite=True),
            lambda: resume(DATA, run, str),
            lambda: resume(DATA, run, str, epochs=3),
            lambda: write_report(run, DATA, str),
        ):
            expect_unchanged(run, told, act, LockedError)
    resume(DATA, run, str)  # it is free again


def test_a_training_holds_its_folder(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    def look() -> None:
        with pytest.raises(LockedError), alone_in(tmp_path, wait=False):
            raise AssertionError("free")
        held.append(True)

    steps.at, steps.act = 1, look
    train(DATA, replace(CONFIG, epochs=1), tmp_path, str)
    assert held == [True]


# --- going on ------------------------------------------------------------------------------------


def another(name: str, value: Any) -> Any:
    """Another value that the setting may have."""
    if name in ("model", "engine"):
        return {"model": "deep", "engine": "numpy"}[name]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "x"
    return 0.25 if isinstance(value, float) or value is None else value + 1


@pytest.mark.parametrize("name", KINDS)
def test_changed_settings_are_refused(name: str, run: Path) -> None:
    facts = json.loads((run / "config.json").read_text())
    used = facts[name]
    facts[name] = another(name, used)
    (run / "config.json").write_text(json.dumps(facts))
    told = f"{run}: config.json has {name} {facts[name]!r}, last.ckpt {used!r}; they are of two"
    expect_unchanged(run, told, lambda: resume(DATA, run, str))


@pytest.mark.parametrize("done", [1, 2])
def test_a_further_end_that_only_config_json_tells_of(
    done: int, tmp_path: Path, steps: Steps
) -> None:
    """As where somebody edits it, which goes where --epochs goes, and nowhere else."""
    if done == 1:
        steps.stop_at(STEPS + 1)
    train(DATA, CONFIG, tmp_path, str)
    facts = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**facts, "epochs": 3, "earlier_epochs": 2}))
    if done == 1:
        expect_unchanged(tmp_path, "has epochs 3, last.ckpt 2", lambda: resume(DATA, tmp_path, str))
    else:
        assert len(resume(DATA, tmp_path, str).metrics) == 3


def test_before_the_first_checkpoint_it_begins_anew(
    tmp_path: Path, kept: Path, steps: Steps
) -> None:
    steps.crash_at(2)
    with pytest.raises(MemoryError):
        train(DATA, CONFIG, tmp_path, str)
    assert listing(tmp_path) == ["config.json", "metrics.jsonl"]
    expect_unchanged(
        tmp_path,
        f"{tmp_path}: 0 of 2 epochs are done; end them first, without --epochs",
        lambda: resume(DATA, tmp_path, str, epochs=3),
    )
    said: list[str] = []
    resume(DATA, tmp_path, said.append)
    assert said[0] == f"{tmp_path}: no checkpoint yet; from the beginning"
    assert files(tmp_path) == files(kept)


def test_config_json_alone_is_a_run_that_has_begun(tmp_path: Path, kept: Path) -> None:
    shutil.copy(kept / "config.json", tmp_path)
    resume(DATA, tmp_path, str)
    assert files(tmp_path) == files(kept)


def test_the_last_checkpoint_alone_brings_back_the_other_files(tmp_path: Path, kept: Path) -> None:
    shutil.copy(kept / "last.ckpt", tmp_path)
    expect_unchanged(tmp_path, "best.ckpt: is not there", lambda: resume(DATA, tmp_path, str))
    shutil.copy(kept / "best.ckpt", tmp_path)
    resume(DATA, tmp_path, str)
    for name in ("last.ckpt", "metrics.jsonl"):
        assert (tmp_path / name).read_bytes() == (kept / name).read_bytes()


def test_where_it_goes_on_is_said(tmp_path: Path, kept: Path, steps: Steps) -> None:
    steps.stop_at(3)
    assert train(DATA, CONFIG, tmp_path, str).interrupted
    said: list[str] = []
    resume(DATA, tmp_path, said.append)
    assert said[0] == f"{tmp_path}: goes on after step 3 of epoch 1 of 2"
    assert len(said) == 3
    assert files(tmp_path) == files(kept)


def test_a_finished_run_stays_as_it_is_and_says_so(run: Path) -> None:
    (run / "report.html").write_text("of its end")
    before, said = everything(run), []
    resumed = resume(DATA, run, said.append)
    assert said == [
        f"{run}: finished, 2 of 2 epochs are done; --epochs M with a larger M trains on"
    ]
    assert everything(run) == before
    assert len(resumed.metrics) == 2


def test_an_old_report_does_not_stay_beside_a_new_training(run: Path, steps: Steps) -> None:
    (run / "report.html").write_text("of its end")
    (run / "worst.png").write_text("of its end")
    steps.crash_at(3)
    with pytest.raises(MemoryError):
        resume(DATA, run, str, epochs=3)
    assert listing(run) == sorted([*SAME, "times.jsonl"])


def test_metrics_that_were_lost_or_spoilt_are_put_right(run: Path, kept: Path) -> None:
    (run / "metrics.jsonl").write_text('{"epoch": 9}\n{"epo')
    resume(DATA, run, str)
    assert files(run) == files(kept)


def test_a_dry_run_does_not_go_on(tmp_path: Path) -> None:
    train(DATA, replace(CONFIG, dry_run=True), tmp_path, str)
    told = f"{tmp_path}: is a dry run, of which nothing goes on; train without --resume"
    expect_unchanged(tmp_path, told, lambda: resume(DATA, tmp_path, str))
