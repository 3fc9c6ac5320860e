"""A training: mini-batch gradient descent that can stop at any step and go on as if it had not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from mnist.batches import batch_count, train_batches
from mnist.config import Config
from mnist.data import Dataset, held_out
from mnist.evaluation import evaluate
from mnist.models import MODELS
from mnist.progress import progress_bar
from mnist.results.notebook import run_html
from mnist.run_files import RunFiles, facts_of
from mnist.stopping import Stop, stoppable
from mnist.storage import checkpoints
from nn import Module
from nn import functional as F
from nn.optim import SGD
from nn.schedule import OneCycleLR

# Random streams of the seed: this one makes the initial weights, that one what layers draw
# (dropout); see mnist.batches for the others.
_WEIGHTS, _LAYERS = 0, 3

Announce = Callable[[str], None]
Entry = dict[str, Any]


class TrainingError(RuntimeError):
    """The training cannot go on: the loss is not a number any more."""


@dataclass
class Run:
    """A training: its network, what was measured after each epoch, and the folder of its files."""

    config: Config
    dataset: Dataset = field(repr=False)
    folder: Path
    model: Module = field(repr=False)
    metrics: list[Entry]
    interrupted: bool = False

    def _repr_html_(self) -> str:
        facts = facts_of(self.config, self.dataset, self.model)
        return run_html(facts, self.metrics, self.folder, interrupted=self.interrupted)


@dataclass
class _Progress:
    """Where a training is: steps done of the current epoch, and what was summed over them."""

    epoch: int = 1
    step: int = 0
    seen: int = 0
    loss_sum: float = 0.0
    hits: int = 0


@dataclass
class _Best:
    """The most accurate epoch on the validation split; of equals the first."""

    epoch: int = 0
    accuracy: float = -1.0


def train(dataset: Dataset, config: Config, folder: Path, announce: Announce = print) -> Run:
    """Train on `dataset`, writing into `folder` what `mnist.run_files` lists.

    Ctrl-C ends the training between two steps, with the state of that moment saved; the run
    returned says so. Raises TrainingError once the loss is NaN or infinite: last.ckpt then holds
    the state before.
    """
    return Training(dataset, config, folder).run(announce)


def resume(dataset: Dataset, folder: Path, announce: Announce = print) -> Run:
    """Go on from the last checkpoint in `folder`, to the same bytes as if nothing had happened.

    Raises CheckpointError where there is none, or where it is of another data set.
    """
    files = RunFiles(folder)
    training = Training(dataset, files.saved_config(), folder)
    training.restore(checkpoints.read(files.last))
    return training.run(announce)


class Training:
    """The state of a training, and what moves it on.

    Attributes:
        progress: where it is; with the settings this decides every batch and its augmentation.
        noise: what layers draw from (dropout).
    """

    def __init__(self, dataset: Dataset, config: Config, folder: Path) -> None:
        epochs = min(config.epochs, 1) if config.dry_run else config.epochs
        self.config = config = replace(config, epochs=epochs, lr=config.peak_lr)
        self.dataset = held_out(dataset, config.validation)
        self.files = RunFiles(folder)
        self.model = MODELS[config.model](np.random.default_rng([config.seed, _WEIGHTS]))
        self.optimizer = SGD(
            self.model.parameters(),
            lr=config.peak_lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            nesterov=config.momentum > 0,
        )
        self.limit = 1 if config.dry_run else None
        self.steps = batch_count(len(self.dataset.train_images), config.batch_size, self.limit)
        total = max(1, self.config.epochs * self.steps)
        self.schedule = OneCycleLR(self.optimizer, config.peak_lr, total_steps=total)
        self.noise = np.random.default_rng([config.seed, _LAYERS])
        self.progress, self.best = _Progress(), _Best()
        self.metrics: list[Entry] = []
        self.resumed = False

    # --- state -------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that decides how the training goes on, in arrays, numbers and strings."""
        optimizer = self.optimizer.state_dict()
        optimizer["state"] = {str(index): own for index, own in optimizer["state"].items()}
        return {
            "config": asdict(self.config),
            "dataset": self._fingerprint(),
            "model": self.model.state_dict(),
            "optimizer": optimizer,
            "schedule": self.schedule.state_dict(),
            "noise": self.noise.bit_generator.state,
            "progress": asdict(self.progress),
            "best": asdict(self.best),
            "metrics": self.metrics,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, for a training with the same settings.

        Raises CheckpointError for the state of another data set, or one that does not fit.
        """
        if state.get("dataset") != self._fingerprint():
            raise checkpoints.CheckpointError(
                f"{self.files.last} is of another data set: {state.get('dataset')}, "
                f"{self._fingerprint()} given; name the same with --data-dir or --dataset"
            )
        try:
            optimizer = dict(state["optimizer"])
            optimizer["state"] = {int(index): own for index, own in optimizer["state"].items()}
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(optimizer)
            self.schedule.load_state_dict(state["schedule"])
            self.noise.bit_generator.state = state["noise"]
            self.progress, self.best = _Progress(**state["progress"]), _Best(**state["best"])
            self.metrics = list(state["metrics"])
            self.resumed = True
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise checkpoints.CheckpointError(
                f"{self.files.last} does not fit this version ({error}); train anew"
            ) from error

    def _fingerprint(self) -> dict[str, Any]:
        return {
            "train_images": len(self.dataset.train_images),
            "pixel_mean": self.dataset.mean,
            "pixel_std": self.dataset.std,
        }

    # --- going on ----------------------------------------------------------------------------

    def run(self, announce: Announce = print) -> Run:
        """Train to the end of the last epoch, or to Ctrl-C."""
        config = self.config
        run = Run(config, self.dataset, self.files.folder, self.model, self.metrics)
        fresh = not self.resumed
        self.files.begin(config, self.dataset, self.model, self.metrics, fresh=fresh)
        self.files.save_weights(self.model)
        # A loss that is no number is told in a line; NumPy would warn of the overflows before it.
        quiet = np.errstate(over="ignore", invalid="ignore")
        with stoppable() as stop, _drawing_from(self.noise), quiet:
            while self.progress.epoch <= config.epochs:
                started = time.perf_counter()
                self._train_epoch(stop)
                if stop:
                    self._save(self.files.last)
                    self.files.save_weights(self.model)
                    run.interrupted = True
                    break
                entry = self._finish_epoch()
                seconds = time.perf_counter() - started
                self.files.note_time(entry["epoch"], seconds)
                announce(_line(entry, config.epochs, self.dataset.name, seconds))
        return run

    def _train_epoch(self, stop: Stop) -> None:
        config, progress = self.config, self.progress
        self.model.train()
        batches = train_batches(
            self.dataset,
            config.batch_size,
            seed=config.seed,
            epoch=progress.epoch,
            augmentation=config.augmentation(progress.epoch),
            start=progress.step,
            limit=self.steps,
        )
        name = f"epoch {progress.epoch}"
        with progress_bar(batches, name, self.steps, start=progress.step) as bar:
            for images, labels in bar:
                value = self._step(images, labels)
                if progress.step % config.log_interval == 0:
                    rate = self.optimizer.lr
                    bar.set_postfix(loss=f"{value:.3f}", lr=f"{rate:.4f}", refresh=False)
                if stop:
                    return
                if config.checkpoint_every and progress.step % config.checkpoint_every == 0:
                    self._save(self.files.last)

    def _step(self, images: Any, labels: Any) -> float:
        scores = self.model(Tensor(images))
        loss = F.cross_entropy(scores, labels, label_smoothing=self.config.label_smoothing)
        value = float(loss.item())
        if not math.isfinite(value):
            raise TrainingError(self._account_of(f"the loss became {value}", images, labels))
        self.optimizer.zero_grad()
        loss.backward()
        wrong = self._not_finite(lambda p: p.grad)
        if wrong is not None:
            what = f"the gradient of '{wrong}' became NaN or infinite"
            raise TrainingError(self._account_of(what, images, labels))
        self.optimizer.step()
        self.schedule.step()
        progress = self.progress
        progress.step += 1
        progress.seen += len(labels)
        progress.loss_sum += value * len(labels)
        progress.hits += int((scores.data.argmax(axis=1) == labels).sum())
        return value

    def _save(self, *paths: Path) -> None:
        """Write checkpoints, unless the weights are such that nobody could go on from them."""
        wrong = self._not_finite(lambda p: p)
        if wrong is not None:
            raise TrainingError(
                f"'{wrong}' became NaN or infinite by step {self.schedule.last_epoch} of the "
                f"training; {self._way_on()}"
            )
        state = self.state()
        for path in paths:
            checkpoints.write(path, state)

    def _way_on(self) -> str:
        kept = "start again"
        if self.files.last.exists():
            kept = f"{self.files.last} holds the state before; start again"
        return f"{kept} with a smaller --lr than {self.config.peak_lr:g}"

    def _not_finite(self, of: Callable[[Tensor], Tensor | None]) -> str | None:
        """The first parameter of which something has a NaN or an infinity."""
        for name, parameter in self.model.named_parameters():
            found = of(parameter)
            if found is not None and not np.isfinite(found.data).all():
                return name
        return None

    def _account_of(self, what: str, images: Any, labels: Any) -> str:
        """What to say of numbers that are none: which op made the first, and how to go on."""
        wrong = self._not_finite(lambda p: p)
        origin = f"'{wrong}' is not finite since the step before"
        if wrong is None:
            origin = "no op made it from finite numbers"
            try:
                with ag.debug():
                    F.cross_entropy(self.model(Tensor(images)), labels).backward()
            except FloatingPointError as error:
                origin = str(error)
        progress = self.progress
        return (
            f"{what} at step {progress.step + 1} of epoch {progress.epoch}: {origin}; "
            f"{self._way_on()}"
        )

    def _finish_epoch(self) -> Entry:
        """Evaluate, note, and save; the next epoch is then due."""
        config, done = self.config, self.progress
        size = config.test_batch_size
        tested = evaluate(self.model, self.dataset, size, limit=self.limit)
        entry: Entry = {
            "epoch": done.epoch,
            "train_loss": done.loss_sum / done.seen,
            "train_accuracy": done.hits / done.seen,
            "validation_loss": None,
            "validation_accuracy": None,
            "test_loss": tested[0],
            "test_accuracy": tested[1],
        }
        chosen = False
        if config.validation:
            held = evaluate(self.model, self.dataset, size, part="validation", limit=self.limit)
            entry["validation_loss"], entry["validation_accuracy"] = held
            chosen = held[1] > self.best.accuracy
            if chosen:
                self.best = _Best(done.epoch, held[1])
        self.metrics.append(entry)
        self.progress = _Progress(done.epoch + 1)
        self._save(*[self.files.best] * chosen, self.files.last)
        self.files.write_metrics(self.metrics)
        self.files.save_weights(self.model)
        return entry


@contextmanager
def _drawing_from(source: np.random.Generator) -> Iterator[None]:
    """Layers that draw from this thread's generator draw from `source`."""
    generator = ag.random.default_generator()
    before, generator.numpy = generator.numpy, source
    try:
        yield
    finally:
        generator.numpy = before


def _line(entry: Entry, epochs: int, name: str, seconds: float) -> str:
    held = entry["validation_accuracy"]
    return (
        f"epoch {entry['epoch']:>{len(str(epochs))}}/{epochs}  "
        f"train loss {entry['train_loss']:.4f}, accuracy {entry['train_accuracy']:.2%}  "
        + ("" if held is None else f"validation accuracy {held:.2%}  ")
        + f"test loss {entry['test_loss']:.4f}, accuracy {entry['test_accuracy']:.2%}  "
        f"({name}, {seconds:.1f} s)"
    )
