"""A run as its folder tells of it, checked: foreign or damaged files end in one clear line."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist.data.dataset import Dataset
from mnist.models import Vote, described
from mnist.results.notebook import run_html
from mnist.results.predictions import Predictions, predict
from mnist.results.wording import plain
from mnist.storage.weights import load_trained
from nn import Module

Entry = dict[str, Any]


class ReportError(RuntimeError):
    """A run's folder that cannot be reported on, or written to; says which file and what to do."""


@dataclass(frozen=True)
class StoredRun:
    """What a run's folder holds.

    Attributes:
        facts: config.json.
        metrics: metrics.jsonl, an entry an epoch.
        members: of a vote, the last entry of each member that has its folder, by its number.
        seconds: of each epoch, by its number; empty where times.jsonl is not there.
        model: the network in evaluation mode, which expects pixels normalised by mean and std.
    """

    folder: Path
    facts: dict[str, Any]
    metrics: list[Entry]
    members: dict[int, Entry]
    seconds: dict[int, float]
    model: Module
    mean: float
    std: float

    def _repr_html_(self) -> str:
        return run_html(self.facts, self.metrics, self.folder)

    @property
    def network(self) -> str:
        """What the network is, in words; text of the files, not escaped."""
        return described(self.model, plain(self.facts["model"]))

    def predict(self, dataset: Dataset) -> Predictions:
        """What the network says of each test digit.

        Raises ReportError where its scores are no finite numbers.
        """
        found = predict(
            self.model, dataset.test_images, dataset.test_labels, mean=self.mean, std=self.std
        )
        if not math.isfinite(found.loss):
            raise ReportError(
                f"{self.folder}: the network's scores are no finite numbers, as after a training "
                "that diverged; train again with a smaller --lr"
            )
        return found


def load_run(folder: Path) -> StoredRun:
    """Read config.json, metrics.jsonl, times.jsonl and the weights in a run's folder.

    Raises ReportError where one of them is missing (but for times.jsonl) or is not what a
    training writes.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file, not the folder of a run" if folder.exists() else "no such folder"
        raise ReportError(f"{folder}: {what}; name a folder that train.py has written")
    facts = _read_facts(folder / "config.json")
    metrics = _read_metrics(folder / "metrics.jsonl")
    try:
        trained = load_trained(folder)
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        raise ReportError(str(error)) from error
    seconds = _read_seconds(folder / "times.jsonl")
    return StoredRun(
        folder,
        facts,
        metrics,
        _read_members(folder, trained.model),
        seconds,
        trained.model,
        trained.mean,
        trained.std,
    )


def _read_facts(path: Path) -> dict[str, Any]:
    facts = _parsed(path, _text(path))
    if not isinstance(facts, dict) or not {"model", "dataset"} <= set(facts):
        raise _wrong(path, "not the settings of a run: an object with model and dataset expected")
    return facts


def _read_metrics(path: Path) -> list[Entry]:
    entries = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        entry = _parsed(path, line, f", line {number}")
        if not isinstance(entry, dict):
            raise _wrong(path, f"line {number} is no object with the numbers of an epoch")
        for name, value in entry.items():
            if not (value is None or isinstance(value, int | float)):
                raise _wrong(path, f"line {number}: {name} is {value!r:.60}, a number expected")
        entries.append(entry)
    return entries


def _read_members(folder: Path, model: Module) -> dict[int, Entry]:
    last: dict[int, Entry] = {}
    if not isinstance(model, Vote):
        return last
    for number in range(1, 1 + len(model.members)):
        path = folder / f"member-{number}" / "metrics.jsonl"
        entries = _read_metrics(path) if path.exists() else []
        if entries:
            last[number] = entries[-1]
    return last


def _read_seconds(path: Path) -> dict[int, float]:
    """Of an epoch that was measured twice, the later; a line cut off by a crash is left out."""
    seconds: dict[int, float] = {}
    if not path.exists():
        return seconds
    for line in _text(path).splitlines():
        with suppress(ValueError, TypeError, KeyError):
            entry = json.loads(line)
            seconds[int(entry["epoch"])] = float(entry["seconds"])
    return seconds


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _wrong(path, f"not text (byte {error.start})") from error
    except FileNotFoundError as error:
        raise _wrong(path, "not there") from error
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({error.strerror})") from error


def _parsed(path: Path, text: str, place: str = "") -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"not JSON{place} ({error})") from error


def _wrong(path: Path, what: str) -> ReportError:
    return ReportError(f"{path}: {what}; name a folder that train.py has written, or train again")
