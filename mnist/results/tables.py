"""The numbers of a run as HTML, for the page and notebooks. Text that is not ours is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from autograd.interop.notebook import table as plain_table
from mnist.config import Config
from mnist.data.files import shown
from mnist.results.predictions import Predictions
from mnist.results.rendering import can_draw, render, uri
from mnist.results.wording import duration, percent, plain
from mnist.storage.records import Entry

# Units and meanings of the facts that are no settings.
_FACTS = {
    "parameters": ("numbers", "of the network, all trained"),
    "format": ("", "of the run's folder"),
    "dataset": ("", "what it was trained on"),
    "data_seed": ("", "what it was drawn from"),
    "data_sha256": ("", "of all its images and labels"),
    "data_folder": ("", "where it lay"),
    "train_images": ("images", ""),
    "validation_images": ("images", ""),
    "test_images": ("images", ""),
    "pixel_mean": ("of white", "subtracted from each pixel"),
    "pixel_std": ("of white", "each pixel is divided by it"),
    "threads": ("", "of the engine"),
    "numpy": ("", "version"),
}
_FIRST, _LAST = 3, 9  # epochs that a table of many shows in a notebook
_WIDTH = 430  # of its curves, in pixels
_PARTS = {"test": "test", "validation": "validation", "train": "training"}


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    label: str,
    kind: str = "numbers",
    groups: str = "",
) -> str:
    """A table of cells that are HTML already, in a box that scrolls where it is too wide.

    Args:
        kind: "numbers", aligned to the right behind the first column, or "words".
        groups: the cells of a row above the head.
    """
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        "<tr>"
        + f'<th scope="row">{row[0]}</th>'
        + "".join(f"<td>{cell}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    above = f"<tr>{groups}</tr>" if groups else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
        f'<table class="{kind}"><thead>{above}<tr>{top}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )


def measurements(metrics: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """The names of what any of the entries tells of, and of each the epoch and these as cells."""
    names = [f"{part}_{quantity}" for part in _PARTS for quantity in ("loss", "accuracy")]
    names = [name for name in names if any(entry.get(name) is not None for entry in metrics)]
    rows = [
        [plain(entry.get("epoch", number)), *(measured(name, entry.get(name)) for name in names)]
        for number, entry in enumerate(metrics, start=1)
    ]
    return names, rows


def epochs_table(metrics: Sequence[Mapping[str, Any]], seconds: Mapping[int, float]) -> str:
    """A row an epoch, columns for the parts of the data that any of them tells of.

    Args:
        seconds: of each epoch, by its number, where they are known.
    """
    names, rows = measurements(metrics)
    parts = Counter(name.partition("_")[0] for name in names)
    groups = "<td></td>" + "".join(
        f'<th scope="colgroup" colspan="{count}">{_PARTS[part]}</th>'
        for part, count in parts.items()
    )
    head = ["epoch", *(name.rpartition("_")[2] for name in names)]
    if seconds:
        groups += "<td></td>"
        head.append("time")
        for number, row in enumerate(rows, start=1):
            row.append(duration(seconds[number]) if number in seconds else "-")
    return table(head, rows, "Epochs", groups=groups)


def facts_table(facts: Mapping[str, Any]) -> str:
    """Every fact: name, value with its unit, meaning."""
    known = {name: (unit, meaning) for name, _, unit, meaning in Config().describe()} | _FACTS
    rows = []
    for name, value in facts.items():
        unit, meaning = known.get(name, ("", ""))
        shown = plain(value) if value is None or not unit else f"{plain(value)} {unit}"
        rows.append([f"<code>{escape(plain(name))}</code>", escape(shown), escape(meaning)])
    return table(["setting", "value", "meaning"], rows, "Settings", "words")


def digits_table(found: Predictions) -> str:
    """Of each digit: how many, precision, recall, and what it is most often taken for."""
    rows = []
    for digit, row in enumerate(found.confusion):
        others = row.copy()
        others[digit] = 0
        worst = int(others.argmax())
        mistaken = f"{worst} ({others[worst]:,} times)" if others[worst] else "-"
        rows.append(
            [
                str(digit),
                f"{row.sum():,}",
                percent(found.precision[digit]),
                percent(found.recall[digit]),
                mistaken.replace("(1 times)", "(once)").replace("(2 times)", "(twice)"),
            ]
        )
    head = ["digit", "images", "precision", "recall", "most often mistaken for"]
    return table(head, rows, "Digits")


def measured(name: str, value: Any) -> str:
    """A loss or an accuracy of metrics.jsonl as a cell."""
    if value is None:
        return "-"
    return percent(value) if name.endswith("accuracy") else f"{value:.4f}"


def run_html(
    facts: Mapping[str, Any],
    metrics: Sequence[Entry],
    folder: Path,
    *,
    interrupted: bool = False,
) -> str:
    """HTML of a training: its settings in a line, its curves where matplotlib is there, and its
    numbers after each epoch.

    Args:
        facts: as in config.json; what is not there is not told.
        metrics: an entry an epoch, as in metrics.jsonl.
    """
    told = {name: escape(plain(value)) for name, value in facts.items()}
    network = f"<b>{told.get('model', 'network')}</b>"
    if facts.get("members", 1) != 1:
        network = f"{told['members']} votes of {network}"
    if "parameters" in told:
        network += f", {told['parameters']} parameters"
    sizes = [
        f"{told[name]} {words}"
        for name, words in (
            ("train_images", "training"),
            ("validation_images", "validation"),
            ("test_images", "test"),
        )
        if facts.get(name)
    ]
    data = told.get("dataset", "unnamed data")
    steps = [
        f"{words} {told[name]}"
        for name, words in (
            ("batch_size", "batches of"),
            ("lr", "peak learning rate"),
            ("seed", "seed"),
        )
        if facts.get(name) is not None
    ]
    done = metrics[-1].get("epoch", len(metrics)) if metrics else 0
    parts = [
        (f"recipe {told['recipe']}, " if told.get("recipe") else "") + network,
        f"{data}: {', '.join(sizes)} images" if sizes else data,
        ", ".join(steps),
        f"files in <code>{escape(shown(folder))}</code>",
        f"{done} of {told.get('epochs', '?')} epochs" + (", interrupted" if interrupted else ""),
    ]
    html = f"<div>{' &middot; '.join(part for part in parts if part)}</div>"
    if metrics:
        if can_draw():
            from mnist.results.drawings import curves

            network, data = facts.get("model", "network"), facts.get("dataset", "unnamed data")
            title = f"{plain(network)} on {plain(data)}"
            png = render(lambda look: curves(metrics, title, look))
            html += f'<img src="{uri(png)}" width="{_WIDTH}" alt="loss and accuracy by epoch">'
        names, rows = measurements(metrics)
        if len(rows) > _FIRST + _LAST + 1:
            rows[_FIRST:-_LAST] = [["&hellip;"] * len(rows[0])]
        html += plain_table(["epoch", *(name.replace("_", " ") for name in names)], rows)
    return f"<div>{html}</div>"
