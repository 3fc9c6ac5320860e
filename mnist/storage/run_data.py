"""The data set of a run: what tells it from others, and how it is found again."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from autograd import get_num_threads
from mnist.config import KINDS, Config
from mnist.data.dataset import DRAWN, Dataset, held_out, open_dataset
from mnist.data.idx import DataError
from mnist.storage.reading import brief
from mnist.storage.runs import FORMAT, Facts, RunError
from nn import Module


def facts_of(config: Config, dataset: Dataset, model: Module) -> Facts:
    """What config.json holds: every setting by its name, and facts of the data and the network."""
    return {
        "format": FORMAT,
        **asdict(config),
        "parameters": sum(p.size for p in model.parameters()),
        **identity(dataset),
        "data_folder": None if dataset.folder is None else str(dataset.folder),
        "threads": get_num_threads(),
        "numpy": np.__version__,
    }


def identity(dataset: Dataset) -> Facts:
    """What tells one data set from another, wherever it lies."""
    return {
        "dataset": dataset.name,
        "data_seed": dataset.seed,
        "data_sha256": dataset.fingerprint,
        "train_images": len(dataset.train_images),
        "validation_images": len(dataset.validation_images),
        "test_images": len(dataset.test_images),
        "pixel_mean": dataset.mean,
        "pixel_std": dataset.std,
    }


def expect_data(facts: Facts, dataset: Dataset, place: str) -> None:
    """Raise RunError where the training that `facts` are of saw other data."""
    with suppress(DataError, TypeError):
        held = 0 if len(dataset.validation_images) else facts.get("validation", 0)
        own = identity(held_out(dataset, held))
        told = ("dataset", "data_seed")  # of these names tell where it lay
        if all(facts.get(name, own[name]) == own[name] for name in own if name not in told):
            return
    raise RunError(
        f"{place}: is of another data set: trained on {brief(facts.get('dataset'))} "
        f"({brief(facts.get('train_images'))} training images), {dataset.name} "
        f"({len(dataset.train_images)}) given; name the folder of its own with --data-dir"
    )


def data_of(
    facts: Facts, place: str, which: str = "auto", data_dir: str | Path | None = None
) -> Dataset:
    """The data set of a training, from where it was or from where the user says that it is.

    Args:
        facts: of the training.
        place: its folder or file, for messages.
        which, data_dir: as for `open_dataset`, where they are given.

    Raises RunError where another data set is found, DataError where none is.
    """
    name, folder = facts.get("dataset"), facts.get("data_folder")
    drawn = which == "drawn" or (which == "auto" and data_dir is None and name == DRAWN)
    if name is not None and drawn != (name == DRAWN):
        other = DRAWN if drawn else "files"
        raise RunError(
            f"{place}: is of another data set: trained on {brief(name)}, and is judged and trained "
            f"on nothing else; leave out what names {other}"
        )
    if drawn:
        seed = facts.get("data_seed")
        seed = facts.get("seed", 0) if seed is None else seed
        dataset = open_dataset("drawn", seed=seed if KINDS["seed"].fits(seed) else 0)
    else:
        if data_dir is None and isinstance(folder, str) and os.path.isdir(folder):
            data_dir = folder
        elif data_dir is None and folder is not None and name != "MNIST":
            raise RunError(
                f"{place}: was trained on {brief(name)}, which is not there any more; name the "
                "folder where it is with --data-dir"
            )
        dataset = open_dataset("mnist", data_dir)
    expect_data(facts, dataset, place)
    return dataset
