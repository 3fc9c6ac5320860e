"""A run is told from others by its settings, its data and its state: what is not its own is refused
before anything is written."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import digits
from support.programs.small_trainings import (
    CONFIG,
    DATA,
    STEPS,
    Steps,
    everything,
    expect_unchanged,
)

import train as program
from mnist.commands import newest_run
from mnist.config import SettingsError
from mnist.results import compare_runs, load_run
from mnist.storage import checkpoints
from mnist.storage.records import RunError
from mnist.storage.weights import load_trained, load_weights, save_safetensors
from mnist.training import loop, resume, train
from mnist.training.ensemble import resume_ensemble, train_ensemble

VOTES = replace(CONFIG, members=2, epochs=1, validation=0, checkpoint_every=0)


@pytest.fixture(scope="module")
def votes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("votes")
    train_ensemble(DATA, VOTES, folder, str)
    return folder


@pytest.fixture
def ensemble(votes: Path, tmp_path: Path) -> Path:
    """One whose vote is still due."""
    folder = Path(shutil.copytree(votes, tmp_path / "ensemble"))
    (folder / "last.ckpt").unlink()
    return folder


# --- members -------------------------------------------------------------------------------------


def _again(place: Path, **changes: Any) -> None:
    shutil.rmtree(place)
    train(DATA, replace(VOTES.of_member(2), **changes), place, str)


OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "the same twice": (
        lambda place: (shutil.rmtree(place), shutil.copytree(place.parent / "member-1", place)),
        "its seed is 10, 11 expected",
    ),
    "another rate": (lambda place: _again(place, lr=0.01), "its lr is 0.01, 0.05 expected"),
    "another network": (lambda place: _again(place, model="small", lr=0.05), "its model is 'small"),
    "one trained on": (
        lambda place: resume(DATA, place, str, epochs=3),
        "its epochs is 3, 1 expected",
    ),
    "a vote": (
        lambda place: (shutil.rmtree(place), train_ensemble(DATA, VOTES, place, str)),
        "its seed is 5, 11 expected",
    ),
    "other data": (
        lambda place: (
            shutil.rmtree(place),
            train(replace(digits(200), train_images=255 - DATA.train_images), VOTES.of_member(2),
                  place, str),
        ),
        "is of another data set",
    ),
    "something else": (
        lambda place: (
            shutil.rmtree(place), place.mkdir(), (place / "config.json").write_text("{}")
        ),
        "which no training wrote",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_member_is_refused(
    change: Callable[[Path], object], told: str, ensemble: Path
) -> None:
    change(ensemble / "member-2")
    expect_unchanged(ensemble, told, lambda: resume_ensemble(DATA, ensemble, str))
    (ensemble / "config.json").unlink()
    (ensemble / "metrics.jsonl").unlink()  # then it is no ensemble's folder any more
    for overwrite in (False, True):
        expect_unchanged(
            ensemble,
            "member-",
            lambda overwrite=overwrite: train_ensemble(
                DATA, VOTES, ensemble, str, overwrite=overwrite
            ),
        )


def test_a_member_without_its_settings_file_goes_on(ensemble: Path, votes: Path) -> None:
    (ensemble / "member-2" / "config.json").unlink()
    resume_ensemble(DATA, ensemble, str)
    assert (ensemble / "last.ckpt").read_bytes() == (votes / "last.ckpt").read_bytes()


def test_a_vote_goes_further_with_all_its_members_alone(votes: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(votes, tmp_path / "run"))
    for lost in ("last.ckpt", "."):
        path = folder / "member-2" / lost
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        expect_unchanged(
            folder,
            "member-2: has no last.ckpt to go on from",
            lambda: resume_ensemble(DATA, folder, str, epochs=2),
        )


def test_the_report_has_the_members_that_have_voted(votes: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(votes, tmp_path / "run"))
    resume(DATA, folder / "member-1", str, epochs=2)
    assert list(load_run(folder).members) == [2]
    (folder / "member-2" / "last.ckpt").write_bytes(b"damaged")
    assert list(load_run(folder).members) == []


@pytest.mark.parametrize(
    "changes", [{"accumulate": 3}, {"validation": 500}, {"seed": 2**63 - 1}, {"momentum": 2.0}]
)
def test_settings_are_looked_at_before_an_ensemble_is_removed(
    changes: dict[str, Any], votes: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(votes, tmp_path / "run"))
    for place in (folder, tmp_path / "new"):
        expect_unchanged(
            tmp_path,
            "expected" if "validation" not in changes else "hold out 1 to 199",
            lambda place=place: train_ensemble(
                DATA, replace(VOTES, **changes), place, str, overwrite=True
            ),
            Exception,
        )
    assert not (tmp_path / "new").exists()


def test_overwriting_follows_no_links(votes: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(votes, tmp_path / "run"))
    (folder / "member-1").rename(tmp_path / "precious")
    (folder / "member-1").symlink_to(tmp_path / "precious")
    told = "member-1: holds a run that is not of this ensemble"
    expect_unchanged(
        tmp_path, told, lambda: train_ensemble(DATA, VOTES, folder, str, overwrite=True)
    )
    before = everything(tmp_path / "precious")
    train(DATA, CONFIG, folder, str, overwrite=True)
    assert everything(tmp_path / "precious") == before
    assert not (folder / "member-2").exists()


def test_a_signal_after_the_last_step_ends_an_ensemble(
    tmp_path: Path, votes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = loop.evaluate

    def disturbed(*args: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return original(*args, **options)

    monkeypatch.setattr(loop, "evaluate", disturbed)
    run = train_ensemble(DATA, VOTES, tmp_path, str)
    assert run.signum == signal.SIGTERM and not (tmp_path / "member-2").exists()
    monkeypatch.undo()
    resume_ensemble(DATA, tmp_path, str)
    assert (tmp_path / "last.ckpt").read_bytes() == (votes / "last.ckpt").read_bytes()


# --- one run -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["renamed", "removed"])
def test_a_folder_that_another_training_has_taken(how: str, run: Path, steps: Steps) -> None:
    folder = run.parent / "trained"

    def take() -> None:
        folder.rename(run.parent / "renamed") if how == "renamed" else shutil.rmtree(folder)
        shutil.copytree(run, folder)

    steps.at, steps.act = STEPS - 1, take
    with pytest.raises(
        RunError, match="was removed, renamed or replaced by another folder"
    ) as told:
        train(DATA, replace(CONFIG, seed=6), folder, str)
    assert len(str(told.value).splitlines()) == 1
    assert everything(folder) == everything(run)
    if how == "renamed":
        resume(DATA, run.parent / "renamed", str)


@pytest.mark.parametrize(
    "changes",
    [{"momentum": 2.0}, {"recipe": "x" * 41}, {"augment": 1}, {"epochs": 0}, {"lr": math.nan},
     {"seed": -1}, {"model": "large"}, {"epochs": 2.0}],
    ids=str,
)  # fmt: skip
def test_settings_that_none_can_have(changes: dict[str, Any], run: Path) -> None:
    config = replace(CONFIG, **changes)
    expect_unchanged(
        run.parent,
        next(iter(changes)),
        lambda: train(DATA, config, run, str, overwrite=True),
        SettingsError,
    )
    with pytest.raises(SettingsError):
        train(DATA, config, run.parent / "new", str)
    assert not (run.parent / "new").exists()


def test_numbers_of_numpy_are_settings(run: Path) -> None:
    numbers = {"seed": np.int64(5), "rotation": np.float32(15), "augment": np.bool_(True)}
    before = (run / "last.ckpt").read_bytes()
    train(DATA, replace(CONFIG, **numbers), run, str, overwrite=True)
    resume(DATA, run, str)
    assert (run / "last.ckpt").read_bytes() == before


@pytest.mark.parametrize("epochs", [2.5, True, 10**12])
def test_no_number_of_epochs(epochs: Any, run: Path) -> None:
    expect_unchanged(run, "epochs", lambda: resume(DATA, run, str, epochs=epochs), Exception)


def test_a_finished_run_keeps_where_it_ran(run: Path) -> None:
    facts = json.loads((run / "config.json").read_text())
    text = json.dumps({**facts, "threads": 61, "numpy": "2.0.0rc1"}, indent=2) + "\n"
    (run / "config.json").write_text(text)
    resume(DATA, run, str)
    assert (run / "config.json").read_text() == text
    (run / "config.json").write_text(json.dumps({**facts, "threads": "<b>", "numpy": -1}))
    resume(DATA, run, str)
    assert json.loads((run / "config.json").read_text()) == facts


@pytest.mark.parametrize("epochs", [None, 3])
def test_the_best_checkpoint_is_its_own(
    epochs: int | None, run: Path, kept: Path, steps: Steps
) -> None:
    best = run / "best.ckpt"
    own = best.read_bytes()

    def refused(told: str) -> None:
        expect_unchanged(run, told, lambda: resume(DATA, run, str, epochs=epochs))

    best.unlink()
    refused("best.ckpt: is not there, which epoch 1 has written")
    train(DATA, replace(CONFIG, seed=6), run.parent / "other", str)
    shutil.copy(run.parent / "other" / "best.ckpt", best)
    refused("best.ckpt: is of another training")
    shutil.copy(run / "last.ckpt", best)  # of an epoch that was not the best
    refused("best.ckpt: is of another training")
    best.write_bytes(own)
    resume(DATA, run, str, epochs=epochs)
    state = checkpoints.read(best)
    assert state["best"]["epoch"] == state["metrics"][-1]["epoch"]


def test_the_best_checkpoint_may_be_an_epoch_ahead(
    kept: Path, tmp_path: Path, steps: Steps
) -> None:
    steps.stop_at(STEPS - 1)
    train(DATA, CONFIG, tmp_path, str)
    shutil.copy(kept / "best.ckpt", tmp_path)  # as where a process was killed between the two
    resume(DATA, tmp_path, str)
    for name in ("last.ckpt", "best.ckpt"):
        assert (tmp_path / name).read_bytes() == (kept / name).read_bytes()


# --- what a checkpoint tells -----------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in its second epoch; to be copied."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        Steps(patch).stop_at(STEPS + 1)
        train(DATA, CONFIG, folder, str)
    return folder


@pytest.fixture
def stopped(stopped_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped_once, tmp_path / "stopped"))


def change(path: Path, *place: str | int, **values: Any) -> None:
    tree: Any = checkpoints.read(path)
    inner = tree
    for name in place:
        inner = inner[name]
    inner.update(values)
    checkpoints.write(path, tree)


@pytest.mark.parametrize(
    "values",
    [{"hits": 10**400}, {"hits": 10**12}, {"hits": -1}, {"hits": 2.5}, {"seen": 51},
     {"loss_sum": -1e308}, {"loss_sum": math.nan}, {"loss_sum": 10**400}, {"step": 2}],
    ids=lambda values: f"{values!r:.30}",
)  # fmt: skip
def test_progress_that_no_training_has(values: dict[str, Any], stopped: Path) -> None:
    change(stopped / "last.ckpt", "progress", **values)
    expect_unchanged(
        stopped, "does not fit this version", lambda: resume(DATA, stopped, str), Exception
    )


@pytest.mark.parametrize(
    "values",
    [{"test_loss": 10**400}, {"test_accuracy": 5.0}, {"test_accuracy": math.nan}, {"epoch": 7},
     {"train_loss": -1e300}, {"train_loss": math.inf}, {"epoch": 2}, {"epoch": None},
     {"validation_accuracy": -0.1}, {"colour": 10**400}],
    ids=lambda values: f"{values!r:.30}",
)  # fmt: skip
def test_metrics_that_no_training_has(values: dict[str, Any], stopped: Path) -> None:
    change(stopped / "last.ckpt", "metrics", 0, **values)
    for act in (lambda: load_run(stopped), lambda: load_trained(stopped / "last.ckpt"),
                lambda: resume(DATA, stopped, str)):  # fmt: skip
        expect_unchanged(stopped, "line 1 of its metrics", act, checkpoints.CheckpointError)


def test_rates_in_a_checkpoint_are_those_of_the_settings(stopped: Path, kept: Path) -> None:
    change(
        stopped / "last.ckpt",
        "optimizer",
        "param_groups",
        0,
        momentum=0.0,
        weight_decay=0.3,
        lr=9.0,
    )
    resume(DATA, stopped, str)
    assert (stopped / "last.ckpt").read_bytes() == (kept / "last.ckpt").read_bytes()


@pytest.mark.parametrize(
    ("name", "value"),
    [("0.weight", math.nan), ("5.bias", -math.inf), ("1.running_mean", math.nan),
     ("1.running_var", -1.0)],
)  # fmt: skip
def test_weights_that_no_training_leaves(name: str, value: float, run: Path) -> None:
    state = checkpoints.read(run / "last.ckpt")
    state["model"][name].flat[1] = value
    checkpoints.write(run / "last.ckpt", state)
    np.savez(run / "net.npz", **state["model"])
    for act in (lambda: load_trained(run), lambda: load_trained(run / "last.ckpt"),
                lambda: load_trained(run / "net.npz"), lambda: load_run(run),
                lambda: load_weights(loop.Training(DATA, CONFIG, run).model, run / "net.npz"),
                lambda: resume(DATA, run, str)):  # fmt: skip
        expect_unchanged(run, f"its '{name}' has NaN", act, checkpoints.CheckpointError)


def test_a_loss_of_an_evaluation_that_is_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "evaluate", lambda *args, **options: (math.inf, 0.1))
    with pytest.raises(loop.TrainingError, match="the loss after epoch 1 became inf"):
        train(DATA, CONFIG, tmp_path, str)
    assert checkpoints.read(tmp_path / "last.ckpt")["metrics"] == []


def test_what_is_unfinished_says_so_wherever_it_goes(stopped: Path, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    told = "unfinished: 1 of 2 epochs are done"
    shutil.copy(stopped / "last.ckpt", tmp_path / "copy.ckpt")
    trained = load_trained(stopped)
    save_safetensors(trained.model, tmp_path / "net.safetensors", trained.facts)
    for path in (tmp_path / "copy.ckpt", tmp_path / "net.safetensors"):
        assert load_trained(path).note == told
    for name in (".", "last.ckpt", "best.ckpt"):
        way_on = f"{told}; python train.py --resume {stopped} goes on"
        assert load_trained(stopped / name).note == way_on
    assert told in compare_runs(stopped, stopped, DATA)
    resume(DATA, stopped, str)
    for name in (".", "last.ckpt", "best.ckpt"):
        assert load_trained(stopped / name).note == ""


def test_a_checkpoint_of_a_run_knows_where_its_data_are(run: Path) -> None:
    facts = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**facts, "data_folder": "/somewhere"}))
    for name in ("last.ckpt", "best.ckpt"):
        assert load_trained(run / name).facts["data_folder"] == "/somewhere"


def test_the_newest_run_has_a_network(tmp_path: Path, kept: Path, steps: Steps) -> None:
    for number, name in enumerate(("good", "begun", "empty")):
        if name == "good":
            shutil.copytree(kept, tmp_path / name)
        else:
            steps.stop_at(1)
            train(DATA, CONFIG, tmp_path / name, str)
        os.utime(tmp_path / name / "last.ckpt", (number, number))
    assert newest_run(tmp_path).name == "good"
    (tmp_path / "good" / "last.ckpt").write_bytes(b"damaged")  # which is told
    assert newest_run(tmp_path).name == "good"


def test_times_and_facts_that_are_far_too_long(run: Path) -> None:
    with (run / "times.jsonl").open("a") as file:
        for epoch in (3, 0, -1, 10**17):
            file.write(json.dumps({"epoch": epoch, "seconds": 1e8}) + "\n")
    assert sorted(load_run(run).seconds) == [1, 2]
    facts = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**facts, "x" * 500_000: "y" * 500_000}))
    assert len(compare_runs(run, run.parent / shutil.copytree(run, run.parent / "b"), DATA)) < 5000
    many = {f"name {number}": 1 for number in range(300)}
    (run / "config.json").write_text(json.dumps({**facts, **many}))
    with pytest.raises(RunError, match="names, at most 200 expected"):
        load_run(run)


# --- signals -------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX sends signals")
def test_ctrl_c_while_all_is_imported(tmp_path: Path) -> None:
    (tmp_path / "tqdm.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    ended = subprocess.run(
        [sys.executable, program.__file__, "--epochs", "1"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (130, "train.py: interrupted\n")
