"""Pictures of numbers: the course of a training, the confusion of digits, the calibration.

Needs matplotlib: ask `rendering.can_draw` before importing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
    PercentFormatter,
)
from numpy.typing import NDArray

from mnist.results.measures import Bin, wilson
from mnist.results.rendering import WIDTH, Look
from mnist.results.wording import percent

_PARTS = {"train": "o--", "validation": "s-.", "test": "o-"}
_FEWEST_ERRORS = 1e-5  # the share of errors at which the axis of accuracies ends
_TICKS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)


def curves(metrics: Sequence[dict[str, Any]], title: str, look: Look) -> Figure:
    """Loss above, accuracy below, of whatever the entries have; both on logarithmic axes."""
    figure = Figure(figsize=(WIDTH, WIDTH), layout="constrained")
    figure.suptitle(title, fontsize=10)
    above, below = figure.subplots(2, 1, sharex=True)
    for axes, quantity in ((above, "loss"), (below, "accuracy")):
        for part, style in _PARTS.items():
            points = [
                (entry.get("epoch", number), entry[f"{part}_{quantity}"])
                for number, entry in enumerate(metrics, start=1)
                if entry.get(f"{part}_{quantity}") is not None
            ]
            if points:
                epochs, values = zip(*points, strict=True)
                axes.plot(epochs, values, style, color=look.parts[part], label=part, markersize=4)
        axes.grid(alpha=0.25)
    above.set(ylabel="cross-entropy (nats)", yscale="log")
    above.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    above.minorticks_off()
    if above.lines:
        above.legend(loc="best")
    below.set(ylabel="accuracy", xlabel="epoch")
    _stretch_towards_all(below)
    below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def _stretch_towards_all(axes: Axes) -> None:
    """An axis of accuracies on which halving the errors is the same distance everywhere."""

    def forward(accuracy: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(-np.log10(np.clip(1 - np.asarray(accuracy), _FEWEST_ERRORS, None)))

    axes.set_yscale("function", functions=(forward, lambda y: 1 - 10.0 ** -np.asarray(y)))
    values = [y for line in axes.lines for y in np.asarray(line.get_ydata())]
    if values:
        errors = np.clip([1 - max(values), 1 - min(values)], _FEWEST_ERRORS, 1)
        axes.set_ylim(max(0.0, 1 - errors[1] * 1.4), 1 - errors[0] / 1.4)
    axes.yaxis.set_major_locator(FixedLocator([0.0, *(1 - tick for tick in _TICKS)]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.5g} %"))


def confusion(counts: NDArray[Any], look: Look) -> Figure:
    """Counts (10, 10), and below each its percentage of the row. Only mistakes are coloured."""
    rows = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = counts / rows
    mistakes = shares * (1 - np.eye(len(counts)))
    figure = Figure(figsize=(WIDTH, WIDTH), layout="constrained")
    axes = figure.subplots()
    colours = mpl.colormaps[look.sequence](0.15 + 0.6 * mistakes / (mistakes.max() or 1.0))
    colours[counts == 0] = mpl.colors.to_rgba(look.paper)
    colours[np.diag_indices(len(counts))] = mpl.colors.to_rgba(look.good)
    axes.imshow(colours)
    for i, j in np.argwhere(counts):
        ink = _legible(colours[i, j])
        axes.text(j, i - 0.13, f"{counts[i, j]}", ha="center", va="center", color=ink, fontsize=9)
        share = f"{100 * shares[i, j]:.1f}"
        axes.text(j, i + 0.25, share, ha="center", va="center", color=ink, fontsize=7)
    digits = range(len(counts))
    axes.set(xticks=digits, yticks=digits, xlabel="read as", ylabel="is")
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    for edge in np.arange(len(counts) + 1) - 0.5:
        axes.axhline(edge, color=look.faint, alpha=0.25, linewidth=0.6)
        axes.axvline(edge, color=look.faint, alpha=0.25, linewidth=0.6)
    return figure


def _legible(ground: NDArray[Any]) -> str:
    """Black or white, whichever stands out from a colour (its luma after ITU-R BT.601)."""
    return "black" if ground[:3] @ (0.299, 0.587, 0.114) > 0.5 else "white"


def reliability(bins: Sequence[Bin], error: float, look: Look) -> Figure:
    """Accuracy over confidence above, how many images lie in each bin below."""
    shares = PercentFormatter(1.0, symbol=" %")
    figure = Figure(figsize=(WIDTH, WIDTH), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    figure.suptitle(f"expected calibration error {percent(error)}", fontsize=10)
    used = [b for b in bins if b.count]
    x = np.array([b.confidence for b in used])
    y = np.array([b.accuracy for b in used])
    limits = np.array([wilson(b.hits, b.count) for b in used]).T
    colour = look.parts["test"]
    above.plot([0, 1], [0, 1], color=look.faint, linestyle="--", linewidth=1)
    reach = np.maximum([y - limits[0], limits[1] - y], 0)
    above.errorbar(x, y, reach, fmt="o", color=colour, markersize=5, capsize=2, linewidth=1)
    above.set(ylabel="accuracy", ylim=(-0.03, 1.03))
    above.yaxis.set_major_formatter(shares)
    above.grid(alpha=0.25)
    middles, counts = [(b.low + b.high) / 2 for b in used], [b.count for b in used]
    below.bar(middles, counts, width=0.9 / len(bins), color=colour)
    below.set(yscale="log", ylim=(0.5, max(counts) * 6), xlim=(-0.02, 1.05))
    below.set(ylabel="images", xlabel="confidence (probability of the guess)")
    for middle, count in zip(middles, counts, strict=True):
        below.text(middle, count * 1.2, f"{count:,}", ha="center", va="bottom", fontsize=7)
    below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    below.yaxis.set_minor_locator(NullLocator())
    below.xaxis.set_major_formatter(shares)
    return figure
