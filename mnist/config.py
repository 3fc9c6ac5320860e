"""Everything that decides how a training goes, each with its unit, its meaning and its limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np

from mnist.data.augment import Augmentation
from mnist.engines import ENGINES, settled
from mnist.models import MODELS, PEAK_LR


class SettingsError(ValueError):
    """Settings that no training can have. The message is one line: which, and what is expected."""


class Kind(NamedTuple):
    """The values that a setting may have: which they are, in words, and what a text means."""

    expected: str
    fits: Callable[[Any], bool]
    read: Callable[[str], Any] = str


_MOST = 10**9


def _whole(least: int, most: int = _MOST) -> Kind:
    return Kind(
        f"a whole number from {least} to {most:,}",
        lambda v: type(v) is int and least <= v <= most,
        int,
    )


def number(expected: str, fits: Callable[[float], bool]) -> Kind:
    def finite(value: Any) -> bool:
        # The comparison is for integers that are too large for a float.
        return type(value) in (int, float) and abs(value) < math.inf and fits(value)

    return Kind(expected, finite, float)


_POSITIVE = number("a number above 0", lambda v: 0 < v < 1e300)
_NOT_NEGATIVE = number("a number from 0", lambda v: 0 <= v < 1e300)
_FRACTION = number("a number from 0 to below 1", lambda v: 0 <= v < 1)
_SWITCH = Kind("true or false", lambda v: type(v) is bool)
_NAME = Kind(
    "a name of at most 40 characters",
    lambda v: isinstance(v, str) and len(v) <= 40 and (not v or v.isprintable()),
)
_ENGINE = Kind(f"one of {', '.join(ENGINES)}", lambda v: isinstance(v, str) and v in ENGINES)
_MODEL = Kind("one of the networks", lambda v: isinstance(v, str) and v in MODELS)


def _setting(default: Any, kind: Kind, unit: str, meaning: str) -> Any:
    return field(default=default, metadata={"kind": kind, "unit": unit, "meaning": meaning})


@dataclass(frozen=True)
class Config:
    """The settings of one training; `describe` lists them with units."""

    recipe: str = _setting("", _NAME, "", "where the settings are from, see mnist.recipes")
    model: str = _setting("basic", _MODEL, "", "the network, one of mnist.models")
    epochs: int = _setting(5, _whole(1), "", "passes over the training images")
    batch_size: int = _setting(64, _whole(1), "images", "what one step learns from")
    test_batch_size: int = _setting(
        1000, _whole(1), "images", "what is evaluated at once; changes nothing"
    )
    lr: float | None = _setting(
        None, _POSITIVE, "", "peak learning rate of the one-cycle schedule; none: the model's"
    )
    momentum: float = _setting(0.9, _FRACTION, "", "Nesterov's")
    weight_decay: float = _setting(
        5e-4, _NOT_NEGATIVE, "", "share of a weight taken off per step, times the learning rate"
    )
    accumulate: int = _setting(
        1,
        _whole(1),
        "parts",
        "of a batch, learned from one after the other: less memory, the same step",
    )
    label_smoothing: float = _setting(
        0.0, _FRACTION, "", "share of the target given to all digits alike"
    )
    seed: int = _setting(0, _whole(0, 2**63 - 1), "", "of everything random")
    rotation: float = _setting(15.0, _NOT_NEGATIVE, "degrees", "largest, either way")
    shift: float = _setting(2.0, _NOT_NEGATIVE, "pixels", "largest, either way along each axis")
    zoom: float = _setting(
        0.0, _NOT_NEGATIVE, "", "largest relative change of size, along each axis apart"
    )
    shear: float = _setting(0.0, _NOT_NEGATIVE, "pixels a pixel", "largest slant")
    elastic: float = _setting(
        0.0, _NOT_NEGATIVE, "pixels", "largest displacement of a node of a 4 by 4 grid"
    )
    engine: str = _setting(
        "auto",
        _ENGINE,
        "",
        "what runs the network: tape, op by op; a program in numpy or c; or the fastest",
    )
    augment: bool = _setting(True, _SWITCH, "", "whether training images are distorted at all")
    plain_epochs: int = _setting(0, _whole(0), "epochs", "at the end, trained without augmentation")
    validation: int = _setting(0, _whole(0), "images", "held out of the training set, for choices")
    members: int = _setting(
        1, _whole(1, 1000), "networks", "trained one after the other; they vote"
    )
    log_interval: int = _setting(10, _whole(1), "steps", "between updates of the progress bar")
    checkpoint_every: int = _setting(
        0, _whole(0), "steps", "between checkpoints beside that of each epoch; 0: none"
    )
    dry_run: bool = _setting(False, _SWITCH, "", "one batch of training and one of testing")
    earlier_epochs: int = _setting(
        0,
        _whole(0),
        "epochs",
        "of a training that ended, before the one-cycle schedule that began anew after them",
    )

    @property
    def peak_lr(self) -> float:
        return PEAK_LR[self.model] if self.lr is None else self.lr

    def settled(self) -> Config:
        """As a training takes them and files tell them: checked, in Python's own numbers, with the
        rate that is the model's and the engine that is meant. Raises SettingsError."""
        config = checked(asdict(self))
        epochs = 1 if self.dry_run else config.epochs
        return replace(config, lr=config.peak_lr, epochs=epochs, engine=settled(config.engine))

    def of_member(self, number: int) -> Config:
        """Those of network 1, 2, ... of an ensemble; no two ensembles of a size share a seed.

        Raises SettingsError where a seed would be too large."""
        return replace(self, members=1, seed=self.members * self.seed + number - 1).settled()

    def augmentation(self, epoch: int) -> Augmentation | None:
        """What is done to the training images in epoch 1, 2, ..."""
        if not self.augment or epoch > self.epochs - self.plain_epochs:
            return None
        return Augmentation(self.rotation, self.shift, self.zoom, self.shear, self.elastic)

    def describe(self) -> list[tuple[str, Any, str, str]]:
        """(name, value, unit, meaning) of every setting."""
        return [
            (f.name, getattr(self, f.name), f.metadata["unit"], f.metadata["meaning"])
            for f in fields(self)
        ]


_BEFORE = {"engine": "tape"}  # what trainings had that do not tell
KINDS: dict[str, Kind] = {f.name: f.metadata["kind"] for f in fields(Config)}


def checked(facts: Mapping[str, Any]) -> Config:
    """The settings among facts that a file tells; of those that came later what does as
    before.

    Raises:
        SettingsError: a setting that every training has is missing, or one has a value that none
            can have; it says which.
    """
    known = {
        name: value.item() if isinstance(value := facts[name], np.generic) else value
        for name in KINDS
        if name in facts
    }
    missing = [name for name in ("model", "epochs", "seed") if name not in known]
    if missing:
        raise SettingsError(f"no {missing[0]}")
    for name, value in known.items():
        if not (KINDS[name].fits(value) or (name == "lr" and value is None)):
            raise SettingsError(f"{name} is {value!r:.60}, {KINDS[name].expected} expected")
    config = Config(**(_BEFORE | known))
    if config.earlier_epochs >= config.epochs:
        raise SettingsError(f"earlier_epochs is {config.earlier_epochs} of {config.epochs} epochs")
    return config
