"""A training: mini-batch gradient descent that can stop at any step and go on as if it had not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mnist.config import Config
from mnist.data.batches import batch_count, train_batches
from mnist.data.dataset import Dataset, held_out
from mnist.results.notebook import run_html
from mnist.storage import checkpoints
from mnist.storage.run_files import RunFiles, facts_of
from mnist.training.evaluation import evaluate
from mnist.training.joint import at_first, expect_workable
from mnist.training.learning import Learner, Outcome, TrainingError
from mnist.training.progress import progress_bar
from mnist.training.stopping import Stop, stoppable
from nn import Module
from nn.distributed import Group, expect_alike, fingerprint, leads

Announce = Callable[[str], None]
Entry = dict[str, Any]


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


def train(
    dataset: Dataset,
    config: Config,
    folder: Path,
    announce: Announce = print,
    group: Group | None = None,
) -> Run:
    """Train on `dataset`, writing into `folder` what `mnist.storage.run_files` lists.

    Ctrl-C ends the training between two steps, with the state of that moment saved; the run
    returned says so. The processes of a group share the work, to the same weights as of one but for
    rounding; only rank 0 writes.

    Raises:
        TrainingError: the loss is NaN or infinite: last.ckpt then holds the state before.
        DistributedError: processes that do not fit together, or a batch that they cannot share.
    """
    return Training(dataset, config, folder, group).run(announce)


def resume(
    dataset: Dataset, folder: Path, announce: Announce = print, group: Group | None = None
) -> Run:
    """Go on from the last checkpoint in `folder`, to the same bytes as if nothing had happened; on
    another number of processes, to the same numbers but for rounding.

    Raises CheckpointError where there is none, or where it is of another data set.
    """
    files = RunFiles(folder)
    config, state = at_first(group, lambda: (files.saved_config(), checkpoints.read(files.last)))
    training = Training(dataset, config, folder, group)
    training.restore(state)
    return training.run(announce)


class Training:
    """The state of a training, and what moves it on.

    Attributes:
        progress: where it is; with the settings this decides every batch and its augmentation.
    """

    def __init__(
        self, dataset: Dataset, config: Config, folder: Path, group: Group | None = None
    ) -> None:
        epochs = min(config.epochs, 1) if config.dry_run else config.epochs
        self.config = config = replace(config, epochs=epochs, lr=config.peak_lr)
        self.dataset = held_out(dataset, config.validation)
        self.group = group
        expect_workable(config, self.dataset, group)
        self.files = RunFiles(folder, writes=leads(group))
        self.limit = 1 if config.dry_run else None
        self.steps = batch_count(len(self.dataset.train_images), config.batch_size, self.limit)
        total = max(1, self.config.epochs * self.steps)
        self.learner = Learner(config, total, group)
        self.model = self.learner.model
        self.progress, self.best = _Progress(), _Best()
        self.metrics: list[Entry] = []
        self.resumed = False

    # --- state -------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that decides how the training goes on, in arrays, numbers and strings."""
        learner = self.learner
        optimizer = learner.optimizer.state_dict()
        optimizer["state"] = {str(index): own for index, own in optimizer["state"].items()}
        return {
            "config": asdict(self.config),
            "dataset": self._fingerprint(),
            "model": self.model.state_dict(),
            "optimizer": optimizer,
            "schedule": learner.schedule.state_dict(),
            "noise": learner.noise.state,
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
            self.learner.optimizer.load_state_dict(optimizer)
            self.learner.schedule.load_state_dict(state["schedule"])
            self.learner.noise.state = state["noise"]
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
        at_first(self.group, lambda: self._begin(fresh))
        # A loss that is no number is told in a line; NumPy would warn of the overflows before it.
        quiet = np.errstate(over="ignore", invalid="ignore")
        with stoppable() as stop, quiet:
            while self.progress.epoch <= config.epochs:
                started = time.perf_counter()
                if self._train_epoch(stop):
                    self._save(self.files.last)
                    self.files.save_weights(self.model)
                    run.interrupted = True
                    break
                entry = self._finish_epoch()
                seconds = time.perf_counter() - started
                self.files.note_time(entry["epoch"], seconds)
                announce(_line(entry, config.epochs, self.dataset.name, seconds))
        return run

    def _begin(self, fresh: bool) -> None:
        self.files.begin(self.config, self.dataset, self.model, self.metrics, fresh=fresh)
        self.files.save_weights(self.model)

    def _train_epoch(self, stop: Stop) -> bool:
        """Train to the end of the epoch, or until a process wants to stop; whether one does."""
        config, progress, learner = self.config, self.progress, self.learner
        self.model.train()
        batches = train_batches(
            self.dataset,
            config.batch_size,
            seed=config.seed,
            epoch=progress.epoch,
            augmentation=config.augmentation(progress.epoch),
            start=progress.step,
            limit=self.steps,
            share=learner.share,
        )
        samples = len(self.dataset.train_images)
        name = f"epoch {progress.epoch}"
        with progress_bar(batches, name, self.steps, start=progress.step) as bar:
            for images, labels in bar:
                count = min(config.batch_size, samples - progress.step * config.batch_size)
                outcome = self._step(images, labels, count, stop)
                if progress.step % config.log_interval == 0:
                    loss, rate = outcome.loss_sum / count, learner.optimizer.lr
                    bar.set_postfix(loss=f"{loss:.3f}", lr=f"{rate:.4f}", refresh=False)
                if outcome.stop:
                    return True
                if config.checkpoint_every and progress.step % config.checkpoint_every == 0:
                    self._save(self.files.last)
        return False

    def _step(self, images: Any, labels: Any, count: int, stop: Stop) -> Outcome:
        progress = self.progress
        where = f"step {progress.step + 1} of epoch {progress.epoch}"
        try:
            outcome = self.learner.step(images, labels, count, stop=stop, where=where)
        except TrainingError as error:
            raise TrainingError(f"{error}; {self._way_on()}") from error
        progress.step += 1
        progress.seen += count
        progress.loss_sum += outcome.loss_sum
        progress.hits += outcome.hits
        return outcome

    def _save(self, *paths: Path) -> None:
        """Write checkpoints, unless the weights are such that nobody could go on from them."""
        wrong = self.learner.not_finite()
        if wrong is not None:
            step = self.learner.schedule.last_epoch
            raise TrainingError(
                f"'{wrong}' became NaN or infinite by step {step} of the training; {self._way_on()}"
            )
        if self.files.writes:
            state = self.state()
            for path in paths:
                checkpoints.write(path, state)

    def _way_on(self) -> str:
        kept = "start again"
        if self.files.last.exists():
            kept = f"{self.files.last} holds the state before; start again"
        return f"{kept} with a smaller --lr than {self.config.peak_lr:g}"

    def _finish_epoch(self) -> Entry:
        """Evaluate, note, and save; the next epoch is then due."""
        config, done = self.config, self.progress
        size = config.test_batch_size
        if self.group is not None:
            expect_alike(self.group, {"the network after the epoch": fingerprint(self.model)})
        tested = evaluate(self.model, self.dataset, size, limit=self.limit, group=self.group)
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
            held = evaluate(
                self.model,
                self.dataset,
                size,
                part="validation",
                limit=self.limit,
                group=self.group,
            )
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


def _line(entry: Entry, epochs: int, name: str, seconds: float) -> str:
    held = entry["validation_accuracy"]
    return (
        f"epoch {entry['epoch']:>{len(str(epochs))}}/{epochs}  "
        f"train loss {entry['train_loss']:.4f}, accuracy {entry['train_accuracy']:.2%}  "
        + ("" if held is None else f"validation accuracy {held:.2%}  ")
        + f"test loss {entry['test_loss']:.4f}, accuracy {entry['test_accuracy']:.2%}  "
        f"({name}, {seconds:.1f} s)"
    )
