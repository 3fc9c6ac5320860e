"""Pictures of images: the worst digits, the first filters, the saliency of some digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autograd.engine.tensor import Array
from mnist.models import Vote
from mnist.results.predictions import Predictions
from mnist.results.rendering import Gallery, Look, signed
from mnist.results.wording import percent
from nn import Conv2d, Module

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_GREY = 127.5  # half way from no ink to full ink


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
    shades = signed(look)
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
    found = []
    for member in members:
        with_parameters = (
            module
            for module in member.modules()
            if any(True for _ in module.parameters()) and not any(True for _ in module.children())
        )
        first = next(with_parameters, None)
        if not isinstance(first, Conv2d) or first.weight.shape[1] != 1:
            return []
        found.append(np.asarray(first.weight.data)[:, 0])
    return found


def filters(members: Sequence[Array], look: Look) -> Figure:
    """The filters (F, k, k) of each member in rows of their own, all on one scale."""
    most = max(len(member) for member in members)
    several = len(members) > 1
    columns = 8 if most > 16 or several else 4
    rows = -(-most // columns)
    drawn = Gallery(len(members) * rows * columns, columns, above=0.2 if several else 0.04)
    largest = max(_largest(member) for member in members)
    shades = signed(look)
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
