"""Folders that are no runs, damaged, unfinished or on other data: one clear line, and no report."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.layers.rank_trainings import digits, listing
from support.programs.run_folders import store, store_of_0_1, write_lines

from mnist.data import Dataset
from mnist.data.files import LockedError, alone_in
from mnist.models import MODELS, Vote
from mnist.results import compare_runs, load_run, write_report
from mnist.storage.checkpoints import CheckpointError
from mnist.storage.runs import RunError
from nn import Module

Store = Callable[..., Path]
both = pytest.mark.parametrize("kept", [store, store_of_0_1])


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return digits(200)


@pytest.fixture(scope="module")
def model() -> Module:
    return MODELS["basic"](np.random.default_rng(1)).eval()


@pytest.fixture
def run(tmp_path: Path, dataset: Dataset, model: Module) -> Path:
    return store(tmp_path / "run", dataset, model)


def expect_refused(folder: Path, dataset: Dataset, told: str) -> None:
    """In a line that names it, with all files as they were."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for act in (
        lambda: write_report(folder, dataset, lambda line: None),
        lambda: compare_runs(folder, folder, dataset),
    ):
        with pytest.raises(CheckpointError, match=re.escape(told)) as caught:
            act()
        assert len(str(caught.value).splitlines()) == 1
        assert str(folder) in str(caught.value)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


SETTINGS = [
    ("config.json", b"{", "config.json: not the facts of a training (its JSON is broken"),
    ("config.json", b"[]", "config.json: not the facts of a training ([], an object expected)"),
    ("config.json", b"{}", "config.json: no settings that this version knows (no model)"),
    ("config.json", b"\xff\xfe\x00", "config.json: not the facts of a training (its JSON is not"),
    ("config.json", b"[" * 100_000, "config.json: not the facts of a training (its JSON is nested"),
    ("config.json", bytes(1 << 21), "config.json: holds 2,097,152 bytes where at most 1,048,576"),
]
NO_RUN = "holds no run (config.json is not there)"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        *SETTINGS,
        ("config.json", None, NO_RUN),
        ("metrics.jsonl", None, "metrics.jsonl: no such file"),
        ("metrics.jsonl", b'{"epoch": 1}\n{"epo', "metrics.jsonl: its JSON is broken"),
        ("metrics.jsonl", b"3\n", "metrics.jsonl: line 1 of its metrics is no object"),
        (
            "metrics.jsonl",
            b'{"epoch": 1, "test_loss": "<b>"}\n',
            "'test_loss' is '<b>', a number from 0 expected",
        ),
        ("metrics.jsonl", b'{"epoch": 0}\n', "line 1 of its metrics is of epoch 0 of 2"),
        ("metrics.jsonl", b'{"test_loss": NaN}\n', "metrics.jsonl: its JSON has NaN for a number"),
        ("model.npz", None, "holds no trained network"),
        ("model.npz", b"PK\x03\x04 and no more", "model.npz: "),
    ],
)
def test_damage_to_a_run_of_0_1(
    name: str, content: bytes | None, told: str, tmp_path: Path, dataset: Dataset, model: Module
) -> None:
    run = store_of_0_1(tmp_path / "run", dataset, model)
    damage(run / name, content)
    expect_refused(run, dataset, told)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        *SETTINGS,
        ("last.ckpt", None, "holds no trained network, as no epoch of its training is over"),
        ("last.ckpt", b"", "last.ckpt: is empty and is no checkpoint"),
        ("last.ckpt", b"PULLBACK", "last.ckpt: is damaged or cut short"),
        ("last.ckpt", b"PULLBACK" + bytes(80), "last.ckpt: is damaged or cut short"),
    ],
)
def test_damage_to_a_run(
    name: str, content: bytes | None, told: str, run: Path, dataset: Dataset
) -> None:
    damage(run / name, content)
    expect_refused(run, dataset, told)


def damage(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "times.jsonl"])
def test_what_only_repeats_the_checkpoint_is_not_needed(
    name: str, run: Path, dataset: Dataset, model: Module
) -> None:
    (run / name).unlink()
    found = load_run(run)
    assert [one["test_accuracy"] for one in found.metrics] == [0.7, 0.8125]
    assert (found.facts["model"], found.trained.mean, found.trained.std) == (
        "basic",
        dataset.mean,
        dataset.std,
    )
    assert found.predict(dataset).hits > 0


@both
@pytest.mark.parametrize("epoch", [10**400, -1, 2.5, True, "x", None])
def test_settings_that_none_can_have(
    kept: Store, epoch: object, tmp_path: Path, dataset: Dataset, model: Module
) -> None:
    run = kept(tmp_path / "run", dataset, model)
    facts = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**facts, "epochs": epoch}))
    expect_refused(run, dataset, "config.json: ")


