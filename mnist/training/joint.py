"""Whether processes can share the work of one training."""

from __future__ import annotations

import zlib
from dataclasses import asdict

import numpy as np

from mnist.config import Config
from mnist.data.dataset import Dataset
from nn.distributed import DistributedError, Group, expect_alike


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
