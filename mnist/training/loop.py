"""A training: mini-batch gradient descent that can stop at any step and go on as if it had not."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mnist.config import Config
from mnist.data.batches import batch_count, train_batches
from mnist.data.dataset import Dataset, held_out
from mnist.data.files import shown
from mnist.models import unsound
from mnist.results.tables import run_html
from mnist.storage.checkpoints import CheckpointError
from mnist.storage.records import Entry, Record, best_of, expect_data, facts_of, identity
from mnist.storage.runs import RunFolder
from mnist.storage.weights import sound
from mnist.training.learning import Learner, Outcome, TrainingError, evaluate, expect_workable
from mnist.training.progress import progress_bar
from mnist.training.stopping import Stop, stoppable
from nn import Module
from nn.distributed import Group, expect_alike, fingerprint, leads
from nn.parallel.joint import at_first

Announce = Callable[[str], None]


@dataclass
class Run:
    """A training: its network, what was measured after each epoch, and the folder of its files.

    Attributes:
        signum: the signal that ended it before its end; 0 if none did.
    """

    config: Config
    dataset: Dataset = field(repr=False)
    folder: Path
    model: Module = field(repr=False)
    metrics: list[Entry]
    signum: int = 0

    @property
    def interrupted(self) -> bool:
        return self.signum != 0

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


class Training:
    """The state of a training, and what moves it on.

    Raises SettingsError for settings that no training can have.

    Attributes:
        progress: where it is; with the settings this decides every batch and its augmentation.
    """

    def __init__(
        self, dataset: Dataset, config: Config, folder: Path, group: Group | None = None
    ) -> None:
        self.config = config = config.settled()
        self.dataset = held_out(dataset, config.validation)
        self.group = group
        expect_workable(config, self.dataset, group)
        self.files = RunFolder(folder, writes=leads(group))
        self.limit = 1 if config.dry_run else None
        self.steps = batch_count(len(self.dataset.train_images), config.batch_size, self.limit)
        total = (config.epochs - config.earlier_epochs) * self.steps
        self.learner = Learner(config, max(1, total), group)
        self.model = self.learner.model
        self.progress = _Progress()
        self.metrics: list[Entry] = []
        self.restored, self._started = False, 0.0

    # --- state -------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that decides how the training goes on, in arrays, numbers and strings."""
        learner = self.learner
        optimizer = learner.optimizer.state_dict()
        optimizer["state"] = {str(index): own for index, own in optimizer["state"].items()}
        return {
            "config": asdict(self.config),
            "dataset": identity(self.dataset),
            "model": self.model.state_dict(),
            "optimizer": optimizer,
            "schedule": learner.schedule.state_dict(),
            "noise": learner.noise.state,
            "progress": asdict(self.progress),
            "best": best_of(self.metrics),
            "metrics": self.metrics,
        }

    def restore(self, record: Record) -> None:
        """Take over a state that was written for a training with the same settings, or for one
        that ended where this one trains on, with a schedule of its own.

        Raises:
            RunError: it is of another data set.
            CheckpointError: it does not fit.
        """
        expect_data(record.facts, self.dataset, str(self.files))
        sound(record.weights, self.files.last)
        state, learner = record.state, self.learner
        try:
            # The settings and the step decide the rates; nothing else is believed.
            buffers = {int(index): own for index, own in state["optimizer"]["state"].items()}
            optimizer = {**learner.optimizer.state_dict(), "state": buffers}
            self.model.load_state_dict(state["model"])
            learner.optimizer.load_state_dict(optimizer)
            learner.noise.state = state["noise"]
            self.metrics = list(record.metrics)
            self.progress = _Progress(**state["progress"])
            self.restored = True
            self._expect_progress(record)
            schedule = learner.schedule
            schedule.load_state_dict({**schedule.state_dict(), "last_epoch": self._steps_done})
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{shown(self.files.last)}: does not fit this version ({error}); train anew"
            ) from error

    def _expect_progress(self, record: Record) -> None:
        """Raise ValueError where the progress is none that a training has."""
        at, size = self.progress, len(self.dataset.train_images)
        whole = [at.epoch, at.step, at.seen, at.hits]
        anew = record.config.earlier_epochs != self.config.earlier_epochs
        if not (
            all(type(number) is int and number >= 0 for number in whole)
            and at.epoch == len(self.metrics) + 1
            and at.step <= self.steps
            and at.seen == min(at.step * self.config.batch_size, size) >= at.hits
            and 0 <= at.loss_sum < 1e300
            and record.state["best"] == best_of(self.metrics)
            and (anew or record.state["schedule"]["last_epoch"] == self._steps_done)
        ):
            raise ValueError(
                f"it stands at step {at.step!r:.40} of epoch {at.epoch!r:.40}, with "
                f"{at.hits!r:.40} of {at.seen!r:.40} right and losses of {at.loss_sum!r:.40}"
            )

    @property
    def _steps_done(self) -> int:
        """Since the schedule began."""
        at = self.progress
        return (at.epoch - 1 - self.config.earlier_epochs) * self.steps + at.step

    @property
    def finished(self) -> bool:
        return self.progress.epoch > self.config.epochs

    def standing(self) -> str:
        """Where it goes on, in a line."""
        at, planned, earlier = self.progress, self.config.epochs, self.config.earlier_epochs
        if self.finished:
            return (
                f"{self.files}: finished, {planned} of {planned} epochs are done; --epochs M with "
                "a larger M trains on"
            )
        anew = f"; from epoch {earlier + 1} a new one-cycle schedule to the same peak rate"
        return (
            f"{self.files}: goes on after step {at.step} of epoch {at.epoch} of {planned}"
            f"{anew if earlier else ''}"
        )

    # --- going on ----------------------------------------------------------------------------

    def run(self, announce: Announce = print) -> Run:
        """Train to the end of the last epoch, or until a signal asks for the end."""
        config = self.config
        run = Run(config, self.dataset, self.files.folder, self.model, self.metrics)
        at_first(self.group, self._begin)
        # A loss that is no number is told in a line; NumPy would warn of the overflows before it.
        quiet = np.errstate(over="ignore", invalid="ignore")
        with stoppable() as stop, quiet:
            while not self.finished:
                spent = self.files.spent(self.progress.epoch, self.progress.step)
                self._started = time.perf_counter() - spent
                if self._train_epoch(stop):
                    self._save_within()
                    break
                entry, seconds = self._finish_epoch()
                announce(_line(entry, config.epochs, self.dataset.name, seconds))
            # Also one that came after the last step: who calls may have more to do.
            if any([bool(stop)] if self.group is None else self.group.gather(bool(stop))):
                run.signum = stop.signum or signal.SIGINT
        return run

    def _begin(self) -> None:
        if self.restored and 0 < self.config.earlier_epochs == len(self.metrics):
            self._save(self.files.last)  # with settings that go further; then config.json
        facts = facts_of(self.config, self.dataset, self.model)
        self.files.begin(facts, self.metrics, self.progress.step, finished=self.finished)

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
        samples, name = len(self.dataset.train_images), f"epoch {progress.epoch}"
        with progress_bar(batches, name, self.steps, start=progress.step) as bar:
            for images, labels in bar:
                count = min(config.batch_size, samples - progress.step * config.batch_size)
                outcome = self._step(images, labels, count, stop)
                if progress.step % config.log_interval == 0:
                    loss, rate = outcome.loss_sum / count, learner.optimizer.lr
                    bar.set_postfix(loss=f"{loss:.3f}", lr=f"{rate:.4f}", refresh=False)
                if outcome.stop:
                    return True
                due = config.checkpoint_every and progress.step % config.checkpoint_every == 0
                if due and progress.step < self.steps:  # the end of the epoch is saved anyway
                    self._save_within()
        return False

    def _save_within(self) -> None:
        """Save within an epoch."""
        at, seconds = self.progress, time.perf_counter() - self._started
        self.files.note_time(at.epoch, seconds, at.step)
        self._save(self.files.last)

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
        wrong = unsound(self.model.state_dict())
        if wrong is not None:
            raise TrainingError(
                f"'{wrong}' became NaN or infinite by step {self.learner.schedule.last_epoch} of "
                f"the training; {self._way_on()}"
            )
        if self.files.writes:
            state = self.state()
            for path in paths:
                self.files.write_state(path, state)

    def _way_on(self) -> str:
        last = self.files.last
        kept = f"{shown(last)} holds the state before; " if last.exists() else ""
        return f"{kept}start again with a smaller --lr than {self.config.peak_lr:g}"

    def _finish_epoch(self) -> tuple[Entry, float]:
        """Evaluate, note, and save; the next epoch is then due. The entry, and seconds of it."""
        config, done = self.config, self.progress
        size = config.test_batch_size
        if self.group is not None:
            expect_alike(self.group, {"the network after the epoch": fingerprint(self.model)})
        judged = partial(
            evaluate,
            self.model,
            self.dataset,
            size,
            scores=self.learner.scores,
            limit=self.limit,
            group=self.group,
        )
        tested = judged()
        held = judged(part="validation") if config.validation else None
        entry: Entry = {
            "epoch": done.epoch,
            "train_loss": done.loss_sum / done.seen,
            "train_accuracy": done.hits / done.seen,
            "validation_loss": held and held[0],
            "validation_accuracy": held and held[1],
            "test_loss": tested[0],
            "test_accuracy": tested[1],
        }
        for loss in (one[0] for one in (tested, held) if one and not math.isfinite(one[0])):
            raise TrainingError(
                f"the loss after epoch {done.epoch} became {loss}; {self._way_on()}"
            )
        seconds = time.perf_counter() - self._started
        self.files.note_time(done.epoch, seconds)
        self.metrics.append(entry)
        self.progress = _Progress(done.epoch + 1)
        best = [self.files.best] if best_of(self.metrics)["epoch"] == done.epoch else []
        self._save(*best, self.files.last)
        self.files.write_metrics(self.metrics)
        return entry, seconds


def _line(entry: Entry, epochs: int, name: str, seconds: float) -> str:
    held = entry["validation_accuracy"]
    return (
        f"epoch {entry['epoch']:>{len(str(epochs))}}/{epochs}  "
        f"train loss {entry['train_loss']:.4f}, accuracy {entry['train_accuracy']:.2%}  "
        + ("" if held is None else f"validation accuracy {held:.2%}  ")
        + f"test loss {entry['test_loss']:.4f}, accuracy {entry['test_accuracy']:.2%}  "
        f"({name}, {seconds:.1f} s)"
    )
