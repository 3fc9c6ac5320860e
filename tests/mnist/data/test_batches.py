"""What a training sees: every image once an epoch, in the same order for the same seed."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from mnist.data import Dataset, normalise
from mnist.data.augment import Augmentation
from mnist.data.batches import batch_count, evaluation_batches, in_background, train_batches


@pytest.fixture
def dataset(rng: np.random.Generator) -> Dataset:
    images = rng.integers(0, 256, (50, 28, 28), dtype=np.uint8)
    labels = np.arange(50, dtype=np.uint8) % 10
    images[:, 0, 0] = np.arange(50)  # a number to know each by
    return Dataset("test", images, labels, images[:23].copy(), labels[:23].copy())


def epoch(dataset: Dataset, number: int = 1, seed: int = 0, augment: bool = False) -> list:
    augmentation = Augmentation() if augment else None
    return list(train_batches(dataset, 8, seed=seed, epoch=number, augmentation=augmentation))


def test_every_image_comes_once_with_its_label(dataset: Dataset) -> None:
    batches = epoch(dataset)
    assert [len(labels) for _, labels in batches] == [8] * 6 + [2]
    images = np.concatenate([images for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    plain = normalise(dataset.train_images, dataset.mean, dataset.std)
    order = [int(np.flatnonzero(plain[:, 0, 0, 0] == image[0, 0, 0])[0]) for image in images]
    assert sorted(order) == list(range(50))
    assert order != sorted(order)
    np.testing.assert_array_equal(images, plain[order])
    np.testing.assert_array_equal(labels, dataset.train_labels[order])


@pytest.mark.parametrize("augment", [False, True])
def test_seed_and_epoch_alone_decide(dataset: Dataset, augment: bool) -> None:
    first = epoch(dataset, augment=augment)
    again = epoch(dataset, augment=augment)
    for (a, b), (c, d) in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    for other in (epoch(dataset, 2, augment=augment), epoch(dataset, seed=1, augment=augment)):
        assert (other[0][1] != first[0][1]).any()


def test_evaluation_keeps_the_order(dataset: Dataset) -> None:
    batches = list(evaluation_batches(dataset, 10))
    assert [len(labels) for _, labels in batches] == [10, 10, 3]
    np.testing.assert_array_equal(
        np.concatenate([images for images, _ in batches]),
        normalise(dataset.test_images, dataset.mean, dataset.std),
    )


def test_limit(dataset: Dataset) -> None:
    assert len(list(evaluation_batches(dataset, 10, limit=2))) == 2
    assert [batch_count(50, 8), batch_count(48, 8), batch_count(50, 8, 3)] == [7, 6, 3]


def test_items_are_made_ahead_on_another_thread() -> None:
    threads, made = set(), []
    early = threading.Event()

    def make(index: int) -> int:
        threads.add(threading.get_ident())
        made.append(index)
        if index == 2:
            early.set()
        return index * index

    items = in_background(make, range(5), ahead=3)
    assert next(items) == 0
    assert early.wait(timeout=10)  # item 2 is made though only item 0 was asked for
    assert list(items) == [1, 4, 9, 16]
    assert made == list(range(5))
    assert threading.get_ident() not in threads


def test_an_exception_comes_where_its_item_would() -> None:
    def make(index: int) -> int:
        if index == 2:
            raise OSError("no more")
        return index

    seen: list[int] = []
    items = in_background(make, range(9))
    with pytest.raises(OSError, match="no more"):
        for item in items:
            seen.append(item)
    assert seen == [0, 1]


def test_leaving_early_stops_the_thread() -> None:
    before = threading.active_count()
    items = in_background(lambda i: i, range(10_000))
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
