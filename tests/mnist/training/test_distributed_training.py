"""A training shared among processes is that of one process, but for rounding."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import CONFIG, digits, expect_told, listing
from support.layers.ranks import errors_on_ranks, gap, on_ranks

from autograd import Tensor
from mnist.config import Config
from mnist.data.batches import train_batches
from mnist.models import MODELS, PEAK_LR
from mnist.storage import checkpoints
from mnist.training import Training, resume, train
from mnist.training.learning import Learner, Outcome, evaluate
from nn import AvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, Module, Sequential, Tanh
from nn.distributed import DistributedError, Group, fingerprint


def in_double(model: Module) -> None:
    for tensor in [*model.parameters(), *(buffer for _, buffer in model.named_buffers())]:
        if tensor.dtype == np.float32:
            tensor.rebind(tensor.data.astype(np.float64))


def values(model: Module) -> Any:
    """Parameters and running statistics, one after the other."""
    state = model.state_dict()
    return np.concatenate([state[name].ravel() for name in state if state[name].dtype.kind == "f"])


def learned(
    config: Config,
    count: int,
    steps: int,
    total: int,
    group: Group | None = None,
    double: bool = True,
) -> tuple[Any, int, list[Outcome]]:
    """What so many steps on so many digits come to: values, fingerprint and outcomes."""
    learner = Learner(config, total, group)
    if double:
        in_double(learner.model)
    dataset, outcomes = digits(count), []
    epoch = 0
    while len(outcomes) < steps:
        epoch += 1
        batches = train_batches(
            dataset,
            config.batch_size,
            seed=config.seed,
            epoch=epoch,
            augmentation=config.augmentation(epoch),
            limit=steps - len(outcomes),
            share=learner.share,
        )
        left = count
        for images, labels in batches:
            given = images.astype(np.float64) if double else images
            size = min(config.batch_size, left)
            left -= size
            outcomes.append(learner.step(given, labels, size, stop=False, where=""))
    return values(learner.model), fingerprint(learner.model), outcomes


alone = cache(learned)


def expect_same(
    config: Config, count: int, steps: int, total: int, size: int, limit: float
) -> None:
    double = limit < 1e-8
    expected, _, outcomes = alone(config, count, steps, total, None, double)
    every = on_ranks(size, lambda group: learned(config, count, steps, total, group, double))
    assert len({fingerprint for _, fingerprint, _ in every}) == 1
    assert gap(every[0][0], expected) < limit
    for _, _, own in every:
        assert [o.hits for o in own] == [o.hits for o in outcomes]
        losses = np.array([o.loss_sum for o in outcomes])
        assert gap(np.array([o.loss_sum for o in own]), losses) < limit


@pytest.mark.parametrize("size", [1, 2, pytest.param(4, marks=pytest.mark.slow)])
# Batches of 8, 8 and then 2 or 6, of which some of four processes get no row.
@pytest.mark.parametrize(
    ("model", "accumulate", "count"),
    [
        ("basic", 1, 18),
        ("basic", 2, 22),
        pytest.param("deep", 1, 18, marks=pytest.mark.slow),
        pytest.param("deep", 2, 22, marks=pytest.mark.slow),
        pytest.param("best", 1, 18, marks=pytest.mark.slow),
        pytest.param("best", 2, 22, marks=pytest.mark.slow),
    ],
)
def test_learning_is_that_of_one_process(
    model: str, accumulate: int, size: int, count: int
) -> None:
    config = Config(model=model, batch_size=8, accumulate=accumulate, seed=2)
    expect_same(config, count, 20, 20, size, 1e-11)


def smooth(rng: np.random.Generator | None) -> Module:
    """The basic network without kinks: no choice between two nearly equal numbers makes of
    rounding more than it is, on whatever processor."""
    return Sequential(
        Conv2d(1, 16, 5, padding=2, bias=False, rng=rng),
        BatchNorm2d(16),
        Tanh(),
        AvgPool2d(2),
        Flatten(),
        Linear(16 * 14 * 14, 10, rng=rng),
    )


@pytest.mark.parametrize(
    ("size", "steps"), [(2, 40), *[pytest.param(n, 100, marks=pytest.mark.slow) for n in (2, 4)]]
)
def test_learning_in_single_precision(
    size: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "smooth", smooth)
    monkeypatch.setitem(PEAK_LR, "smooth", PEAK_LR["basic"])
    expect_same(Config(model="smooth"), 70, steps, 4690, size, 1e-5)


def test_learning_of_fewer_rows_than_parts() -> None:
    # One row of 13 is left over, and eight parts wait for rows.
    config = Config(batch_size=12, accumulate=4)
    expect_same(config, 13, 6, 20, 2, 1e-11)


def test_stop_of_one_rank_stops_all() -> None:
    def program(group: Group) -> list[bool]:
        learner, dataset = Learner(Config(batch_size=8), 20, group), digits(8)
        stops = []
        for wanted in (False, True):
            batch = next(
                train_batches(dataset, 8, seed=0, epoch=1, augmentation=None, share=learner.share)
            )
            stop = wanted and group.rank == 1
            stops.append(learner.step(*batch, 8, stop=stop, where="").stop)
        return stops

    assert on_ranks(2, program) == [[False, True]] * 2


# --- parts of a batch in one process -------------------------------------------------------------


def plain(rng: np.random.Generator | None = None) -> Sequential:
    """A network without statistics over the batch."""
    return Sequential(Flatten(), Linear(784, 12, rng=rng), Tanh(), Linear(12, 10, rng=rng))


@pytest.mark.parametrize("accumulate", [2, 3, 13, 20])
def test_parts_of_a_batch_add_up_to_its_gradient(
    accumulate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "plain", plain)
    config = Config(model="plain", lr=0.1, batch_size=13)
    batch = next(train_batches(digits(13), 13, seed=0, epoch=1, augmentation=None))
    images, labels = batch[0].astype(np.float64), batch[1]

    def gradients(config: Config) -> tuple[list[Any], Outcome]:
        learner = Learner(config, 20)
        in_double(learner.model)
        outcome = learner.step(images, labels, 13, stop=False, where="")
        return [p.grad.numpy() for p in learner.model.parameters()], outcome

    whole, outcome = gradients(config)
    parts, its = gradients(replace(config, accumulate=accumulate))
    assert its.hits == outcome.hits
    assert its.loss_sum == pytest.approx(outcome.loss_sum, rel=1e-13)
    for g, expected in zip(parts, whole, strict=True):
        assert gap(g, expected) < 1e-13


# --- whole trainings -----------------------------------------------------------------------------

STEPS = 7  # in an epoch of 160 images; the last batch has 16


def expect_metrics(got: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert [entry["epoch"] for entry in got] == [entry["epoch"] for entry in expected]
    for mine, its in zip(got, expected, strict=True):
        for name, value in its.items():
            assert mine[name] == pytest.approx(value, rel=1e-5), name


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training in one process."""
    folder = tmp_path_factory.mktemp("whole")
    train(digits(200), CONFIG, folder, str)
    return folder


