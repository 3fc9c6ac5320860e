"""The growth curves as a picture: time a step against size, both on logarithmic scales."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import quartiles
from benchmarks.results import Result
from benchmarks.sides import OURS

COLOURS = {"pullback": "#c2410c", "pytorch": "#1d4ed8", "other": "#15803d"}


def draw(results: Sequence[Result], path: Path) -> None:
    """Write a panel for each growth curve, with a line of slope 1 to judge it by.

    Raises ImportError without matplotlib (the `plot` extra), ValueError without a growth curve.
    """
    curves = [result for result in results if result.points]
    if not curves:
        raise ValueError("no growth curve among the results: name one of the growth benchmarks")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(2, len(curves))
    shape = (-(-len(curves) // columns), columns)
    figure, axes = pyplot.subplots(
        *shape, figsize=(5.2 * shape[1], 3.9 * shape[0]), squeeze=False, layout="constrained"
    )
    for result, panel in zip(curves, axes.flat, strict=False):
        _panel(panel, result)
    for panel in axes.flat[len(curves) :]:
        panel.set_visible(False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _panel(panel: Any, result: Result) -> None:
    for side in result.points[0][1]:
        measured = [(size, rows[side].figures) for size, rows in result.points]
        points = [(size, *quartiles(figures)) for size, figures in measured if figures]
        if not points:
            continue
        sizes, low, middle, high = zip(*points, strict=True)
        colour = COLOURS[side]
        panel.plot(sizes, middle, "o-", color=colour, label=side, markersize=4)
        panel.fill_between(sizes, low, high, color=colour, alpha=0.2, linewidth=0)
        if side == OURS:
            # Through the largest: what comes before lies above the line by its fixed cost.
            linear = [middle[-1] * size / sizes[-1] for size in sizes]
            panel.plot(sizes, linear, ":", color="0.4", label="linear", zorder=0)
    panel.set(xscale="log", yscale="log", ylabel="seconds")
    panel.set_title(result.title, fontsize=9)
    panel.set_xticks([size for size, _ in result.points])
    panel.set_xticklabels([f"{size:g}" for size, _ in result.points])
    panel.minorticks_off()
    panel.yaxis.minorticks_on()  # labelled by themselves where there is less than a decade
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8)
