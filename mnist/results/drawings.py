"""Pictures of a run: its curves, the confusion of digits, its calibration, the worst digits, the
first filters, what guesses hang on.

Needs matplotlib: ask `rendering.can_draw` before importing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
    PercentFormatter,
)
from numpy.typing import NDArray

from autograd.engine.tensor import Array
from mnist.models import Vote
from mnist.results.predictions import Bin, Predictions, wilson
from mnist.results.rendering import WIDTH, Look
from mnist.results.wording import percent
from nn import Module

_GREY = 127.5  # half way from no ink to full ink
_IMAGE = 0.92  # the side of an image in a gallery, of the width of its cell
_BAR = 0.7  # inches of height
_PARTS = {"train": "o--", "validation": "s-.", "test": "o-"}
_FEWEST_ERRORS = 1e-5  # the share of errors at which the axis of accuracies ends
# Of errors. Those of a network that has learned next to nothing would lie too close in others.
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
    ticks = _TICKS if values and max(values) > 0.6 else (0.9, 0.8, 0.7, 0.6, 0.5)
    axes.yaxis.set_major_locator(FixedLocator([0.0, *(1 - tick for tick in ticks)]))
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


class Gallery:
    """Images in rows, each in a cell with room for words above and below it.

    One pair of axes for all, as matplotlib takes long to lay out many. A cell is one unit wide.
    """

    def __init__(self, count: int, columns: int, *, above: float, below: float = 0.06) -> None:
        self.columns, self._above, self._below = columns, above, below
        height = -(-count // columns) * (_IMAGE + above + below)
        self.figure = Figure(figsize=(WIDTH, height * WIDTH / columns))
        self.axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0), aspect="auto")
        self.axes.set_axis_off()
        self.axes.set_xlim(0, columns)
        self.axes.set_ylim(height, 0)

    def corner(self, index: int) -> tuple[float, float]:
        """The upper left corner of an image, to the right and down."""
        row, column = divmod(index, self.columns)
        x = column + (1 - _IMAGE) / 2
        return x, row * (_IMAGE + self._above + self._below) + self._above

    def show(
        self, index: int, image: NDArray[Any], title: str = "", size: float = 9, **scale: Any
    ) -> None:
        x, y = self.corner(index)
        place = (x, x + _IMAGE, y + _IMAGE, y)
        self.axes.imshow(image, extent=place, aspect="auto", zorder=1, **scale)
        self._write(index, -0.03, title, va="bottom", fontsize=size)

    def outline(self, index: int, image: NDArray[Any], level: float, colour: str) -> None:
        """Where the image crosses a level."""
        (x, y), (height, width) = self.corner(index), image.shape
        across = x + (np.arange(width) + 0.5) * _IMAGE / width
        down = y + (np.arange(height) + 0.5) * _IMAGE / height
        self.axes.contour(across, down, image, [level], colors=colour, linewidths=0.6, alpha=0.7)

    def frame(self, index: int, colour: str) -> None:
        place = self.corner(index)
        frame = Rectangle(place, _IMAGE, _IMAGE, fill=False, edgecolor=colour, linewidth=0.8)
        self.axes.add_patch(frame)

    def caption(self, index: int, text: str, size: float, colour: str) -> None:
        self._write(index, _IMAGE + 0.02, text, va="top", fontsize=size, color=colour)

    def _write(self, index: int, below: float, text: str, **style: Any) -> None:
        x, y = self.corner(index)
        self.axes.text(x + _IMAGE / 2, y + below, text, ha="center", **style)

    def scale(self, low: float, high: float, shades: Colormap, label: str) -> None:
        """A bar of colours below the images."""
        width, height = self.figure.get_size_inches()
        taller = height + _BAR
        self.figure.set_size_inches(width, taller)
        self.axes.set_position((0.0, _BAR / taller, 1.0, height / taller))
        bar = self.figure.add_axes((0.05, 0.7 * _BAR / taller, 0.9, 0.2 * _BAR / taller))
        mappable = ScalarMappable(Normalize(low, high), shades)
        self.figure.colorbar(mappable, cax=bar, orientation="horizontal", label=label)


def worst(
    images: NDArray[np.uint8], found: Predictions, chosen: Sequence[int] | Array, look: Look
) -> Figure:
    """The chosen images (28, 28), each with its label, its guess and their probabilities."""
    drawn = Gallery(len(chosen), columns=4, above=0.3, below=0.16)
    for place, index in enumerate(chosen):
        label, guess = int(found.labels[index]), int(found.guesses[index])
        of_label, of_guess = found.probabilities[index, [label, guess]]
        told = f"is {label}: {percent(of_label)}\nread {guess}: {percent(of_guess)}"
        drawn.show(place, images[index], told, size=8, cmap=look.digits, vmin=0, vmax=255)
        drawn.caption(place, f"no. {index}", size=7, colour=look.faint)
    return drawn.figure


def saliencies(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    gradients: Array,
    guesses: Array,
    look: Look,
) -> Figure:
    """Each image (N, 28, 28) with its gradient (N, 28, 28) to the right, on a scale of its own."""
    drawn = Gallery(2 * len(images), columns=4, above=0.17)
    shades = _signed(look)
    for i, image in enumerate(images):
        drawn.show(2 * i, image, f"is {labels[i]}", cmap=look.digits, vmin=0, vmax=255)
        largest = _largest(gradients[i])
        told, scale = f"read {guesses[i]}; ±{largest:.2g}", {"vmin": -largest, "vmax": largest}
        drawn.show(2 * i + 1, gradients[i], told, cmap=shades, **scale)
        # The outline of the digit, to see where in it the gradient lies.
        if image.min() < _GREY < image.max():
            drawn.outline(2 * i + 1, image, _GREY, look.ink)
    return drawn.figure


def first_filters(model: Module) -> list[Array]:
    """Of a network the filters (F, k, k) of its first layer; of a vote those of each member.

    Empty where the first layer that has parameters is no convolution of one channel.
    """
    members = list(model.members) if isinstance(model, Vote) else [model]
    weights = [next(iter(member.parameters())).data for member in members]
    fits = all(each.ndim == 4 and each.shape[1] == 1 for each in weights)  # (F, 1, k, k)
    return [each[:, 0] for each in weights] if fits else []


def filters(members: Sequence[Array], look: Look) -> Figure:
    """The filters (F, k, k) of each member in rows of their own, all on one scale."""
    most = max(len(member) for member in members)
    several = len(members) > 1
    columns = 8 if most > 16 or several else 4
    rows = -(-most // columns)
    drawn = Gallery(len(members) * rows * columns, columns, above=0.2 if several else 0.04)
    largest = max(_largest(member) for member in members)
    shades = _signed(look)
    for number, member in enumerate(members):
        first = number * rows * columns
        for place, weights in enumerate(member, start=first):
            told = f"no. {number + 1}" if several and place == first else ""
            drawn.show(place, weights, told, size=7, cmap=shades, vmin=-largest, vmax=largest)
            drawn.frame(place, look.faint)
    drawn.scale(-largest, largest, shades, "weight")
    return drawn.figure


def _largest(values: Array) -> float:
    return float(np.abs(values).max()) or 1.0


def _signed(look: Look) -> Colormap:
    """The colours of numbers below and above 0, for a scale that has it in the middle."""
    return LinearSegmentedColormap.from_list("signed", [look.below, look.paper, look.above])
