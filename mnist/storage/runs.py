"""Runs: what a training is called, where it stands, and the files of it, all in one folder.

config.json    every setting, and facts of the data and the network; there before the first step
last.ckpt      the state: weights, metrics, and all from which the training goes on
best.ckpt      the state after the epoch that was best on the validation split, if there is one
metrics.jsonl  a line an epoch: losses and accuracies
times.jsonl    a line an epoch: seconds; apart, since all else is the same for the same seed
report.html    and pictures, of the network at the end

The settings and the fingerprint of the data tell one run from another: config.json and checkpoints
have both, and what does not agree is refused. Whatever is told of a run is read from last.ckpt,
which is replaced whole; the other files repeat it for people and other programs. Runs of 0.1 have
their weights in model.npz too, and no fingerprint.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from autograd.engine.tensor import Array
from mnist.config import Config, checked
from mnist.data.files import alone_in, replacing, shown
from mnist.storage import checkpoints
from mnist.storage.npz import read_npz
from mnist.storage.reading import CheckpointError, brief, parse_json, read_whole

FORMAT = 2  # of a run's folder; that of 0.1 has no number
REPORT = (
    "report.html",
    *(f"{name}.png" for name in ("curves", "confusion", "worst", "filters", "saliency")),
    "calibration.png",
)
_OWN = ("config.json", "last.ckpt", "best.ckpt", "metrics.jsonl", "times.jsonl", "model.npz")
_MEMBER = re.compile(r"member-[1-9]\d{0,3}")
_PART = re.compile(rf"({'|'.join(map(re.escape, (*_OWN, *REPORT)))})\.\d+\.part")
_LONGEST = 1 << 20  # bytes of config.json
_LONGEST_TABLE = 1 << 26  # of metrics.jsonl and times.jsonl

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
        """The settings. Raises ValueError where they are none."""
        return checked(self.facts)

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return int(self.metrics[-1].get("epoch", len(self.metrics))) if self.metrics else 0


class RunFolder:
    """The files of a run: each is written whole or not at all.

    Args:
        writes: False for all but one of several processes; what is to be written is passed over.
    """

    def __init__(self, folder: str | Path, writes: bool = True) -> None:
        self.folder, self.writes = Path(folder), writes
        self.config, self.last, self.best, self.metrics, self.times, self.weights = (
            self.folder / name for name in _OWN
        )

    def __str__(self) -> str:
        return shown(self.folder)

    def names(self) -> list[str]:
        """Those of its files that there are."""
        return [name for name in (*_OWN, *REPORT) if os.path.lexists(self.folder / name)]

    # --- whose it is -------------------------------------------------------------------------

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within it no other process writes into the folder, which is made if need be.

        Entering raises LockedError, an OSError, where one does.
        """
        if not self.writes:
            yield
            return
        with alone_in(self.folder, wait=False):
            for path in self.folder.iterdir():
                if _PART.fullmatch(path.name):  # what a killed process left half written
                    path.unlink(missing_ok=True)
            yield

    def expect_free(self, overwrite: bool = False) -> list[str]:
        """The names of a run that is to be overwritten here, if any.

        Raises RunError where a new training would lose something else.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise RunError(f"{self}: is a file; name a folder")
        found = self.names()
        if found and not self._is_run():
            raise RunError(
                f"{self}: holds {found[0]}, which no training wrote; name another folder"
            )
        if found and not overwrite:
            raise RunError(
                f"{self}: holds a run already; name another folder with --out, go on with "
                f"--resume {self}, or remove its files with --overwrite"
            )
        return found

    def claim(self, overwrite: bool = False) -> None:
        """Make room for a new training; of a run that is to be overwritten, its own files are
        removed, and nothing else. Raises RunError where something else would be lost.
        """
        if self.expect_free(overwrite):
            members = [RunFolder(at) for at in self.folder.iterdir() if _MEMBER.fullmatch(at.name)]
            members = [member for member in members if member._is_run()]
            with ExitStack() as locks:
                for member in members:  # all of them before anything is removed
                    locks.enter_context(member.locked())
                for member in members:
                    member.claim(overwrite)
                    with suppress(OSError):
                        member.folder.rmdir()  # if it held nothing else
        self._remove((*REPORT, *_OWN[::-1]))  # that which tells whose they are last

    def is_dry(self) -> bool:
        """Whether it is a dry run's, as far as can be told."""
        with suppress(CheckpointError):
            return self.facts().get("dry_run") is True
        return False

    def _is_run(self) -> bool:
        if any(checkpoints.is_one(path) for path in (self.last, self.best)):
            return True
        with suppress(CheckpointError):
            return {"model", "epochs", "seed"} <= self.facts().keys()
        return False

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            if os.path.lexists(self.folder / name):
                (self.folder / name).unlink()

    # --- writing -----------------------------------------------------------------------------

    def begin(
        self, facts: Facts, metrics: Sequence[Entry], step: int = 0, *, finished: bool = False
    ) -> None:
        """Write what is known before a step, the `step`-th of the epoch after those of `metrics`.

        Unless the training is `finished`, a report that there may be is of another moment, and
        removed, as are the weights of 0.1.
        """
        if not self.writes:
            return
        if not finished:
            self._remove((*REPORT, self.weights.name))
        self._write(self.config, json.dumps(facts, indent=2) + "\n")
        self.write_metrics(metrics)
        done = len(metrics)
        lines = [
            line
            for line in _times(self.times)
            if line["epoch"] <= done or (line["epoch"] == done + 1 and line.get("step") == step)
        ]
        if lines or self.times.exists():
            self._write(self.times, _lines(lines))

    def write_metrics(self, metrics: Sequence[Entry]) -> None:
        if self.writes:
            self._write(self.metrics, _lines(metrics))

    def note_time(self, epoch: int, seconds: float, step: int | None = None) -> None:
        """How long an epoch took, up to a step or all of it."""
        if self.writes:
            line = {"epoch": epoch, "seconds": round(seconds, 3)}
            line |= {} if step is None else {"step": step}
            self._write(self.times, _lines([*_times(self.times), line]))

    def write_state(self, path: Path, state: Mapping[str, Any]) -> None:
        """Write a checkpoint."""
        if self.writes:
            checkpoints.write(path, {"format": FORMAT, **state})

    def _write(self, path: Path, text: str) -> None:
        with replacing(path) as file:
            file.write(text.encode())

    # --- reading -----------------------------------------------------------------------------

    def facts(self) -> Facts:
        """What config.json holds: numbers, texts and switches by name. Raises RunError."""
        try:
            facts = parse_json(read_whole(self.config, limit=_LONGEST))
            if not isinstance(facts, dict):
                raise ValueError(f"{brief(facts)}, an object expected")
            _expect_facts(facts)
        except ValueError as error:
            raise RunError(
                f"{shown(self.config)}: not the facts of a training ({error}); take a copy of it "
                "or train anew"
            ) from error
        return facts

    def standing(self) -> tuple[Config, Facts, Record | None]:
        """The settings and facts of a run, and where it stands if a checkpoint tells.

        Raises RunError where there is no run, or config.json and last.ckpt are of two.
        """
        if not self.folder.is_dir():
            what = (
                "is a file, not the folder of a run" if self.folder.exists() else "no such folder"
            )
            raise RunError(f"{self}: {what}; name a folder that train.py has written")
        record = read_checkpoint(self.last) if os.path.lexists(self.last) else None
        if not os.path.lexists(self.config):
            if record is None:
                raise RunError(
                    f"{self}: holds no run (config.json is not there); name a folder that "
                    "train.py has written"
                )
            return _settings(record.facts, self.last), record.facts, record
        facts = self.facts()
        config = _settings(facts, self.config)
        if record is not None:
            config = self._agreed(config, facts, record)
            facts = {**facts, **record.facts, **asdict(config)}
        return config, facts, record

    def _agreed(self, config: Config, facts: Facts, record: Record) -> Config:
        """The settings, where all that both tell is the same."""
        saved = _settings(record.facts, self.last)
        # A training that goes further may have been killed when only one of them told so.
        if config.epochs == saved.earlier_epochs:
            config = replace(config, epochs=saved.epochs, earlier_epochs=saved.earlier_epochs)
        elif saved.epochs == config.earlier_epochs == record.epochs:
            saved = replace(saved, epochs=config.epochs, earlier_epochs=config.earlier_epochs)
        given = {**facts, **asdict(config)}
        for name, used in {**record.facts, **asdict(saved)}.items():
            told = given.get(name, used)
            if told != used and name != "dataset":  # whose name may tell where it lay
                raise RunError(
                    f"{self}: config.json has {name} {told!r:.40}, last.ckpt {used!r:.40}; they "
                    "are of two trainings, or config.json was changed: put the right one there"
                )
        return saved

    def seconds(self) -> dict[int, float]:
        """Of each epoch that is over, by its number; of one that was measured twice, the later."""
        return {line["epoch"]: line["seconds"] for line in _times(self.times) if "step" not in line}

    def spent(self, epoch: int, step: int) -> float:
        """Seconds that an epoch had taken up to a step."""
        return next(
            (
                line["seconds"]
                for line in reversed(_times(self.times))
                if (line["epoch"], line.get("step")) == (epoch, step)
            ),
            0.0,
        )


