"""What tests of trainings on several ranks share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mnist.config import Config
from mnist.data import Dataset, drawn

CONFIG = Config(model="basic", epochs=2, batch_size=24, validation=40, seed=5, checkpoint_every=3)


@cache
def digits(count: int, test: int = 60) -> Dataset:
    (images, labels), (test_images, test_labels) = drawn.load(train=count, test=test, seed=3)
    return Dataset("drawn digits", images, labels, test_images, test_labels)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def expect_told(errors: list[BaseException | None], kind: type[Exception], *told: str) -> None:
    for rank, error in enumerate(errors):
        assert isinstance(error, kind), f"rank {rank}: {error!r}"
        for part in told:
            assert part in str(error), f"rank {rank}"
