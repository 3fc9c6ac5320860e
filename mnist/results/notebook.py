"""A training as notebooks show it: its settings, its curves, its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from autograd.interop.notebook import table
from mnist.data.files import shown
from mnist.results.rendering import can_draw, render, uri
from mnist.results.tables import measurements
from mnist.results.wording import plain
from mnist.storage.runs import Entry

_FIRST, _LAST = 3, 9  # epochs that a table of many shows
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
            from mnist.results.charts import curves

            title = f"{told.get('model', 'network')} on {data}"
            png = render(lambda look: curves(metrics, title, look))
            html += f'<img src="{uri(png)}" width="{_WIDTH}" alt="loss and accuracy by epoch">'
        names, rows = measurements(metrics)
        if len(rows) > _FIRST + _LAST + 1:
            rows[_FIRST:-_LAST] = [["&hellip;"] * len(rows[0])]
        html += table(["epoch", *(name.replace("_", " ") for name in names)], rows)
    return f"<div>{html}</div>"
