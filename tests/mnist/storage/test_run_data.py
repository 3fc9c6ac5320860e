"""The data set of a run is told from others, and found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import digits
from support.programs.idx_files import write_digits
from support.programs.run_folders import store_of_0_1

from mnist.config import Config
from mnist.data import DataError, Dataset, open_dataset
from mnist.data.dataset import held_out
from mnist.models import MODELS
from mnist.storage.records import data_of, expect_data, facts_of
from mnist.storage.runs import Facts, RunError, read_run
from mnist.training import resume, train

CONFIG = Config(epochs=1, batch_size=50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "digits").mkdir()
    return write_digits(tmp_path / "digits", train=200, test=60)


def facts_on(dataset: Dataset, **settings: Any) -> Facts:
    return facts_of(replace(CONFIG, **settings), dataset, MODELS["basic"](None))


def expect_other(facts: Facts, dataset: Dataset) -> None:
    with pytest.raises(RunError, match="run: is of another data set: trained on 'drawn digits'"):
        expect_data(facts, dataset, "run")


def changed(dataset: Dataset, name: str) -> Dataset:
    """One number of an array differs."""
    array = getattr(dataset, name).copy()
    array.reshape(-1)[-1] ^= 1
    return replace(dataset, **{name: array})


PARTS = ("train_images", "train_labels", "test_images", "test_labels")


@pytest.mark.parametrize("name", PARTS)
def test_one_pixel_or_label_makes_another_data_set(name: str) -> None:
    dataset = digits(200)
    other = changed(dataset, name)
    assert other.fingerprint != dataset.fingerprint
    expect_other(facts_on(dataset), other)
    expect_data(facts_on(dataset), replace(dataset, name="the same elsewhere"), "run")


def test_labels_and_order_count() -> None:
    dataset = digits(200)
    for name in PARTS:
        turned = replace(dataset, **{name: getattr(dataset, name)[::-1].copy()})
        assert turned.fingerprint != dataset.fingerprint
    swapped = replace(dataset, test_images=dataset.train_images, test_labels=dataset.train_labels)
    assert swapped.fingerprint != dataset.fingerprint


def test_what_is_held_out_makes_no_other_data_set() -> None:
    dataset = digits(200)
    assert held_out(dataset, 40).fingerprint == dataset.fingerprint
    facts = facts_on(held_out(dataset, 40), validation=40)
    expect_data(facts, dataset, "run")
    expect_data(facts, held_out(dataset, 40), "run")
    expect_other(facts, digits(201))


@pytest.mark.parametrize("validation", [0, 40])
def test_runs_of_0_1_know_mean_and_deviation(validation: int) -> None:
    dataset = digits(200)
    facts = facts_on(held_out(dataset, validation), validation=validation)
    for name in ("data_sha256", "data_seed", "data_folder", "format"):
        del facts[name]
    expect_data(facts, dataset, "run")
    expect_data(facts, held_out(dataset, validation), "run")
    expect_data(facts, changed(dataset, "test_labels"), "run")  # which they cannot know
    expect_other(facts, digits(201))
    images = dataset.train_images.copy()
    images[0, 0, 0] ^= 1
    expect_other(facts, replace(dataset, train_images=images))
    expect_other({**facts, "validation": 10**6}, dataset)


# --- found again ---------------------------------------------------------------------------------


def test_it_is_where_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = facts_on(open_dataset("mnist", folder))
    assert facts["data_folder"] == str(folder)
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("MNIST_DIR", str(write_digits(tmp_path / "other", seed=9)))
    assert data_of(facts, "run").name == f"IDX files in {folder}"


def test_it_has_moved(folder: Path, tmp_path: Path) -> None:
    facts = facts_on(open_dataset("mnist", folder))
    moved = folder.rename(tmp_path / "moved")
    told = "^run: was trained on .*, which is not there any more; name .* with --data-dir$"
    with pytest.raises(RunError, match=told):
        data_of(facts, "run")
    assert data_of(facts, "run", data_dir=moved).folder == moved
    assert data_of(facts, "run", "mnist", str(moved)).folder == moved
    with pytest.raises(RunError, match="is of another data set"):
        data_of(facts, "run", "drawn")
    with pytest.raises(DataError, match="nowhere: no such folder"):
        data_of(facts, "run", data_dir=tmp_path / "nowhere")


def test_it_has_changed(folder: Path, tmp_path: Path) -> None:
    facts = facts_on(open_dataset("mnist", folder))
    path = folder / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="run: is of another data set: trained on 'IDX files in"):
        data_of(facts, "run")
    path.unlink()
    with pytest.raises(DataError, match="lacks t10k-images-idx3-ubyte"):
        data_of(facts, "run")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """So few digits are drawn that it takes no time; the seeds that they are drawn from."""
    seeds: list[int] = []

    def load(seed: int) -> Any:
        seeds.append(seed)
        rng = np.random.default_rng(seed)
        images = [rng.integers(256, size=(n, 28, 28), dtype=np.uint8) for n in (20, 10)]
        return tuple((part, np.zeros(len(part), np.uint8)) for part in images)

    monkeypatch.setattr("mnist.data.drawn.load", load)
    return seeds


def test_drawn_digits_are_drawn_again(few: list[int]) -> None:
    dataset = open_dataset("drawn", seed=7)
    facts = facts_on(dataset, seed=7)
    assert (facts["data_seed"], facts["data_folder"]) == (7, None)
    assert data_of(facts, "run").fingerprint == dataset.fingerprint
    del facts["data_seed"]  # as in 0.1: that of the training
    data_of(facts, "run", "drawn")
    assert few == [7, 7, 7]
    with pytest.raises(RunError, match="is of another data set"):
        data_of({**facts, "data_seed": 8}, "run")


@pytest.mark.parametrize("seed", [10**400, -1, "x", True, 2.5])
def test_seeds_that_none_can_be(seed: object, few: list[int]) -> None:
    facts = facts_on(open_dataset("drawn", seed=0))
    assert data_of({**facts, "data_seed": seed}, "run").seed == 0


# --- with trainings ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PARTS)
def test_a_training_does_not_go_on_with_other_data(name: str, tmp_path: Path) -> None:
    train(digits(200), CONFIG, tmp_path, str)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for epochs in (None, 2):
        with pytest.raises(RunError, match="is of another data set"):
            resume(changed(digits(200), name), tmp_path, str, epochs=epochs)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_run_of_0_1_finds_its_data_by_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells no folder: it is looked for where a new training would."""
    dataset = open_dataset("mnist", folder)
    run = store_of_0_1(tmp_path / "run", dataset, MODELS["basic"](np.random.default_rng(0)))

    facts = read_run(run).facts
    monkeypatch.setenv("MNIST_DIR", str(folder))
    assert data_of(facts, "run").fingerprint == dataset.fingerprint
    monkeypatch.delenv("MNIST_DIR")
    assert data_of(facts, "run", data_dir=folder).fingerprint == dataset.fingerprint