def read_run(folder: str | Path, *, dry: bool = False) -> Record:
    """A run with a trained network.

    Raises:
        RunError: there is none, or it is a dry run's, unless `dry`, or no epoch is over.
        CheckpointError: one of its files is damaged.
    """
    files = RunFolder(folder)
    _, facts, record = files.standing()
    if record is None and os.path.lexists(files.weights):  # of 0.1, which saved votes so
        record = Record(facts, _metrics(files.metrics), read_npz(files.weights), {})
    if facts.get("dry_run") and not dry:
        raise RunError(f"{files}: is a dry run, whose network has learned nothing; train one")
    if record is None or not record.metrics:
        raise RunError(
            f"{files}: holds no trained network, as no epoch of its training is over; "
            f"python train.py --resume {files} goes on with it"
        )
    return replace(record, facts=facts)


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
        _expect_facts({**config, **dataset, "format": tree.get("format", 1)})
        metrics = _entries(tree.get("metrics", []))
    except ValueError as error:
        raise CheckpointError(
            f"{shown(path)}: is not of a training of this version ({error}); train anew"
        ) from error
    return Record({**config, **dataset}, metrics, arrays, tree)


def _settings(facts: Facts, path: Path) -> Config:
    try:
        return checked(facts)
    except ValueError as error:
        raise RunError(
            f"{shown(path)}: no settings that this version knows ({error}); take a copy of it or "
            "train anew"
        ) from error


