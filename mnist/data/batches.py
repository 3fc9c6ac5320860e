"""Mini-batches: shuffled, augmented, normalised, and made beside the training that uses them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist.data.augment import Augmentation
from mnist.data.dataset import Dataset, normalise
from nn.distributed import Share

Item = TypeVar("Item")
Batch = tuple[NDArray[np.float32], NDArray[np.uint8]]

WHOLE = Share()  # of a process alone
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
    share: Share = WHOLE,
) -> Iterator[Batch]:
    """The training set in an order of this epoch's own: images float32 (B, 1, 28, 28), labels (B,).

    The last batch may be smaller; `start` begins with that batch, `limit` ends before that one. Of
    each batch a process gets its `share`: rows of the batch that a process alone would get.
    """
    order = np.random.default_rng([seed, _SHUFFLE, epoch]).permutation(len(dataset.train_images))

    def make(index: int) -> Batch:
        chosen = order[index * batch_size : (index + 1) * batch_size]
        rows = share.rows(len(chosen))
        own = chosen[rows]
        images = dataset.train_images[own]
        if augmentation is not None:
            rng = np.random.default_rng([seed, _AUGMENT, epoch, index])
            images = augmentation(images, rng, rows, len(chosen))
        return normalise(images, dataset.mean, dataset.std), dataset.train_labels[own]

    return in_background(make, range(start, batch_count(len(order), batch_size, limit)))


def evaluation_batches(
    dataset: Dataset,
    batch_size: int,
    *,
    part: Literal["test", "validation"] = "test",
    limit: int | None = None,
    rank: int = 0,
    size: int = 1,
) -> Iterator[Batch]:
    """The test or validation set in its order, normalised as the training set is.

    Args:
        limit: at most so many batches.
        rank, size: of so many processes, each gets a stretch of it; this gives that of rank.
    """
    all_images, all_labels = dataset.test_images, dataset.test_labels
    if part == "validation":
        all_images, all_labels = dataset.validation_images, dataset.validation_labels
    count = len(all_images) if limit is None else min(len(all_images), limit * batch_size)
    begin, end = count * rank // size, count * (rank + 1) // size

    def make(index: int) -> Batch:
        first = begin + index * batch_size
        chosen = slice(first, min(first + batch_size, end))
        return normalise(all_images[chosen], dataset.mean, dataset.std), all_labels[chosen]

    return in_background(make, range(batch_count(end - begin, batch_size)))


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
            pool.shutdown(cancel_futures=True)
