"""A run as its folder tells of it, checked: foreign or damaged files end in one clear line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from mnist.data.dataset import Dataset
from mnist.data.files import shown
from mnist.models import Vote
from mnist.results.predictions import Predictions, predict
from mnist.results.tables import run_html
from mnist.storage.run_data import expect_data
from mnist.storage.runs import Entry, Facts, RunError, RunFolder, read_run
from mnist.storage.weights import Trained, of_run


@dataclass(frozen=True)
class StoredRun:
    """What a run's folder holds.

    Attributes:
        facts: settings, and facts of the data and the network.
        metrics: an entry an epoch, of one at least.
        members: of a vote, the last entry of each member that has its folder, by its number.
        seconds: of each epoch, by its number; empty where times.jsonl is not there.
        trained: the network.
    """

    folder: Path
    facts: Facts
    metrics: list[Entry]
    members: dict[int, Entry]
    seconds: dict[int, float]
    trained: Trained

    def _repr_html_(self) -> str:
        return run_html(self.facts, self.metrics, self.folder)

    def predict(self, dataset: Dataset) -> Predictions:
        """What the network says of each test digit.

        Raises RunError where it was trained on other data, or its scores are no finite numbers.
        """
        expect_data(self.facts, dataset, shown(self.folder))
        network, images = self.trained, dataset.test_images
        found = predict(
            network.model, images, dataset.test_labels, mean=network.mean, std=network.std
        )
        if not math.isfinite(found.loss):
            raise RunError(
                f"{shown(self.folder)}: the network's scores are no finite numbers, as after "
                "a training that diverged; train again with a smaller --lr"
            )
        return found


def load_run(folder: str | Path, *, dry: bool = False) -> StoredRun:
    """Read a run from its folder; with `dry` also that of a dry run.

    Raises RunError or CheckpointError where it is none with a trained network, or is damaged.
    """
    record, files = read_run(folder, dry=dry), RunFolder(folder)
    trained = of_run(record, files.folder)
    count = len(trained.model.members) if isinstance(trained.model, Vote) else 0
    places = {number: files.folder / f"member-{number}" for number in range(1, 1 + count)}
    members = {
        number: read_run(place, dry=dry).metrics[-1]
        for number, place in places.items()
        if RunFolder(place).last.exists()
    }
    facts = record.facts | {"parameters": sum(p.size for p in trained.model.parameters())}
    return StoredRun(files.folder, facts, record.metrics, members, files.seconds(), trained)