def _expect_facts(facts: Mapping[str, Any]) -> None:
    """Raise ValueError where they are no numbers, texts and switches, or of a later version."""
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


def _metrics(path: Path) -> list[Entry]:
    try:
        text = read_whole(path, limit=_LONGEST_TABLE)
        return _entries([parse_json(line) for line in text.splitlines()])
    except ValueError as error:
        raise RunError(f"{shown(path)}: {error}; take a copy of it or train anew") from error


def _entries(given: Any) -> list[Entry]:
    """An entry an epoch, with numbers. Raises ValueError where it is not so."""
    if not isinstance(given, list):
        raise ValueError(f"its metrics are {brief(given)}, an entry an epoch expected")
    for number, entry in enumerate(given, start=1):
        if not isinstance(entry, dict):
            raise ValueError(f"line {number} of its metrics is no object with numbers of an epoch")
        for name, value in entry.items():
            whole = name != "epoch" or (type(value) is int and 0 < value < 10**9)
            if not (value is None or type(value) in (int, float)) or not whole:
                raise ValueError(
                    f"line {number} of its metrics: {brief(name)} is {brief(value)}, "
                    "a number expected"
                )
    return given


def _times(path: Path) -> list[Entry]:
    """The lines of times.jsonl that are such: a crash may have cut one off."""
    lines: list[Entry] = []
    with suppress(CheckpointError):  # it is only told, never needed
        for text in read_whole(path, limit=_LONGEST_TABLE).splitlines():
            with suppress(ValueError, KeyError, TypeError):
                line = parse_json(text)
                if type(line["epoch"]) is int and 0 <= line["seconds"] < 1e9:
                    lines.append(line)
    return lines


def _lines(entries: Sequence[Entry]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)
