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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mnist.config import Config, SettingsError
from mnist.data.files import alone_in, replacing, shown, write_whole
from mnist.storage import checkpoints
from mnist.storage.npz import read_npz
from mnist.storage.reading import CheckpointError, brief, parse_json, read_whole
from mnist.storage.records import (
    FORMAT,
    Entry,
    Facts,
    Record,
    best_of,
    expect_facts,
    read_checkpoint,
    read_metrics,
    read_times,
    settings_of,
)
from mnist.storage.records import (
    RunError as RunError,
)

REPORT = (
    "report.html",
    *(f"{name}.png" for name in ("curves", "confusion", "worst", "filters", "saliency")),
    "calibration.png",
)
_OWN = ("config.json", "last.ckpt", "best.ckpt", "metrics.jsonl", "times.jsonl", "model.npz")
_PART = re.compile(rf"({'|'.join(map(re.escape, (*_OWN, *REPORT)))})\.\d+\.part")
_LONGEST = 1 << 20  # bytes of config.json
# Facts of where a training ran, which those who only look at it later do not change.
_OF_MACHINE: dict[str, Callable[[Any], bool]] = {
    "threads": lambda v: type(v) is int and 0 < v < 10**6,
    "numpy": lambda v: isinstance(v, str) and bool(re.fullmatch(r"\d[\w.+-]{0,40}", v)),
}


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
        self._in_place: Callable[[], bool] = lambda: True

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
        with alone_in(self.folder, wait=False) as self._in_place:
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
        if found and not self.is_run():
            raise RunError(
                f"{self}: holds {found[0]}, which no training wrote; name another folder"
            )
        if found and not overwrite:
            raise RunError(
                f"{self}: holds a run already; name another folder with --out, go on with "
                f"--resume {self}, or remove its files with --overwrite"
            )
        return found

    def claim(self, overwrite: bool = False, members: int = 1) -> None:
        """Make room for a new training, of so many networks; of a run that is to be overwritten,
        its own files are removed, and nothing else. Raises RunError where something else would be
        lost.
        """
        old = self._own_members() if self.expect_free(overwrite) else []
        own = {place.folder for place in old}
        for place in self.members(members):
            if place.folder not in own and place.expect_free(overwrite=True):
                raise RunError(
                    f"{place}: holds a run that is not of this ensemble; move it away, or name "
                    "another folder with --out"
                )
        with ExitStack() as locks:
            for place in old:  # all of them before anything is removed
                locks.enter_context(place.locked())
            for place in old:
                place.claim(overwrite)
                with suppress(OSError):
                    place.folder.rmdir()  # if it held nothing else
        self._remove((*REPORT, *_OWN[::-1]))  # that which tells whose they are last

    def members(self, count: int) -> list[RunFolder]:
        """The folders of an ensemble's networks; of one network alone none."""
        names = [f"member-{number}" for number in range(1, 1 + count) if count > 1]
        return [RunFolder(self.folder / name, self.writes) for name in names]

    def _own_members(self) -> list[RunFolder]:
        """Where an ensemble's networks are, as far as they are its own and no links."""
        own = []
        with suppress(CheckpointError, SettingsError):
            config = self.standing()[0]
            for number, place in enumerate(self.members(config.members), start=1):
                with suppress(CheckpointError):
                    if not place.folder.is_symlink():
                        place.standing_of(config.of_member(number))
                        own.append(place)
        return own

    def is_dry(self) -> bool:
        """Whether it is a dry run's, as far as can be told."""
        return self._told().get("dry_run") is True

    def is_untrained(self) -> bool:
        """Whether no epoch is over, as far as metrics.jsonl tells."""
        return self.metrics.exists() and not self.metrics.stat().st_size

    def is_run(self) -> bool:
        """Whether a training has written here."""
        return any(checkpoints.is_one(path) for path in (self.last, self.best)) or (
            {"model", "epochs", "seed"} <= self._told().keys()
        )

    def _told(self) -> Facts:
        """What config.json holds, if it can be read."""
        with suppress(CheckpointError):
            return self.facts()
        return {}

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            if os.path.lexists(self.folder / name):
                self._expect_in_place()
                (self.folder / name).unlink()

    def _expect_in_place(self) -> None:
        """Raise RunError where what has the folder's name is not what this process has locked."""
        if not self._in_place():
            raise RunError(
                f"{self}: was removed, renamed or replaced by another folder meanwhile, and nothing"
                " more is written there; go on with --resume where it is now, or train anew"
            )

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
        told = self._told() if finished else {}
        if not finished:
            self._remove((*REPORT, self.weights.name))
        facts |= {name: told[name] for name, fits in _OF_MACHINE.items() if fits(told.get(name))}
        self._write(self.config, json.dumps(facts, indent=2) + "\n")
        self.write_metrics(metrics)
        done = len(metrics)
        lines = [
            line
            for line in read_times(self.times)
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
            within = {} if step is None else {"step": step}
            line = {"epoch": epoch, "seconds": round(seconds, 3), **within}
            self._write(self.times, _lines([*read_times(self.times), line]))

    def write_state(self, path: Path, state: Mapping[str, Any]) -> None:
        """Write a checkpoint."""
        if self.writes:
            self._expect_in_place()
            checkpoints.write(path, {"format": FORMAT, **state})

    def write_report(self, name: str, content: bytes) -> None:
        """Write the page or a picture."""
        self._expect_in_place()
        write_whole(self.folder / name, [content], RunError)

    def _write(self, path: Path, text: str) -> None:
        self._expect_in_place()
        with replacing(path) as file:
            file.write(text.encode())

    # --- reading -----------------------------------------------------------------------------

    def facts(self) -> Facts:
        """What config.json holds: numbers, texts and switches by name. Raises RunError."""
        try:
            facts = parse_json(read_whole(self.config, limit=_LONGEST))
            if not isinstance(facts, dict):
                raise ValueError(f"{brief(facts)}, an object expected")
            expect_facts(facts)
        except ValueError as error:
            raise RunError(
                f"{shown(self.config)}: not the facts of a training ({error}); take a copy of it "
                "or train anew"
            ) from error
        return facts

    def standing(self) -> tuple[Config, Facts, Record | None]:
        """The settings and facts of a run, and where it stands if a checkpoint tells, or what 0.1
        left without one (as of a vote): weights, and no state to go on from.

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
            return settings_of(record.facts, self.last), record.facts, record
        facts = self.facts()
        config = settings_of(facts, self.config)
        if record is not None:
            config = self._agreed(config, facts, record)
            facts = {**facts, **record.facts, **asdict(config)}
        elif os.path.lexists(self.weights):
            entries = read_metrics(self.metrics, facts)
            record = Record(facts, entries, read_npz(self.weights), {}) if entries else None
        return config, facts, record

    def standing_of(self, expected: Config) -> tuple[Config, Facts, Record | None]:
        """`standing` of the network of an ensemble, which has these settings, or those before a
        training that has yet to go further. Raises RunError where it is another."""
        config, facts, record = self.standing()
        if config.epochs == expected.earlier_epochs and (
            not record or record.epochs == config.epochs
        ):
            expected = replace(expected, epochs=config.epochs, earlier_epochs=config.earlier_epochs)
        for name, told, wanted in _differences(asdict(config), asdict(expected)):
            raise RunError(
                f"{self}: is no network of this ensemble (its {name} is {told!r:.40}, "
                f"{wanted!r:.40} expected); put the right one there, or move it away"
            )
        return config, facts, record

    def expect_best(self, config: Config, facts: Facts, record: Record | None) -> None:
        """Raise RunError where best.ckpt is lost, or of another training than last.ckpt.

        It may be ahead, where a process was killed between the two or last.ckpt was lost: then the
        training comes there again, and replaces it.
        """
        metrics, wrong = record.metrics if record else [], ""
        chosen = best_of(metrics)["epoch"]
        if os.path.lexists(self.best):
            best = read_checkpoint(self.best)
            if not (
                config.validation
                and {n for n, *_ in _differences(facts, best.facts)} <= {"epochs", "earlier_epochs"}
                and (best.epochs == chosen or len(metrics) < best.epochs <= config.epochs)
                and all(a == b for a, b in zip(best.metrics, metrics, strict=False))
            ):
                wrong = "is of another training than last.ckpt"
        elif chosen:
            wrong = f"is not there, which epoch {chosen} has written"
        if wrong:
            raise RunError(f"{shown(self.best)}: {wrong}; put the right one there, or train anew")

    def _agreed(self, config: Config, facts: Facts, record: Record) -> Config:
        """The settings, where all that both tell is the same."""
        saved = settings_of(record.facts, self.last)
        # A training that goes further may have been killed when only one of them told so.
        if config.epochs == saved.earlier_epochs:
            config = replace(config, epochs=saved.epochs, earlier_epochs=saved.earlier_epochs)
        elif saved.epochs == config.earlier_epochs == record.epochs:
            saved = replace(saved, epochs=config.epochs, earlier_epochs=config.earlier_epochs)
        given, used = {**facts, **asdict(config)}, {**record.facts, **asdict(saved)}
        for name, told, wanted in _differences(given, used):
            raise RunError(
                f"{self}: config.json has {name} {told!r:.40}, last.ckpt {wanted!r:.40}; they are "
                "of two trainings, or config.json was changed: put the right one there"
            )
        return saved

    def seconds(self) -> dict[int, float]:
        """Of each epoch that is over, by its number; of one that was measured twice, the later."""
        return {
            line["epoch"]: line["seconds"] for line in read_times(self.times) if "step" not in line
        }

    def spent(self, epoch: int, step: int) -> float:
        """Seconds that an epoch had taken up to a step."""
        return next(
            (
                line["seconds"]
                for line in reversed(read_times(self.times))
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
    if facts.get("dry_run") and not dry:
        raise RunError(f"{files}: is a dry run, whose network has learned nothing; train one")
    if record is None or not record.metrics:
        raise RunError(
            f"{files}: holds no trained network, as no epoch of its training is over; "
            f"python train.py --resume {files} goes on with it"
        )
    return replace(record, facts=facts)


def _differences(a: Facts, b: Facts) -> list[tuple[str, Any, Any]]:
    """The facts that both tell, but not alike: their names, and what each tells."""
    names = [name for name in b if name in a and name != "dataset"]  # which may tell where it lay
    return [(name, a[name], b[name]) for name in names if a[name] != b[name]]


def _lines(entries: Sequence[Entry]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)