def test_a_run_of_a_newer_version(tmp_path: Path, dataset: Dataset, model: Module) -> None:
    run = store(tmp_path / "run", dataset, model)
    facts = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**facts, "format": 3}))
    expect_refused(run, dataset, "its format is 3, at most 2 expected; a newer version wrote it")


def test_settings_of_one_training_and_weights_of_another(
    run: Path, tmp_path: Path, dataset: Dataset, model: Module
) -> None:
    other = store(tmp_path / "other", dataset, model, lr=0.07)
    shutil.copy(other / "last.ckpt", run / "last.ckpt")
    expect_refused(run, dataset, "config.json has lr 0.05, last.ckpt 0.07; they are of two")


@both
def test_no_epoch_is_over(kept: Store, tmp_path: Path, dataset: Dataset, model: Module) -> None:
    run = kept(tmp_path / "run", dataset, model, metrics=())
    expect_refused(
        run,
        dataset,
        "holds no trained network, as no epoch of its training is over; "
        f"python train.py --resume {run} goes on with it",
    )


@both
def test_a_dry_run(kept: Store, tmp_path: Path, dataset: Dataset, model: Module) -> None:
    run = kept(tmp_path / "run", dataset, model, dry_run=True)
    expect_refused(run, dataset, f"{run}: is a dry run, whose network has learned nothing; train")


def one_pixel(dataset: Dataset) -> Dataset:
    images = dataset.test_images.copy()
    images[7, 3, 5] ^= 1
    return replace(dataset, test_images=images)


def test_a_run_on_other_data(run: Path, dataset: Dataset) -> None:
    for other in (digits(201), one_pixel(dataset)):
        expect_refused(run, other, f"{run}: is of another data set: trained on 'drawn digits'")


def test_a_run_of_0_1_on_other_data(tmp_path: Path, dataset: Dataset, model: Module) -> None:
    """It is known by the number of its training images, their mean and their deviation."""
    run = store_of_0_1(tmp_path / "run", dataset, model)
    assert load_run(run).predict(one_pixel(dataset)).hits > 0
    expect_refused(run, digits(201), "is of another data set")
    for name in ("train_images", "pixel_mean", "pixel_std"):
        facts = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps({**facts, name: 1.01 * facts[name]}))
        expect_refused(run, dataset, "is of another data set")
        (run / "config.json").write_text(json.dumps(facts))


def test_no_folder(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(RunError, match=r"nowhere: no such folder; name a folder that"):
        write_report(tmp_path / "nowhere", dataset)
    assert listing(tmp_path) == []
    (tmp_path / "file").touch()
    for act in (write_report, lambda folder, dataset: compare_runs(folder, tmp_path, dataset)):
        with pytest.raises(RunError, match="file: is a file, not the folder of a run"):
            act(tmp_path / "file", dataset)
    (tmp_path / "empty").mkdir()
    expect_refused(tmp_path / "empty", dataset, NO_RUN)


def test_weights_that_are_no_numbers_are_named(
    tmp_path: Path, dataset: Dataset, model: Module
) -> None:
    spoilt = MODELS["basic"](np.random.default_rng(1)).eval()
    *_, bias = spoilt.parameters()
    bias.data = np.full_like(bias.data, np.nan)
    for kept in (store, store_of_0_1):
        expect_refused(
            kept(tmp_path / kept.__name__, dataset, spoilt),
            dataset,
            "its '5.bias' has NaN, infinities or a negative variance",
        )


def test_a_folder_that_takes_no_file(
    run: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", "matplotlib.figure"):  # faster
        monkeypatch.setitem(sys.modules, name, None)
    (run / "report.html").mkdir()
    with pytest.raises(RunError, match=r"report\.html: cannot be written"):
        write_report(run, dataset, lambda line: None)


def test_a_run_that_is_written_at_the_moment(run: Path, dataset: Dataset) -> None:
    before = listing(run)
    with alone_in(run, wait=False), pytest.raises(LockedError, match="another process is at work"):
        write_report(run, dataset)
    assert listing(run) == before


def test_a_member_without_an_epoch(tmp_path: Path, dataset: Dataset, model: Module) -> None:
    last = {"epoch": 2, "test_loss": 0.4, "test_accuracy": 0.9}
    vote = store(tmp_path / "vote", dataset, Vote([model, model]).eval(), [last], members=2)
    store(vote / "member-1", dataset, model, metrics=())
    store(vote / "member-2", dataset, model)
    assert list(load_run(vote).members) == [2]
    write_lines(vote / "metrics.jsonl", [])  # which is only repeated of the checkpoint
    shutil.rmtree(vote / "member-1")
    assert load_run(vote).metrics == [last]