def metrics_of(folder: Path) -> list[dict[str, Any]]:
    metrics: list[dict[str, Any]] = checkpoints.read(folder / "last.ckpt")["metrics"]
    return metrics


@pytest.mark.parametrize("size", [2, 4])
def test_training_measures_what_one_process_does(size: int, whole: Path, tmp_path: Path) -> None:
    runs = on_ranks(size, lambda group: train(digits(200), CONFIG, tmp_path, str, group))
    assert all(run.metrics == runs[0].metrics for run in runs)
    assert len({fingerprint(run.model) for run in runs}) == 1
    expect_metrics(runs[0].metrics, metrics_of(whole))
    assert listing(tmp_path) == listing(whole)
    assert metrics_of(tmp_path) == runs[0].metrics
    state = checkpoints.read(tmp_path / "last.ckpt")["model"]
    assert all(np.array_equal(state[n], a) for n, a in runs[0].model.state_dict().items())


def test_only_the_first_rank_writes(whole: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    config = replace(CONFIG, epochs=1)
    on_ranks(2, lambda group: train(digits(200), config, folders[group.rank], str, group))
    assert listing(folders[0]) == listing(whole)
    assert listing(tmp_path) == ["first"]


def stopped(
    size: int, config: Config, folder: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Train until so many steps are done, then stop, as the last rank alone asks for."""
    original = Training._step

    def interrupted(self: Training, images: Any, labels: Any, count: int, stop: Any) -> Outcome:
        last = self.group is None or self.group.rank == self.group.size - 1
        if last and self.learner.schedule.last_epoch == after - 1:
            stop.ask()
        return original(self, images, labels, count, stop)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_step", interrupted)
        if size == 1:
            runs = [train(digits(200), config, folder, str)]
        else:
            runs = on_ranks(size, lambda group: train(digits(200), config, folder, str, group))
    assert all(run.interrupted for run in runs)
    assert checkpoints.read(folder / "last.ckpt")["schedule"]["last_epoch"] == after


@pytest.mark.parametrize("after", [5, STEPS, pytest.param(STEPS + 2, marks=pytest.mark.slow)])
def test_training_of_four_goes_on_with_any_number(
    after: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = tmp_path / "four"
    stopped(4, CONFIG, four, after, monkeypatch)
    for size in (1, 2, 4):
        folder = tmp_path / str(size)
        shutil.copytree(four, folder)
        if size == 1:
            runs = [resume(digits(200), folder, str)]
        else:
            runs = on_ranks(size, lambda group, at=folder: resume(digits(200), at, str, group))
        for run in runs:
            assert not run.interrupted
            expect_metrics(run.metrics, metrics_of(whole))
        assert listing(folder) == listing(whole)


@pytest.mark.slow
def test_checkpoint_of_four_has_the_noise_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, model="best", batch_size=16, accumulate=2)
    states = []
    for size in (1, 4):
        stopped(size, config, tmp_path / str(size), 4, monkeypatch)
        states.append(checkpoints.read(tmp_path / str(size) / "last.ckpt"))
    one, four = states
    assert four["noise"] == one["noise"] != Learner(config, 20).noise.state
    for name in ("config", "dataset", "schedule"):
        assert four[name] == one[name]
    for name in ("epoch", "step", "seen"):
        assert four["progress"][name] == one["progress"][name]


def test_networks_that_came_apart_are_found_after_the_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Training._finish_epoch

    def apart(self: Training) -> dict[str, Any]:
        if self.group is not None and self.group.rank == 1:
            *_, bias = self.model.parameters()
            bias.data = np.nextafter(bias.data, np.float32(np.inf))
        return original(self)

    monkeypatch.setattr(Training, "_finish_epoch", apart)
    errors = errors_on_ranks(2, lambda group: train(digits(200), CONFIG, tmp_path, str, group))
    expect_told(errors, DistributedError, "the network after the epoch")


# --- evaluation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("test", "batch", "limit"), [(60, 1000, None), (60, 7, None), (60, 7, 1), (3, 7, None)]
)
def test_evaluation_is_that_of_one_process(
    size: int, test: int, batch: int, limit: int | None
) -> None:
    dataset, model = digits(40, test), MODELS["best"](np.random.default_rng(0))
    in_double(model)
    double = Double(model)
    expected = evaluate(double, dataset, batch, limit=limit)
    seen = test if limit is None else limit * batch

    def program(group: Group) -> tuple[float, float]:
        own = copy.deepcopy(double)  # evaluating sets the mode of the network
        return evaluate(own, dataset, batch, limit=limit, group=group)

    for loss, accuracy in on_ranks(size, program):
        assert loss == pytest.approx(expected[0], rel=1e-13)
        assert accuracy == expected[1]
        assert accuracy * seen == pytest.approx(round(accuracy * seen), abs=1e-9)


class Double(Module):
    """A network that is given its images in double precision."""

    def __init__(self, model: Module) -> None:
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.astype(np.float64))
