"""The training loop: mini-batch gradient descent, the test accuracy after each epoch, the files."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from autograd import Tensor, no_grad
from mnist.augment import Augmentation
from mnist.batches import batch_count, evaluation_batches, train_batches
from mnist.data import Dataset
from mnist.models import MODELS, PEAK_LR
from nn import Module
from nn import functional as F
from nn.optim import SGD
from nn.schedule import OneCycleLR

_WEIGHTS = 0  # the random stream of the initial weights; see mnist.batches for the others


class TrainingError(RuntimeError):
    """The training cannot go on: the loss is not a number any more."""


@dataclass(frozen=True)
class Config:
    """Everything that decides how a training goes, with its units."""

    model: str = "basic"
    epochs: int = 5
    batch_size: int = 64  # samples
    test_batch_size: int = 1000  # samples
    lr: float | None = None  # peak of the one-cycle schedule, per step; None: the model's own
    momentum: float = 0.9  # Nesterov's
    weight_decay: float = 5e-4  # per step, times the learning rate
    seed: int = 0
    rotation: float = 15.0  # degrees, either way
    shift: float = 2.0  # pixels, either way
    augment: bool = True
    log_interval: int = 10  # steps between updates of the progress bar
    dry_run: bool = False  # one batch of training and one of testing

    @property
    def peak_lr(self) -> float:
        return PEAK_LR[self.model] if self.lr is None else self.lr


@dataclass
class Run:
    """A training: its network, what was measured after each epoch, and the folder of its files."""

    config: Config
    dataset: Dataset
    folder: Path
    model: Module
    metrics: list[dict[str, Any]]
    interrupted: bool = False


def train(
    dataset: Dataset, config: Config, folder: Path, announce: Callable[[str], None] = print
) -> Run:
    """Train on `dataset`, writing config.json, metrics.jsonl and model.npz into `folder`.

    Ctrl-C ends the training between two steps, with the weights of that moment saved; the run
    returned says so. Raises TrainingError once the loss is NaN or infinite: model.npz then still
    holds the weights after the last complete epoch.
    """
    model = MODELS[config.model](np.random.default_rng([config.seed, _WEIGHTS]))
    limit = 1 if config.dry_run else None
    epochs = min(config.epochs, 1) if config.dry_run else config.epochs
    steps = batch_count(len(dataset.train_images), config.batch_size, limit)
    optimizer = SGD(
        model.parameters(),
        lr=config.peak_lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.momentum > 0,
    )
    schedule = OneCycleLR(optimizer, config.peak_lr, total_steps=max(1, epochs * steps))
    run = Run(config, dataset, folder, model, [])
    folder.mkdir(parents=True, exist_ok=True)
    _write_config(run)
    (folder / "metrics.jsonl").write_text("")
    save_weights(model, folder / "model.npz")
    try:
        for epoch in range(1, epochs + 1):
            started = time.perf_counter()
            trained = _train_epoch(run, optimizer, schedule, epoch, steps)
            tested = evaluate(model, dataset, config.test_batch_size, limit=limit)
            entry = {
                "epoch": epoch,
                "train_loss": trained[0],
                "train_accuracy": trained[1],
                "test_loss": tested[0],
                "test_accuracy": tested[1],
                "seconds": round(time.perf_counter() - started, 3),
            }
            run.metrics.append(entry)
            with open(folder / "metrics.jsonl", "a") as lines:
                lines.write(json.dumps(entry) + "\n")
            save_weights(model, folder / "model.npz")
            announce(_line(entry, epochs, dataset.name))
    except KeyboardInterrupt:
        run.interrupted = True
        save_weights(model, folder / "model.npz")
    return run


def _train_epoch(
    run: Run, optimizer: SGD, schedule: OneCycleLR, epoch: int, steps: int
) -> tuple[float, float]:
    """Mean loss and accuracy over the epoch's batches, each taken before its step."""
    config = run.config
    run.model.train()
    augmentation = Augmentation(config.rotation, config.shift) if config.augment else None
    batches = train_batches(
        run.dataset,
        config.batch_size,
        seed=config.seed,
        epoch=epoch,
        augmentation=augmentation,
        limit=steps,
    )
    seen, loss_sum, hits = 0, 0.0, 0
    with tqdm(batches, f"epoch {epoch}", steps, leave=False, disable=None, unit="batch") as bar:
        for step, (images, labels) in enumerate(bar):
            scores = run.model(Tensor(images))
            loss = F.cross_entropy(scores, labels)
            value = loss.item()
            if not math.isfinite(value):
                raise TrainingError(
                    f"the loss became {value} at step {step + 1} of epoch {epoch}; "
                    "try a smaller --lr"
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % config.log_interval == 0:
                bar.set_postfix(loss=f"{value:.3f}", lr=f"{optimizer.lr:.4f}", refresh=False)
            schedule.step()
            seen += len(labels)
            loss_sum += value * len(labels)
            hits += int((scores.data.argmax(axis=1) == labels).sum())
    return loss_sum / seen, hits / seen


def evaluate(
    model: Module, dataset: Dataset, batch_size: int = 1000, *, limit: int | None = None
) -> tuple[float, float]:
    """Mean loss and accuracy (a fraction) on the test set, in evaluation mode."""
    was_training = model.training
    model.eval()
    seen, loss_sum, hits = 0, 0.0, 0
    with no_grad():
        for images, labels in evaluation_batches(dataset, batch_size, limit=limit):
            scores = model(Tensor(images))
            loss_sum += F.cross_entropy(scores, labels, reduction="sum").item()
            hits += int((scores.data.argmax(axis=1) == labels).sum())
            seen += len(labels)
    model.train(was_training)
    return loss_sum / seen, hits / seen


def save_weights(model: Module, path: Path) -> None:
    """Write the state dict as .npz, whole or not at all."""
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        np.savez(file, **model.state_dict())
    os.replace(part, path)


def load_weights(model: Module, path: Path) -> None:
    """Take over the weights that `save_weights` wrote. Nothing in the file is executed."""
    with np.load(path, allow_pickle=False) as state:
        model.load_state_dict(dict(state))


def _write_config(run: Run) -> None:
    dataset = run.dataset
    facts = asdict(run.config) | {
        "lr": run.config.peak_lr,
        "parameters": sum(p.size for p in run.model.parameters()),
        "dataset": dataset.name,
        "train_images": len(dataset.train_images),
        "test_images": len(dataset.test_images),
        "pixel_mean": dataset.mean,
        "pixel_std": dataset.std,
        "numpy": np.__version__,
    }
    (run.folder / "config.json").write_text(json.dumps(facts, indent=2) + "\n")


def _line(entry: dict[str, Any], epochs: int, name: str) -> str:
    return (
        f"epoch {entry['epoch']:>{len(str(epochs))}}/{epochs}  "
        f"train loss {entry['train_loss']:.4f}, accuracy {entry['train_accuracy']:.2%}  "
        f"test loss {entry['test_loss']:.4f}, accuracy {entry['test_accuracy']:.2%}  "
        f"({name}, {entry['seconds']:.1f} s)"
    )
