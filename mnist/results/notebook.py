"""A training as notebooks show it: its settings, its curves, its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from autograd.interop.notebook import table
from mnist.data.idx import shown
from mnist.results.charts import curves
from mnist.results.rendering import can_draw, render, uri
from mnist.results.wording import plain
from mnist.storage.runs import Entry

_FIRST, _LAST = 3, 9  # epochs that a table of many shows
_PARTS = ("train", "validation", "test")
_WIDTH = 430  # of the curves, in pixels


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
    metrics = [{"epoch": number, **entry} for number, entry in enumerate(metrics, start=1)]
    told = {name: escape(plain(value)) for name, value in facts.items()}
    network = f"<b>{told.get('model', 'network')}</b>"
    members = facts.get("members", 1)
    if members != 1:
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
    done = metrics[-1]["epoch"] if metrics else 0
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
            network, data = facts.get("model", "network"), facts.get("dataset", "unnamed data")
            title = f"{plain(network)} on {plain(data)}"
            png = render(lambda look: curves(metrics, title, look))
            html += f'<img src="{uri(png)}" width="{_WIDTH}" alt="loss and accuracy by epoch">'
        html += _numbers(metrics)
    return f"<div>{html}</div>"


def _numbers(metrics: Sequence[Entry]) -> str:
    columns = [
        f"{part}_{quantity}"
        for part in _PARTS
        for quantity in ("loss", "accuracy")
        if any(entry.get(f"{part}_{quantity}") is not None for entry in metrics)
    ]
    rows = [
        [str(entry["epoch"]), *(_shown(name, entry.get(name)) for name in columns)]
        for entry in metrics
    ]
    if len(rows) > _FIRST + _LAST + 1:
        rows[_FIRST:-_LAST] = [["&hellip;"] * (1 + len(columns))]
    return table(["epoch", *(name.replace("_", " ") for name in columns)], rows)


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4f}"
