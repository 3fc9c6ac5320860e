"""report.html and its pictures: a run on one page that needs nothing else, neither network nor
script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from html import escape
from importlib import metadata
from pathlib import Path

import numpy as np

from mnist.data.dataset import Dataset
from mnist.data.files import shown, write_whole
from mnist.models import Vote
from mnist.results.predictions import Bin, Predictions, calibration, saliency, wilson
from mnist.results.rendering import DARK, HINT, LIGHT, Drawing, can_draw, render, uri
from mnist.results.stored import StoredRun, load_run
from mnist.results.style import STYLE
from mnist.results.tables import digits_table, epochs_table, facts_table, measured, table
from mnist.results.wording import duration, interval, percent, plain
from mnist.storage.records import Entry, RunError
from mnist.storage.runs import RunFolder

Sketch = tuple[str, str, str, str, Drawing]  # name, title, alt, reading; see Picture
WORST = 20  # images shown of those that the network is most wrong about


@dataclass(frozen=True)
class Picture:
    """A picture for the page.

    Attributes:
        name: of its file.
        title: above it.
        alt: what is seen on it, for whom it cannot be seen.
        reading: how to read it.
        light, dark: the PNG on light and on dark ground.
    """

    name: str
    title: str
    alt: str
    reading: str
    light: bytes
    dark: bytes


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
    files = RunFolder(folder)
    with files.locked() if folder.is_dir() else nullcontext():
        return _written(files, load_run(folder, dry=dry), dataset, announce)


def _written(
    place: RunFolder, run: StoredRun, dataset: Dataset, announce: Callable[[str], None]
) -> list[str]:
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
        place.write_report(name, content)
    return list(files)


def _notes(run: StoredRun) -> list[str]:
    """What should be known before any number is believed."""
    dry = "A dry run: one batch of training, so the results mean nothing."
    return [note for note in (run.trained.note, run.facts.get("dry_run") and dry) if note]


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


# --- the page ------------------------------------------------------------------------------------


def report_page(
    run: StoredRun,
    data_name: str,
    found: Predictions,
    bins: tuple[Sequence[Bin], float],
    pictures: Sequence[Picture],
    notes: Sequence[str],
    written_by: str,
) -> str:
    """The whole page.

    Args:
        data_name: of the data set that `found` is about.
        bins: what `predictions.calibration` gives for `found`.
        notes: lines of text that a reader should know first.
        written_by: what made the page, as text.
    """
    shown = {picture.name: _figure(picture) for picture in pictures}
    training = epochs_table(run.metrics, run.seconds) + _members(run)
    title = f"{run.trained.network} on {data_name}: {percent(found.accuracy)}"
    parts = [
        _head(run, data_name, found, bins[1], notes),
        _section("Training", training, shown, "curves.png"),
        _section("Digits", digits_table(found) + _DIGITS, shown, "confusion.png"),
        _section("Worst mistakes", _worst_table(found), shown, "worst.png"),
        _section("What the network looks at", "", shown, "filters.png", "saliency.png"),
        _section("Calibration", _calibration(*bins), shown, "calibration.png"),
        _section("Settings and facts", facts_table(run.facts)),
        f"<footer>{escape(written_by)}</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


_DIGITS = (
    "<p>Precision: of the images read as a digit, the share that is it. Recall: of the images of "
    "a digit, the share that was read as it.</p>"
)


def _head(
    run: StoredRun, data_name: str, found: Predictions, error: float, notes: Sequence[str]
) -> str:
    count, facts, network = len(found.labels), run.facts, run.trained.network
    # No line ends between a number and its per cent.
    limits = f"95 %: {interval(*wilson(found.hits, count))}".replace(" %", "\u00a0%")
    tiles = {
        "right": (percent(found.accuracy), limits),
        "mistakes": (f"{count - found.hits:,}", f"of {count:,} test images"),
        "test loss": (f"{found.loss:.4f}", "nats, mean cross-entropy"),
        "calibration error": (percent(error), "expected, see below"),
    }
    if "parameters" in facts:
        tiles["parameters"] = (plain(facts["parameters"]), "numbers that were trained")
    if run.seconds:
        epochs = f"for {len(run.seconds)} epochs" if len(run.seconds) > 1 else "for one epoch"
        tiles["time"] = (duration(sum(run.seconds.values())), epochs)
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd><b>{escape(value)}</b><small>{escape(more)}</small></dd>"
        "</div>"
        for name, (value, more) in tiles.items()
    )
    told = "".join(
        f" · {name} {escape(plain(facts[name]))}"
        for name in ("recipe", "seed")
        if facts.get(name) not in (None, "")
    )
    warned = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    return (
        f"<header><h1>{escape(network[:1].upper() + network[1:])} on {escape(data_name)}</h1>"
        f'<p class="where">{escape(shown(run.folder.name))}'
        f"{told}</p>"
        f"{warned}<dl>{cells}</dl>"
        "<p>The interval (Wilson 1927) is for the share that the network would get right of all "
        "digits of this kind: the test images are a sample of them.</p></header>"
    )


def _members(run: StoredRun) -> str:
    """What each network of a vote reached by itself."""
    if not run.members:
        return ""
    rows = [
        [f"{number}", *(measured(name, entry.get(name)) for name in ("test_loss", "test_accuracy"))]
        for number, entry in run.members.items()
    ]
    return "<h3>Each by itself</h3>" + table(
        ["network", "test loss", "test accuracy"], rows, "Networks"
    )


def _calibration(bins: Sequence[Bin], error: float) -> str:
    rows = [
        [
            f"{100 * b.low:.1f} to {100 * b.high:.1f} %",
            f"{b.count:,}",
            percent(b.confidence),
            percent(b.accuracy),
        ]
        for b in bins
        if b.count
    ]
    head = ["confidence", "images", "mean confidence", "accuracy"]
    return (
        f"<p>Expected calibration error: {percent(error)} in {len(bins)} bins of equal width: how "
        "far confidence and accuracy are apart in the bin of an image, on average (Guo et al. "
        "2017, On Calibration of Modern Neural Networks, eq. 3).</p>"
        f"<details><summary>Numbers of each bin</summary>{table(head, rows, 'Bins')}</details>"
    )


def _worst_table(found: Predictions) -> str:
    """The picture in words."""
    rows = []
    for index in found.worst(WORST):
        label, guess = int(found.labels[index]), int(found.guesses[index])
        of_label, of_guess = found.probabilities[index, [label, guess]]
        rows.append([f"{index}", str(label), percent(of_label), str(guess), percent(of_guess)])
    return table(
        ["image no.", "is", "probability", "read as", "probability"], rows, "Worst mistakes"
    )


def _section(title: str, text: str, shown: Mapping[str, str] | None = None, *names: str) -> str:
    """A section with those of the pictures that there are; nothing where it would be empty."""
    figures = "".join((shown or {}).get(name, "") for name in names)
    if not text and not figures:
        return ""
    kind = "both" if text and figures else "figures" if figures else "text"
    text = f"<div>{text}</div>" if text else ""
    return f'<section><h2>{title}</h2><div class="{kind}">{text}{figures}</div></section>'


def _figure(picture: Picture) -> str:
    return (
        f'<figure id="{escape(picture.name.partition(".")[0])}"><h3>{escape(picture.title)}</h3>'
        "<picture>"
        f'<source media="(prefers-color-scheme: dark)" srcset="{uri(picture.dark)}">'
        f'<img src="{uri(picture.light)}" alt="{escape(picture.alt)}"></picture>'
        f"<figcaption>{escape(picture.reading)}</figcaption></figure>"
    )
