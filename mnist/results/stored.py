"""A run as its folder tells of it, checked: foreign or damaged files end in one clear line."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist.data.dataset import Dataset
from mnist.data.files import shown
from mnist.models import Vote
from mnist.results.predictions import Predictions, predict
from mnist.results.tables import run_html
from mnist.storage.reading import CheckpointError
from mnist.storage.records import Entry, Facts, RunError, expect_data
from mnist.storage.runs import RunFolder, read_run
from mnist.storage.weights import Trained, of_run


@dataclass(frozen=True)
class StoredRun:
    """What a run's folder holds.

    Attributes:
        facts: settings, and facts of the data and the network.
        metrics: an entry an epoch, of one at least.
        members: of a vote, the last entry of each member whose folder has the network that is in
            it, by its number.
        seconds: of each epoch that is over, by its number, where times.jsonl tells.
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
        try:
            return predict(
                network.scores, images, dataset.test_labels, mean=network.mean, std=network.std
            )
        except CheckpointError as error:
            raise RunError(f"{shown(self.folder)}: {error}") from error


def load_run(folder: str | Path, *, dry: bool = False) -> StoredRun:
    """Read a run from its folder; with `dry` also that of a dry run.

    Raises RunError or CheckpointError where it is none with a trained network, or is damaged.
    """
    record, files = read_run(folder, dry=dry), RunFolder(folder)
    trained = of_run(record, files.folder)
    members: dict[int, Entry] = {}
    voting = list(trained.model.members) if isinstance(trained.model, Vote) else []
    for place, network in zip(files.members(len(voting)), voting, strict=False):
        with suppress(CheckpointError):  # one that is lost, or another, has no say here
            own, weights = read_run(place.folder, dry=dry), network.state_dict()
            if own.weights.keys() == weights.keys() and all(
                np.array_equal(own.weights[name], weights[name]) for name in weights
            ):
                members[voting.index(network) + 1] = own.metrics[-1]
    seconds = {n: s for n, s in files.seconds().items() if 1 <= n <= len(record.metrics)}
    facts = record.facts | {"parameters": sum(p.size for p in trained.model.parameters())}
    return StoredRun(files.folder, facts, record.metrics, members, seconds, trained)
