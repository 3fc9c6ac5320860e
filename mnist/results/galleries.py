"""Pictures of images: the worst digits, the first filters, the saliency of some digits.

Needs matplotlib: ask `rendering.can_draw` before importing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from autograd.engine.tensor import Array
from mnist.models import Vote
from mnist.results.predictions import Predictions
from mnist.results.rendering import WIDTH, Look
from mnist.results.wording import percent
from nn import Module

_GREY = 127.5  # half way from no ink to full ink
_IMAGE = 0.92  # the side of an image in a gallery, of the width of its cell
_BAR = 0.7  # inches of height


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

    def show(self, index: int, image: NDArray[Any], **scale: Any) -> None:
        x, y = self.corner(index)
        self.axes.imshow(
            image, extent=(x, x + _IMAGE, y + _IMAGE, y), aspect="auto", zorder=1, **scale
        )

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

    def title(self, index: int, text: str, size: float) -> None:
        self._write(index, -0.03, text, va="bottom", fontsize=size)

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
        drawn.show(place, images[index], cmap=look.digits, vmin=0, vmax=255)
        told = f"is {label}: {percent(of_label)}\nread {guess}: {percent(of_guess)}"
        drawn.title(place, told, size=8)
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
        drawn.show(2 * i, image, cmap=look.digits, vmin=0, vmax=255)
        drawn.title(2 * i, f"is {labels[i]}", size=9)
        largest = _largest(gradients[i])
        drawn.show(2 * i + 1, gradients[i], cmap=shades, vmin=-largest, vmax=largest)
        # The outline of the digit, to see where in it the gradient lies.
        if image.min() < _GREY < image.max():
            drawn.outline(2 * i + 1, image, _GREY, look.ink)
        drawn.title(2 * i + 1, f"read {guesses[i]}; ±{largest:.2g}", size=9)
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
            drawn.show(place, weights, cmap=shades, vmin=-largest, vmax=largest)
            drawn.frame(place, look.faint)
        if several:
            drawn.title(first, f"no. {number + 1}", size=7)
    drawn.scale(-largest, largest, shades, "weight")
    return drawn.figure


def _largest(values: Array) -> float:
    return float(np.abs(values).max()) or 1.0


def _signed(look: Look) -> Colormap:
    """The colours of numbers below and above 0, for a scale that has it in the middle."""
    return LinearSegmentedColormap.from_list("signed", [look.below, look.paper, look.above])
