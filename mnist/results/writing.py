"""All results of a run, as pictures and a page, into its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np

from mnist.data.dataset import Dataset
from mnist.data.files import write_whole
from mnist.models import Vote
from mnist.results.measures import Bin, calibration
from mnist.results.page import WORST, Picture, report_page
from mnist.results.predictions import Predictions, saliency
from mnist.results.rendering import DARK, HINT, LIGHT, Drawing, can_draw, render
from mnist.results.stored import StoredRun, load_run
from mnist.results.wording import percent, plain
from mnist.storage.runs import Entry, RunError, RunFolder

Sketch = tuple[str, str, str, str, Drawing]  # name, title, alt, reading; see page.Picture


def plot_curves(metrics: Sequence[Entry], title: str, path: Path) -> bool:
    """Draw loss and accuracy over the epochs into a PNG; False where matplotlib is missing."""
    if not can_draw():
        return False
    from mnist.results.drawings import curves

    write_whole(path, [render(partial(curves, metrics, title))], RunError)
    return True


def write_report(
    folder: Path,
    dataset: Dataset,
    announce: Callable[[str], None] = print,
    *,
    dry: bool = False,
) -> list[str]:
    """Show the network of a run the test set of its data set, and write what came of it.

    Into the folder go curves.png, confusion.png, worst.png, filters.png, saliency.png,
    calibration.png and report.html, which holds them all. A vote of several networks has no
    curves. Without matplotlib there is only the page, with its tables; `announce` is told so.

    Args:
        dry: whether the run may be a dry run.

    Returns:
        The names of the files written.

    Raises:
        RunError: the folder is not that of a run, is of one on other data, or cannot be written to.
        CheckpointError: one of its files is damaged.
        LockedError: another process writes into it.
    """
    with RunFolder(folder).locked() if folder.is_dir() else nullcontext():
        return _written(load_run(folder, dry=dry), dataset, announce)


def _written(run: StoredRun, dataset: Dataset, announce: Callable[[str], None]) -> list[str]:
    found = run.predict(dataset)
    bins = calibration(found.confidence, found.right)
    notes = _notes(run)
    for note in notes:
        announce(note)
    pictures = []
    if can_draw():
        pictures = [
            Picture(name, title, alt, reading, render(drawing, LIGHT), render(drawing, DARK))
            for name, title, alt, reading, drawing in _sketches(run, dataset, found, bins)
        ]
    else:
        announce(HINT)
        notes.append(HINT)
    text = report_page(run, dataset.name, found, bins, pictures, notes, _written_by())
    files = {picture.name: picture.light for picture in pictures}
    files["report.html"] = text.encode()
    for name, content in files.items():
        write_whole(run.folder / name, [content], RunError)
    return list(files)


def _notes(run: StoredRun) -> list[str]:
    """What should be known before any number is believed."""
    notes = [run.trained.note] if run.trained.note else []
    if run.facts.get("dry_run"):
        notes.append("A dry run: one batch of training, so the results mean nothing.")
    return notes


def _sketches(
    run: StoredRun, dataset: Dataset, found: Predictions, bins: tuple[Sequence[Bin], float]
) -> Iterator[Sketch]:
    from mnist.results.drawings import (
        confusion,
        curves,
        filters,
        first_filters,
        reliability,
        saliencies,
        worst,
    )

    images, labels, network = dataset.test_images, dataset.test_labels, run.trained
    if not isinstance(network.model, Vote):
        title = f"{plain(run.facts['model'])} on {dataset.name}"
        last = run.metrics[-1].get("test_accuracy")
        yield (
            "curves.png",
            "Loss and accuracy",
            f"Curves of loss and accuracy over {len(run.metrics)} epochs"
            + ("." if last is None else f"; the test accuracy ends at {percent(last)}."),
            "Both axes are stretched: halving the loss, or the mistakes, is the same distance "
            "everywhere. Training is measured while it goes on, on distorted images and with the "
            "weights of the moment, so it may lie below the test.",
            partial(curves, run.metrics, title),
        )
    mistakes = found.confusion - np.diag(found.confusion.diagonal())
    label, guess = np.unravel_index(int(mistakes.argmax()), mistakes.shape)
    yield (
        "confusion.png",
        "Confusion of digits",
        "A table of labels by guesses."
        + (
            f" The most frequent mistake is {label} read as {guess}, {mistakes.max()} times."
            if mistakes.max()
            else " There is no mistake."
        ),
        "A row for what the digit is, a column for what it was read as: how many, and below that "
        "the percentage of the row. Only mistakes are coloured, the most frequent the strongest.",
        partial(confusion, found.confusion),
    )
    chosen = found.worst(WORST)
    yield (
        "worst.png",
        f"The {len(chosen)} worst-classified digits",
        "Test images, each with its label, its guess and their probabilities. The first is a "
        f"{found.labels[chosen[0]]}, read as {found.guesses[chosen[0]]}.",
        "Those whose label got the least probability, the least first: above what it is, and the "
        "probability of that; below what it was read as, and the probability of that. The number "
        "is the image's place in the test set, from 0.",
        partial(worst, images, found, chosen),
    )
    members = first_filters(network.model)
    if members:
        kind = "The filters of the first layer"
        yield (
            "filters.png",
            kind + (" of each network" if len(members) > 1 else ""),
            f"{sum(map(len, members))} filters of {members[0].shape[1]} by "
            f"{members[0].shape[2]} weights.",
            "All on one scale. A filter answers most strongly where there is ink under its red "
            "weights and none under its blue ones.",
            partial(filters, members),
        )
    some = found.first_of_each()
    gradients, guesses = saliency(network.model, images[some], mean=network.mean, std=network.std)
    yield (
        "saliency.png",
        "What the guess hangs on",
        f"{len(some)} test images, the first of each digit, each beside the gradient of its "
        "highest score by the pixels.",
        "The first test image of each digit, and beside it the gradient of the score of the guess: "
        "more ink on red raises the score, on blue lowers it. Each has a scale of its own; its "
        "end (±) is the change of the score from no ink to full ink. A regular pattern on empty "
        "ground comes from pooling: of equal pixels the first gets the whole gradient.",
        partial(saliencies, images[some], labels[some], gradients, guesses),
    )
    used = sum(1 for b in bins[0] if b.count)
    yield (
        "calibration.png",
        "Reliability diagram",
        f"Accuracy over confidence in {used} bins, and the number of images in each; the expected "
        f"calibration error is {percent(bins[1])}.",
        "On the dashed line a network is right as often as it says; below it, it is too sure. The "
        "bars are 95 % intervals (Wilson): where there are few images they are long, and the "
        "distance from the line says little.",
        partial(reliability, *bins),
    )


def _written_by() -> str:
    def version(package: str) -> str:
        try:
            return f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            return f"{package} of unknown version"  # run from its source, without installation

    tools = ", ".join(map(version, ["numpy", "matplotlib"] if can_draw() else ["numpy"]))
    return f"Written by {version('pullback')}, with {tools}: python -m mnist report RUN"
