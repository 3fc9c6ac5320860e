"""report.html: a run on one page that needs nothing else, neither network nor script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from mnist.data.files import shown
from mnist.results.measures import Bin, wilson
from mnist.results.predictions import Predictions
from mnist.results.rendering import uri
from mnist.results.stored import StoredRun
from mnist.results.style import STYLE
from mnist.results.tables import digits_table, epochs_table, facts_table, measured, table
from mnist.results.wording import duration, interval, percent, plain

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
        bins: what `measures.calibration` gives for `found`.
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
