"""What fails at one process, or cannot be shared, ends all of them with one error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.rank_trainings import CONFIG, digits, expect_told, listing
from support.layers.ranks import errors_on_ranks, on_ranks

from mnist.config import Config
from mnist.data.batches import train_batches
from mnist.data.files import LockedError, alone_in
from mnist.storage import checkpoints
from mnist.storage.checkpoints import CheckpointError
from mnist.storage.runs import RunError
from mnist.training import Training, resume, train
from mnist.training.learning import Learner, Outcome, TrainingError, expect_workable
from nn.distributed import DistributedError, Group
from nn.parallel.joint import at_first, jointly

# --- failures are everyone's ---------------------------------------------------------------------


def poisoned(
    poison: Callable[[Learner], None], ranks: set[int], size: int = 3, rows: int = 12
) -> list[BaseException | None]:
    """What each rank raises at the step after some of them got bad weights."""

    def program(group: Group) -> None:
        learner = Learner(Config(batch_size=12), 20, group)
        batch = next(
            train_batches(digits(rows), 12, seed=0, epoch=1, augmentation=None, share=learner.share)
        )
        learner.step(*batch, rows, stop=False, where="step 1")
        if group.rank in ranks:
            poison(learner)
        with np.errstate(over="ignore", invalid="ignore"):
            learner.step(*batch, rows, stop=False, where="step 2")

    return errors_on_ranks(size, program)


def overflowing(learner: Learner) -> None:
    """Weights that are finite, and scores that are not."""
    *_, weight, _ = learner.model.parameters()
    weight.data = np.full_like(weight.data, 3e38)


def not_a_number(learner: Learner) -> None:
    weight, *_ = learner.model.parameters()
    weight.data = np.full_like(weight.data, np.nan)


@pytest.mark.parametrize("ranks", [{1}, {0}, {0, 1, 2}], ids=str)
def test_overflow_is_traced_and_told_by_all(ranks: set[int]) -> None:
    errors = poisoned(overflowing, ranks)
    expect_told(errors, TrainingError, "step 2", "'matmul' made the first inf")


@pytest.mark.parametrize("ranks", [{1}, {0}, {0, 1, 2}], ids=str)
def test_weight_that_is_no_number_is_told_by_all(ranks: set[int]) -> None:
    errors = poisoned(not_a_number, ranks)
    expect_told(errors, TrainingError, "the loss became nan at step 2", "'0.weight'")


def test_failure_is_told_where_a_rank_has_no_row() -> None:
    errors = poisoned(overflowing, {0}, size=3, rows=2)
    expect_told(errors, TrainingError, "step 2", "'matmul' made the first inf")


def test_training_fails_at_all_and_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Training._step

    def poisoned(self: Training, *args: Any) -> Outcome:
        if self.group is not None and self.group.rank == 1 and self.progress.step == 4:
            overflowing(self.learner)
        return original(self, *args)

    monkeypatch.setattr(Training, "_step", poisoned)
    errors = errors_on_ranks(2, lambda group: train(digits(200), CONFIG, tmp_path, str, group))
    expect_told(errors, TrainingError, "step 5 of epoch 1", "'matmul' made the first inf", "--lr")
    assert checkpoints.read(tmp_path / "last.ckpt")["progress"]["step"] == 3


# --- what cannot be shared -----------------------------------------------------------------------


def test_batch_that_does_not_divide_is_refused() -> None:
    dataset = digits(200)
    expect_workable(Config(batch_size=24, accumulate=3), dataset, None)
    on_ranks(4, lambda group: expect_workable(Config(batch_size=24, accumulate=3), dataset, group))
    with pytest.raises(DistributedError, match="batches of 24 for 5 parts each: a multiple of 5"):
        expect_workable(Config(batch_size=24, accumulate=5), dataset, None)
    for config, told in (
        (Config(batch_size=25), "batches of 25 for 2 processes: a multiple of 2"),
        (
            Config(batch_size=6, accumulate=4),
            "batches of 6 for 2 processes times 4 parts each: a multiple of 8",
        ),
    ):
        errors = errors_on_ranks(
            2, lambda group, config=config: expect_workable(config, dataset, group)
        )
        expect_told(errors, DistributedError, told, "--batch-size")


def test_more_processes_than_images_are_refused() -> None:
    config = Config(batch_size=12)
    on_ranks(3, lambda group: expect_workable(config, digits(3), group))
    errors = errors_on_ranks(4, lambda group: expect_workable(config, digits(3), group))
    expect_told(errors, DistributedError, "4 processes for 3 training images")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"seed": 1}, "seed is 0 at rank 0, 1 at rank 1"),
        ({"augment": False}, "augment is True at rank 0, False at rank 1"),
        ({"batch_size": 63}, "batch_size is 64 at rank 0, 63 at rank 1"),
        ({"accumulate": 5}, "accumulate is 1 at rank 0, 5 at rank 1"),
    ],
    ids=str,
)
def test_settings_that_differ_are_refused(settings: dict[str, Any], told: str) -> None:
    configs = [Config(), replace(Config(), **settings)]
    errors = errors_on_ranks(
        2, lambda group: expect_workable(configs[group.rank], digits(200), group)
    )
    expect_told(errors, DistributedError, told)


def other_label(labels: Any, at: int = 0) -> Any:
    changed = labels.copy()
    changed[at] = (changed[at] + 1) % 10
    return changed


def other_pixel(images: Any) -> Any:
    changed = images.copy()
    changed[0, 14, 14] ^= 1
    return changed


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("train_labels", other_label, "data_sha256"),
        ("train_images", other_pixel, "data_sha256"),
        ("test_labels", other_label, "data_sha256"),
        ("test_images", other_pixel, "data_sha256"),
        ("name", str.upper, "dataset is 'drawn digits' at rank 0, 'DRAWN DIGITS' at rank 1"),
    ],
)
def test_data_that_differ_are_refused(
    name: str, change: Callable[[Any], Any], told: str, tmp_path: Path
) -> None:
    dataset = digits(200)
    sets = [dataset, replace(dataset, **{name: change(getattr(dataset, name))})]
    errors = errors_on_ranks(2, lambda group: train(sets[group.rank], CONFIG, tmp_path, str, group))
    expect_told(errors, DistributedError, told)
    assert listing(tmp_path) == []


def test_validation_images_that_differ_are_refused(tmp_path: Path) -> None:
    # They are the last of the training set that was given, and choose best.ckpt.
    dataset = digits(200)
    sets = [dataset, replace(dataset, train_labels=other_label(dataset.train_labels, -1))]
    assert CONFIG.validation
    errors = errors_on_ranks(2, lambda group: train(sets[group.rank], CONFIG, tmp_path, str, group))
    expect_told(errors, DistributedError, "data_sha256")


# --- together ------------------------------------------------------------------------------------


def failing(group: Group, ranks: set[int], kind: type[Exception]) -> int:
    if group.rank in ranks:
        raise kind(f"no luck at {group.rank}")
    return 10 * group.rank


def test_jointly_gives_each_its_own() -> None:
    def program(group: Group) -> int:
        return jointly(group, lambda: failing(group, set(), OSError), (OSError,))

    assert on_ranks(3, program) == [0, 10, 20]
    assert jointly(None, lambda: 7, ()) == 7


@pytest.mark.parametrize("ranks", [{1}, {0}, {1, 2}])
def test_jointly_tells_all_of_the_first_that_fails(ranks: set[int]) -> None:
    errors = errors_on_ranks(
        3, lambda group: jointly(group, lambda: failing(group, ranks, OSError), (OSError,))
    )
    first = min(ranks)
    expect_told(errors, DistributedError, f"no luck at {first} (at rank {first} of 3)")
    assert {rank for rank, e in enumerate(errors) if e and e.__cause__} == ranks


def test_jointly_raises_what_all_raise() -> None:
    errors = errors_on_ranks(
        3, lambda group: jointly(group, lambda: failing(group, {0, 1, 2}, OSError), (OSError,))
    )
    assert [type(e) for e in errors] == [OSError] * 3
    assert [str(e) for e in errors] == [f"no luck at {rank}" for rank in range(3)]


def test_at_first_works_at_rank_0_alone() -> None:
    worked: list[int] = []

    def program(group: Group) -> int:
        return at_first(group, lambda: worked.append(group.rank) or 42)

    assert on_ranks(3, program) == [42] * 3
    assert worked == [0]
    assert at_first(None, lambda: 7) == 7


def test_at_first_raises_its_error_at_all() -> None:
    errors = errors_on_ranks(
        3,
        lambda group: at_first(group, lambda: failing(group, {0, 1}, CheckpointError)),
    )
    expect_told(errors, CheckpointError, "no luck at 0")


def test_resume_without_a_run_fails_at_all(tmp_path: Path) -> None:
    errors = errors_on_ranks(2, lambda group: resume(digits(200), tmp_path, str, group))
    expect_told(errors, RunError, "holds no run", "name a folder that train.py has written")


def test_a_folder_that_is_not_free_is_refused_at_all(tmp_path: Path) -> None:
    train(digits(200), replace(CONFIG, epochs=1), tmp_path, str)
    before = (tmp_path / "last.ckpt").read_bytes()
    errors = errors_on_ranks(2, lambda group: train(digits(200), CONFIG, tmp_path, str, group))
    expect_told(errors, RunError, f"{tmp_path}: holds a run already")
    errors = errors_on_ranks(2, lambda group: resume(digits(100), tmp_path, str, group))
    expect_told(errors, RunError, "is of another data set")
    with alone_in(tmp_path, wait=False):
        errors = errors_on_ranks(2, lambda group: resume(digits(200), tmp_path, str, group))
    expect_told(errors, LockedError, f"{tmp_path}: another process is at work in this folder")
    assert (tmp_path / "last.ckpt").read_bytes() == before
