"""What is told of a training, in a checkpoint or beside it, read as if anybody had written it; and
its data set: what tells it from others, and how it is found again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograd import get_num_threads
from autograd.engine.tensor import Array
from mnist.config import KINDS, Config, checked, number
from mnist.data.dataset import DRAWN, Dataset, held_out, open_dataset
from mnist.data.files import shown
from mnist.data.idx import DataError
from mnist.storage import checkpoints
from mnist.storage.reading import CheckpointError, brief, parse_json, read_whole
from nn import Module

FORMAT = 2  # of a run's folder; that of 0.1 has no number
_LONGEST_TABLE = 1 << 26  # of metrics.jsonl and times.jsonl
_MOST_FACTS = 200  # names in config.json; some forty are known
# What an entry of metrics may tell, by the end of its name.
_MEASURED = {
    "loss": number("a number from 0", lambda v: 0 <= v < 1e300),
    "accuracy": number("a number from 0 to 1", lambda v: 0 <= v <= 1),
    "": number("a number", lambda v: abs(v) < 1e300),
}

Entry = dict[str, Any]
Facts = dict[str, Any]


class RunError(CheckpointError):
    """A folder is not the run that is needed, or is not free for one.

    The message is one line: the folder or file, what is wrong and what to do.
    """


@dataclass(frozen=True)
class Record:
    """What is written of a training, checked.

    Attributes:
        facts: settings, and facts of the data and the network.
        metrics: an entry an epoch.
        weights: of the network, by name.
        state: the whole of a checkpoint.
    """

    facts: Facts
    metrics: list[Entry]
    weights: dict[str, Array]
    state: Mapping[str, Any]

    @property
    def config(self) -> Config:
        """The settings. Raises SettingsError where they are none."""
        return checked(self.facts)

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return int(self.metrics[-1].get("epoch", len(self.metrics))) if self.metrics else 0


def read_checkpoint(path: Path) -> Record:
    """A training's checkpoint. Raises CheckpointError where it is none."""
    tree = checkpoints.read(path)
    parts = [tree.get(name) for name in ("model", "config", "dataset")]
    model, config, dataset = (part if isinstance(part, dict) else None for part in parts)
    if model is None or config is None or dataset is None:
        raise CheckpointError(
            f"{shown(path)}: is a checkpoint but none of a training (it has "
            f"{brief(list(tree))}); name one of a run's folder"
        )
    arrays = {name: value for name, value in model.items() if isinstance(value, np.ndarray)}
    if len(arrays) < len(model):
        raise CheckpointError(f"{shown(path)}: has weights that are no arrays; take another")
    try:
        expect_facts({**config, **dataset, "format": tree.get("format", 1)})
        metrics = _entries(tree.get("metrics", []), config)
    except ValueError as error:
        raise CheckpointError(
            f"{shown(path)}: is not of a training of this version ({error}); train anew"
        ) from error
    return Record({**config, **dataset}, metrics, arrays, tree)


def settings_of(facts: Facts, path: Path) -> Config:
    try:
        return checked(facts)
    except ValueError as error:
        raise RunError(
            f"{shown(path)}: no settings that this version knows ({error}); take a copy of it or "
            "train anew"
        ) from error


def expect_facts(facts: Mapping[str, Any]) -> None:
    """Raise ValueError where they are no numbers, texts and switches, or of a later version."""
    if len(facts) > _MOST_FACTS:
        raise ValueError(f"it has {len(facts):,} names, at most {_MOST_FACTS} expected")
    for name, value in facts.items():
        if not (value is None or isinstance(value, str | int | float)):
            raise ValueError(f"{brief(name)} is {brief(value)}")
    if not isinstance(facts.get("dataset", ""), str):
        raise ValueError(f"its dataset is {brief(facts['dataset'])}, a name expected")
    number = facts.get("format", 1)
    if type(number) is not int or not 1 <= number <= FORMAT:
        raise ValueError(
            f"its format is {brief(number)}, at most {FORMAT} expected; a newer version wrote it"
        )


def best_of(metrics: Sequence[Entry]) -> Entry:
    """The most accurate epoch on the validation split, of equals the first; epoch 0 without."""
    held = [(entry.get("validation_accuracy"), -entry["epoch"]) for entry in metrics]
    accuracy, epoch = max((one for one in held if one[0] is not None), default=(-1.0, 0))
    return {"epoch": -epoch, "accuracy": accuracy}


def read_metrics(path: Path, facts: Facts) -> list[Entry]:
    try:
        text = read_whole(path, limit=_LONGEST_TABLE)
        return _entries([parse_json(line) for line in text.splitlines()], facts)
    except ValueError as error:
        raise RunError(f"{shown(path)}: {error}; take a copy of it or train anew") from error


def _entries(given: Any, facts: Facts) -> list[Entry]:
    """An entry an epoch, of a vote one, with numbers that such measurements can have.

    Args:
        facts: of the training, which say how many epochs it has.

    Raises ValueError where it is not so.
    """
    vote, told = facts.get("members", 1) != 1, facts.get("epochs")
    most = told if type(told) is int else 1
    if not isinstance(given, list):
        raise ValueError(f"its metrics are {brief(given)}, an entry an epoch expected")
    for line, entry in enumerate(given, start=1):
        if not isinstance(entry, dict):
            raise ValueError(f"line {line} of its metrics is no object with numbers of an epoch")
        epoch = entry.get("epoch")
        if not (type(epoch) is int and 1 <= epoch <= most and line == (1 if vote else epoch)):
            raise ValueError(f"line {line} of its metrics is of epoch {brief(epoch)} of {most}")
        for name, value in entry.items():
            kind = _MEASURED.get(name.rpartition("_")[2], _MEASURED[""])
            if not (value is None or kind.fits(value)):
                raise ValueError(
                    f"line {line} of its metrics: {brief(name)} is {brief(value)}, "
                    f"{kind.expected} expected"
                )
    return given


def read_times(path: Path) -> list[Entry]:
    """The lines of times.jsonl that are such: a crash may have cut one off."""
    lines: list[Entry] = []
    with suppress(CheckpointError):  # it is only told, never needed
        for text in read_whole(path, limit=_LONGEST_TABLE).splitlines():
            with suppress(ValueError, KeyError, TypeError):
                line = parse_json(text)
                if type(line["epoch"]) is int and 0 <= line["seconds"] < 1e9:
                    lines.append(line)
    return lines


# --- the data set --------------------------------------------------------------------------------


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
        seed = next((facts[n] for n in ("data_seed", "seed") if facts.get(n) is not None), 0)
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
