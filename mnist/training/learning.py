"""One step of learning, a batch, its gradients and what moves by them; and what it came to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

import numpy as np

import autograd as ag
from autograd import Tensor, no_grad
from mnist.config import Config
from mnist.data.batches import evaluation_batches
from mnist.data.dataset import Dataset
from mnist.engines import run_by, scoring
from mnist.models import MODELS
from mnist.storage.records import identity
from nn import Module
from nn import functional as F
from nn.distributed import (
    DistributedError,
    GradientSum,
    Group,
    ShardedGenerator,
    Share,
    expect_alike,
    rank_and_size,
    synchronize,
    synchronize_batch_norm,
    together,
)
from nn.optim import SGD
from nn.schedule import OneCycleLR

# Random streams of the seed: this one makes the initial weights, that one what layers draw
# (dropout); see mnist.data.batches for the others.
_WEIGHTS, _LAYERS = 0, 3


class TrainingError(RuntimeError):
    """The training cannot go on: the loss is not a number any more."""


class Outcome(NamedTuple):
    """What a step came to, over all processes: the sum of losses, how many samples the network had
    right, and whether any process wants to stop."""

    loss_sum: float
    hits: int
    stop: bool


class Learner:
    """A network and what it learns by: everything that changes in a step, and the step.

    In a group of processes each has a learner, and all learn the same from their shares of a batch:
    BatchNorm is over all of it, dropout is that of one process.

    Attributes:
        noise: what layers draw from (dropout).
        share: which rows of a batch this process works on.
        scores: the network as `evaluate` takes it.
    """

    def __init__(self, config: Config, total_steps: int, group: Group | None = None) -> None:
        rank, size = rank_and_size(group)
        self.config, self.group = config, group
        self.model = MODELS[config.model](np.random.default_rng([config.seed, _WEIGHTS]))
        if group is not None:
            synchronize_batch_norm(self.model)
            synchronize(self.model, group)
        self.optimizer = SGD(
            self.model.parameters(),
            lr=config.peak_lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            nesterov=config.momentum > 0,
        )
        self.schedule = OneCycleLR(self.optimizer, config.peak_lr, total_steps=total_steps)
        self.noise = ShardedGenerator([config.seed, _LAYERS], rank, size)
        self.share = Share(rank, size, config.accumulate)
        self._gradients = GradientSum(self.model.parameters(), group)
        # What is sent to other processes meanwhile is in no program.
        engine = config.engine if group is None else "tape"
        self._learn = run_by(engine, self.model, _learning(self.model, config.label_smoothing))
        self._move = run_by(engine, self.model, self.optimizer.step)
        self.scores = scoring(engine, self.model)

    def step(self, images: Any, labels: Any, count: int, *, stop: object, where: str) -> Outcome:
        """Move the weights by the gradient of the mean loss of a batch.

        Args:
            images, labels: of this process's share.
            count: samples of the whole batch.
            stop: true once this process wants to stop, asked at the end of the step.
            where: which step it is, to be told where it fails.

        Raises:
            TrainingError: at all processes, where the loss or a gradient is NaN or infinite.
        """
        sums = np.zeros(3)
        parts = min(self.share.parts, count)
        self.optimizer.zero_grad()
        with ag.random.drawing_from(self.noise), together(self.group):
            for part in range(parts):
                own = slice(part, None, self.share.parts)
                self.noise.count = self.share.part_size(count, part)
                batch = Tensor(images[own]), labels[own], count
                last = self.group is not None and part == parts - 1
                loss, scores = self._learn(*batch, *([self._gradients.backward] if last else []))
                sums[0] += loss.item()
                sums[1] += (scores.data.argmax(axis=1) == labels[own]).sum()
        sums[2] = bool(stop)
        if self.group is not None:
            sums = self.group.sum(sums, "progress")
        outcome = Outcome(float(sums[0]), int(sums[1]), bool(sums[2]))
        what = self._failure(outcome.loss_sum / count)
        if what is not None:
            raise TrainingError(f"{what} at {where}: {self._origin(images, labels)}")
        self._move()
        self.schedule.step()
        return outcome

    def _failure(self, loss: float) -> str | None:
        """What of a step is no number, if anything."""
        if not math.isfinite(loss):
            return f"the loss became {loss}"
        wrong = self.not_finite(gradients=True)
        return wrong and f"the gradient of '{wrong}' became NaN or infinite"

    def not_finite(self, gradients: bool = False) -> str | None:
        """The first parameter that has a NaN or an infinity, or whose gradient has."""
        for name, parameter in self.model.named_parameters():
            found = parameter.grad if gradients else parameter
            if found is not None and not np.isfinite(found.data).all():
                return name
        return None

    def _origin(self, images: Any, labels: Any) -> str:
        """Which op made the first number that is none."""
        found, wrong = None, self.not_finite()
        if wrong is not None:
            found = f"'{wrong}' is not finite since the step before"
        elif len(images):
            try:
                # Alone: what fails at one process would leave the others waiting for it.
                with ag.debug(), ag.random.drawing_from(self.noise), together(None):
                    learn = _learning(self.model, self.config.label_smoothing)
                    learn(Tensor(images), labels, 1)
            except FloatingPointError as error:
                found = str(error)
        if self.group is not None:
            found = next((told for told in self.group.gather(found) if told), None)
        return found or "no op made it from finite numbers"


def _learning(model: Module, label_smoothing: float) -> Callable[..., tuple[Tensor, Tensor]]:
    """A part of a batch: what it adds to the gradients. It reads nothing else, as what it reads is
    looked at before each step where it runs as a program."""

    def learn(
        images: Tensor, labels: Any, count: int, backward: Any = Tensor.backward
    ) -> tuple[Tensor, Tensor]:
        scores = model(images)
        loss = F.cross_entropy(scores, labels, reduction="sum", label_smoothing=label_smoothing)
        backward(loss / count)
        return loss.detach(), scores.detach()

    return learn


def evaluate(
    model: Module,
    dataset: Dataset,
    batch_size: int = 1000,
    *,
    scores: Callable[[Tensor], Tensor] | None = None,
    part: Literal["test", "validation"] = "test",
    limit: int | None = None,
    group: Group | None = None,
) -> tuple[float, float]:
    """Mean loss and accuracy (a fraction), in evaluation mode; at most `limit` batches.

    The processes of a group evaluate a part each, and all get the result.

    Args:
        scores: the network as an engine runs it (see `mnist.engines.scoring`).
    """
    was_training = model.training
    model.eval()
    sums = np.zeros(3)  # of losses, of what is right, and how many there are
    rank, size = rank_and_size(group)
    batches = evaluation_batches(dataset, batch_size, part=part, limit=limit, rank=rank, size=size)
    with no_grad():
        for images, labels in batches:
            found = (scores or model)(Tensor(images))
            loss = F.cross_entropy(found, labels, reduction="sum").item()
            sums += loss, (found.data.argmax(axis=1) == labels).sum(), len(labels)
    model.train(was_training)
    loss_sum, hits, seen = sums if group is None else group.sum(sums, "evaluation")
    return float(loss_sum / seen), float(hits / seen)


def expect_workable(config: Config, dataset: Dataset, group: Group | None) -> None:
    """Raise DistributedError where the processes cannot share the batches of such a training."""
    if group is not None:
        expect_alike(group, {**asdict(config), **identity(dataset)})
    size = 1 if group is None else group.size
    shares = size * config.accumulate
    if config.batch_size % shares:
        by = [
            *([f"{size} processes"] if size > 1 else []),
            *([f"{config.accumulate} parts each"] if config.accumulate > 1 else []),
        ]
        raise DistributedError(
            f"batches of {config.batch_size} for {' times '.join(by)}: a multiple of {shares} "
            "expected; change --batch-size, --accumulate or the number of processes"
        )
    if size > len(dataset.train_images):
        raise DistributedError(
            f"{size} processes for {len(dataset.train_images)} training images: at most as many "
            "processes as images"
        )
