"""The files of a training, all in one folder.

config.json    every setting, and facts of the data and the network
metrics.jsonl  a line an epoch: losses and accuracies
times.jsonl    a line an epoch: seconds; apart, since all else is the same for the same seed
last.ckpt      the state, from which the training can go on
best.ckpt      the state after the epoch that was best on the validation split, if there is one
model.npz      the weights
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from autograd import get_num_threads
from mnist.config import Config
from mnist.data.dataset import Dataset
from mnist.storage.checkpoints import CheckpointError
from mnist.storage.whole_files import replacing
from nn import Module


class RunFiles:
    """Where the files of a training are, and how they are written: each whole or not at all.

    Args:
        writes: False for all but one of several processes; what is to be written is passed over.
    """

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.folder, self.writes = folder, writes
        self.config = folder / "config.json"
        self.metrics = folder / "metrics.jsonl"
        self.times = folder / "times.jsonl"
        self.last = folder / "last.ckpt"
        self.best = folder / "best.ckpt"
        self.weights = folder / "model.npz"

    def names(self) -> list[str]:
        """Those that there are."""
        every = (self.config, self.metrics, self.times, self.last, self.best, self.weights)
        return [path.name for path in every if path.exists()]

    def begin(
        self,
        config: Config,
        dataset: Dataset,
        model: Module,
        metrics: Sequence[dict[str, Any]] = (),
        *,
        fresh: bool = True,
    ) -> None:
        """Make the folder, and in it what is known before the first step.

        `metrics` are those of the epochs before. Where a training goes on, and is not `fresh`, its
        checkpoints stay.
        """
        if not self.writes:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.config, json.dumps(facts_of(config, dataset, model), indent=2) + "\n")
        self.write_metrics(metrics)
        if fresh:
            for stale in (self.times, self.last, self.best):
                stale.unlink(missing_ok=True)

    def saved_config(self) -> Config:
        """The settings in config.json; of those that came later the defaults, which do as before.

        Raises CheckpointError where there are none.
        """
        try:
            facts = json.loads(self.config.read_text())
            known = {name: facts[name] for field in fields(Config) if (name := field.name) in facts}
            if not {"model", "epochs", "seed"} <= known.keys():
                raise KeyError("model, epochs and seed expected")
            return Config(**known)
        except OSError as error:
            raise CheckpointError(
                f"{self.config}: {error.strerror}; name the folder of a training"
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"{self.config}: no settings that this version knows ({error!r}); train anew"
            ) from error

    def write_metrics(self, metrics: Sequence[dict[str, Any]]) -> None:
        if self.writes:
            _write(self.metrics, "".join(json.dumps(entry) + "\n" for entry in metrics))

    def note_time(self, epoch: int, seconds: float) -> None:
        if not self.writes:
            return
        with open(self.times, "a") as lines:
            lines.write(json.dumps({"epoch": epoch, "seconds": round(seconds, 3)}) + "\n")

    def save_weights(self, model: Module) -> None:
        if not self.writes:
            return
        with replacing(self.weights) as file:
            arrays: dict[str, Any] = model.state_dict()
            np.savez(file, **arrays)


def facts_of(config: Config, dataset: Dataset, model: Module) -> dict[str, Any]:
    """What config.json holds: every setting by its name, and facts of the data and the network."""
    return asdict(config) | {
        "parameters": sum(p.size for p in model.parameters()),
        "dataset": dataset.name,
        "train_images": len(dataset.train_images),
        "validation_images": len(dataset.validation_images),
        "test_images": len(dataset.test_images),
        "pixel_mean": dataset.mean,
        "pixel_std": dataset.std,
        "threads": get_num_threads(),
        "numpy": np.__version__,
    }


def _write(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())
