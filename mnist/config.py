"""Everything that decides how a training goes, each with its unit and its meaning."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from mnist.data.augment import Augmentation
from mnist.models import PEAK_LR


def _setting(default: Any, unit: str, meaning: str) -> Any:
    return field(default=default, metadata={"unit": unit, "meaning": meaning})


@dataclass(frozen=True)
class Config:
    """The settings of one training; `describe` lists them with units."""

    recipe: str = _setting("", "", "where the settings are from, see mnist.recipes")
    model: str = _setting("basic", "", "the network, one of mnist.models")
    epochs: int = _setting(5, "", "passes over the training images")
    batch_size: int = _setting(64, "images", "what one step learns from")
    test_batch_size: int = _setting(1000, "images", "what is evaluated at once; changes nothing")
    lr: float | None = _setting(
        None, "", "peak learning rate of the one-cycle schedule; none: the model's"
    )
    momentum: float = _setting(0.9, "", "Nesterov's")
    weight_decay: float = _setting(
        5e-4, "", "share of a weight taken off per step, times the learning rate"
    )
    accumulate: int = _setting(
        1, "parts", "of a batch, learned from one after the other: less memory, the same step"
    )
    label_smoothing: float = _setting(0.0, "", "share of the target given to all digits alike")
    seed: int = _setting(0, "", "of everything random")
    rotation: float = _setting(15.0, "degrees", "largest, either way")
    shift: float = _setting(2.0, "pixels", "largest, either way along each axis")
    zoom: float = _setting(0.0, "", "largest relative change of size, along each axis apart")
    shear: float = _setting(0.0, "pixels a pixel", "largest slant")
    elastic: float = _setting(0.0, "pixels", "largest displacement of a node of a 4 by 4 grid")
    augment: bool = _setting(True, "", "whether training images are distorted at all")
    plain_epochs: int = _setting(0, "epochs", "at the end, trained without augmentation")
    validation: int = _setting(0, "images", "held out of the training set, for choices")
    members: int = _setting(1, "networks", "trained one after the other; they vote")
    log_interval: int = _setting(10, "steps", "between updates of the progress bar")
    checkpoint_every: int = _setting(
        0, "steps", "between checkpoints beside that of each epoch; 0: none"
    )
    dry_run: bool = _setting(False, "", "one batch of training and one of testing")

    @property
    def peak_lr(self) -> float:
        return PEAK_LR[self.model] if self.lr is None else self.lr

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
