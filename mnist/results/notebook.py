"""A training as notebooks show it: its settings, its curves, its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from autograd.interop.notebook import table
from mnist.results.wording import plain

Entry = dict[str, Any]

_FIRST, _LAST = 3, 9  # epochs that a table of many shows
_POINTS = 200  # of a curve
_PARTS = {"train": ("#3f87d0", "5 3"), "validation": ("#d9820b", "1 2"), "test": ("#2a9d68", "")}
_WIDTH, _HEIGHT = 330, 190  # of a chart, in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 26, 22  # its margins


def run_html(
    facts: Mapping[str, Any],
    metrics: Sequence[Entry],
    folder: Path,
    *,
    interrupted: bool = False,
) -> str:
    """HTML of a training: its settings in a line, its curves, and its numbers after each epoch.

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
        f"files in <code>{escape(str(folder))}</code>",
        f"{done} of {told.get('epochs', '?')} epochs" + (", interrupted" if interrupted else ""),
    ]
    html = f"<div>{' &middot; '.join(part for part in parts if part)}</div>"
    if metrics:
        charts = _chart(metrics, "loss") + _chart(metrics, "accuracy")
        html += f"<div>{charts}</div>{_numbers(metrics)}"
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


def _chart(metrics: Sequence[Entry], quantity: str) -> str:
    """An SVG of one quantity over the epochs, a line for each part of the data."""
    sampled = metrics[:: math.ceil(len(metrics) / _POINTS)]
    sampled = [*sampled, *[metrics[-1]] * (sampled[-1] is not metrics[-1])]
    curves = {part: _points(sampled, f"{part}_{quantity}") for part in _PARTS}
    curves = {part: points for part, points in curves.items() if points}
    if not curves:
        return ""
    epochs = [epoch for points in curves.values() for epoch, _ in points]
    values = [value for points in curves.values() for _, value in points]
    frame = _Frame((min(epochs), max(epochs)), (min(values), max(values)))
    drawn = [frame.axes(f"{quantity}_{quantity}")]
    for number, (part, points) in enumerate(curves.items()):
        drawn.append(frame.curve(points, part, _LEFT + 62 + 80 * number))
    title = f'<text x="4" y="12" font-weight="bold">{quantity}</text>'
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{quantity} over the epochs" fill="currentColor" font-size="11" '
        f'font-family="sans-serif">{title}{"".join(drawn)}</svg>'
    )


def _points(metrics: Sequence[Entry], name: str) -> list[tuple[int, float]]:
    """(epoch, value) wherever there is a value and it is finite."""
    found = [(entry["epoch"], entry.get(name)) for entry in metrics]
    return [(epoch, value) for epoch, value in found if value is not None and math.isfinite(value)]


class _Frame:
    """Where numbers lie on a chart."""

    def __init__(self, epochs: tuple[int, int], values: tuple[float, float]) -> None:
        self.epochs, self.values = epochs, values

    def x(self, epoch: float) -> float:
        first, last = self.epochs
        part = (epoch - first) / (last - first) if last > first else 0.5
        return round(_LEFT + part * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self.values
        part = (value - low) / (high - low) if high > low else 0.5
        return round(_HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM), 1)

    def axes(self, name: str) -> str:
        lines, right = [], _WIDTH - _RIGHT
        for value in sorted({*self.values, sum(self.values) / 2}):
            y = self.y(value)
            lines.append(
                f'<path d="M{_LEFT} {y}H{right}" stroke="currentColor" stroke-opacity=".25"/>'
                f'<text x="{_LEFT - 5}" y="{y + 4}" text-anchor="end">{_shown(name, value)}</text>'
            )
        for epoch in sorted({*self.epochs}):
            anchor = "end" if epoch > self.epochs[0] else "middle"
            lines.append(
                f'<text x="{self.x(epoch)}" y="{_HEIGHT - 6}" text-anchor="{anchor}">'
                f"epoch {epoch}</text>"
            )
        return "".join(lines)

    def curve(self, points: Sequence[tuple[int, float]], part: str, legend: int) -> str:
        """A line through the points, or a dot for a single one, and its name at x = `legend`."""
        colour, dashes = _PARTS[part]
        stroke = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}" fill="none"'
        places = [(self.x(epoch), self.y(value)) for epoch, value in points]
        drawn = f'<polyline {stroke} points="{" ".join(f"{x},{y}" for x, y in places)}"/>'
        if len(places) == 1:
            drawn = f'<circle cx="{places[0][0]}" cy="{places[0][1]}" r="3.5" fill="{colour}"/>'
        key = f'<path {stroke} d="M{legend} 8h16"/><text x="{legend + 20}" y="12">{part}</text>'
        return drawn + key
