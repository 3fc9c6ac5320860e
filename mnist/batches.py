"""Mini-batches: shuffled, augmented, normalised, and made beside the training that uses them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist.augment import Augmentation
from mnist.data import Dataset, normalise

Item = TypeVar("Item")
Batch = tuple[NDArray[np.float32], NDArray[np.uint8]]

AHEAD = 4  # batches made in advance: enough to ride out a slow moment, 0.8 MB at batch size 64

# What a random stream is for; with the seed, the epoch and the batch this makes its own seed, so
# that the numbers do not depend on what else was drawn, nor on which thread comes first.
_SHUFFLE, _AUGMENT = 1, 2


def train_batches(
    dataset: Dataset,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    augmentation: Augmentation | None,
    start: int = 0,
    limit: int | None = None,
) -> Iterator[Batch]:
    """The training set in an order of this epoch's own: images float32 (B, 1, 28, 28), labels (B,).

    The last batch may be smaller; `start` begins with that batch, `limit` ends before that one.
    """
    order = np.random.default_rng([seed, _SHUFFLE, epoch]).permutation(len(dataset.train_images))

    def make(index: int) -> Batch:
        chosen = order[index * batch_size : (index + 1) * batch_size]
        images = dataset.train_images[chosen]
        if augmentation is not None:
            images = augmentation(images, np.random.default_rng([seed, _AUGMENT, epoch, index]))
        return normalise(images, dataset.mean, dataset.std), dataset.train_labels[chosen]

    return in_background(make, range(start, batch_count(len(order), batch_size, limit)))


def evaluation_batches(
    dataset: Dataset,
    batch_size: int,
    *,
    part: Literal["test", "validation"] = "test",
    limit: int | None = None,
) -> Iterator[Batch]:
    """The test or validation set in its order, normalised as the training set is."""
    all_images, all_labels = dataset.test_images, dataset.test_labels
    if part == "validation":
        all_images, all_labels = dataset.validation_images, dataset.validation_labels

    def make(index: int) -> Batch:
        chosen = slice(index * batch_size, (index + 1) * batch_size)
        return normalise(all_images[chosen], dataset.mean, dataset.std), all_labels[chosen]

    count = batch_count(len(all_images), batch_size, limit)
    return in_background(make, range(count))


def batch_count(samples: int, batch_size: int, limit: int | None = None) -> int:
    """How many batches hold so many samples, at most `limit`."""
    count = -(-samples // batch_size)
    return count if limit is None else min(count, limit)


def in_background(
    make: Callable[[int], Item], indices: range, ahead: int = AHEAD
) -> Iterator[Item]:
    """make(i) for each index in order, computed by another thread up to `ahead` items early.

    An exception in `make` is raised where its item would have come. Leaving the loop early waits
    for the item in the making and drops the rest.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        todo = iter(indices)
        waiting: deque[Future[Item]] = deque(pool.submit(make, i) for i in islice(todo, ahead))
        try:
            while waiting:
                item = waiting.popleft().result()
                for i in islice(todo, 1):
                    waiting.append(pool.submit(make, i))
                yield item
        finally:
            for future in waiting:
                future.cancel()
