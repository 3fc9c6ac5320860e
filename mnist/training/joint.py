"""What the processes of one training decide together, so that none waits for one that has ended."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

import numpy as np

from mnist.config import Config
from mnist.data.dataset import Dataset
from nn.distributed import DistributedError, Group, expect_alike

T = TypeVar("T")


def jointly(group: Group | None, work: Callable[[], T], told: tuple[type[Exception], ...]) -> T:
    """work() at each process; where it fails at any with an error of `told`, all raise that.

    An error of some processes alone becomes a DistributedError that names the first of them.
    """
    if group is None:
        return work()
    value, error = None, None
    try:
        value = work()
    except told as caught:
        error = caught
    texts = group.gather(None if error is None else str(error))
    if error is not None and None not in texts:
        raise error
    for rank, text in enumerate(texts):
        if text is not None:
            raise DistributedError(f"{text} (at rank {rank} of {group.size})") from error
    return value  # type: ignore[return-value]


def at_first(group: Group | None, work: Callable[[], T]) -> T:
    """work() of rank 0 alone: what it gives, or the error that it raises, at all processes."""
    if group is None:
        return work()
    given: tuple[T | None, Exception | None] = (None, None)
    if group.rank == 0:
        try:
            given = work(), None
        except Exception as error:
            given = None, error
    value, failed = group.gather(given)[0]
    if failed is not None:
        raise failed
    return value  # type: ignore[return-value]


def expect_workable(config: Config, dataset: Dataset, group: Group | None) -> None:
    """Raise DistributedError where the processes cannot share the batches of such a training."""
    if group is not None:
        expect_alike(group, {**asdict(config), **_contents(dataset)})
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


def _contents(dataset: Dataset) -> dict[str, str]:
    """What tells data sets apart."""
    parts = {
        "training images": dataset.train_images,
        "training labels": dataset.train_labels,
        "validation images": dataset.validation_images,
        "validation labels": dataset.validation_labels,
        "test images": dataset.test_images,
        "test labels": dataset.test_labels,
    }
    return {"data": dataset.name} | {
        f"the checksum of the {name}": f"{zlib.crc32(np.ascontiguousarray(array).data):08x}"
        for name, array in parts.items()
    }
