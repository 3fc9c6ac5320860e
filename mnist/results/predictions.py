"""What a network says of each image, and what follows from it by counting."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor, no_grad
from autograd.engine.tensor import Array
from mnist.data.dataset import normalise
from nn import Module
from nn import functional as F

DIGITS = 10
_BATCH = 1000  # images at once; changes nothing


@dataclass(frozen=True, eq=False)
class Predictions:
    """The logarithms of the probabilities of the ten digits (N, 10), beside the labels (N,)."""

    log_probabilities: NDArray[np.float64]
    labels: NDArray[np.uint8]

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, 10)."""
        return np.exp(self.log_probabilities)

    @cached_property
    def guesses(self) -> NDArray[np.intp]:
        """The most probable digit of each image (N,), of equals the smaller."""
        return np.asarray(self.log_probabilities.argmax(axis=1))

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each guess is the label (N,)."""
        return np.asarray(self.guesses == self.labels)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of each guess (N,)."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def hits(self) -> int:
        return int(self.right.sum())

    @property
    def accuracy(self) -> float:
        """A fraction."""
        return self.hits / len(self.labels)

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(-self._of_labels.mean())

    @cached_property
    def confusion(self) -> NDArray[np.intp]:
        """How often digit i (row) was taken for digit j (column), (10, 10)."""
        cells = self.labels.astype(np.intp) * DIGITS + self.guesses
        return np.bincount(cells, minlength=DIGITS * DIGITS).reshape(DIGITS, DIGITS)

    @property
    def precision(self) -> Array:
        """Of the images read as each digit, the share that is it (10,); NaN where none was."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def recall(self) -> Array:
        """Of the images of each digit, the share that was read as it (10,); NaN without any."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=1))

    def worst(self, count: int) -> NDArray[np.intp]:
        """Indices of the images whose label is least probable, the least first."""
        return np.argsort(self._of_labels, kind="stable")[:count]

    def first_of_each(self) -> NDArray[np.intp]:
        """The index of the first image of each digit that there is, in the order of the digits."""
        return np.unique(self.labels, return_index=True)[1]

    @property
    def _of_labels(self) -> NDArray[np.float64]:
        return np.take_along_axis(
            self.log_probabilities, self.labels[:, None].astype(np.intp), axis=1
        )[:, 0]


def predict(
    model: Module, images: NDArray[np.uint8], labels: NDArray[np.uint8], *, mean: float, std: float
) -> Predictions:
    """What a network says of labelled images, as `log_probabilities` has it."""
    return Predictions(log_probabilities(model, images, mean=mean, std=std), labels)


def log_probabilities(
    model: Module, images: NDArray[np.uint8], *, mean: float, std: float
) -> NDArray[np.float64]:
    """Show images (N, 28, 28) to a network in evaluation mode, normalised by mean and std: (N, 10).

    In float64 and as logarithms, so that the worst digits can be told apart, however sure the
    network is of something else.
    """
    parts = []
    with no_grad():
        for start in range(0, len(images), _BATCH):
            batch = Tensor(normalise(images[start : start + _BATCH], mean, std))
            parts.append(model(batch).data)
        scores = np.concatenate(parts, dtype=np.float64)
        return F.log_softmax(Tensor(scores), dim=1).data


def saliency(
    model: Module, images: NDArray[np.uint8], *, mean: float, std: float
) -> tuple[Array, NDArray[np.intp]]:
    """Gradients of the highest score by the pixels, and the digit that has that score.

    After Simonyan, Vedaldi, Zisserman 2013, "Deep Inside Convolutional Networks", section 3, but
    with the sign kept.

    Args:
        model: a network in evaluation mode.
        images: (N, 28, 28), 0 black to 255 white.
        mean, std: of the pixels, scaled to [0, 1], that the network was trained on.

    Returns:
        float32 (N, 28, 28): by how much the score rises when a pixel goes from black (0) to
        white (1), if it rose evenly; and the guesses (N,). The parameters' `.grad` stay as they
        are.
    """

    def highest(pixels: Tensor) -> tuple[Tensor, NDArray[np.intp]]:
        scores: Tensor = model((pixels - mean) / std)
        guesses = scores.data.argmax(axis=1)
        return scores[np.arange(len(guesses)), guesses].sum(), guesses

    pixels = images[:, None].astype(np.float32) / np.float32(255)
    gradient, guesses = ag.grad(highest, has_aux=True)(Tensor(pixels))
    return gradient.data[:, 0], guesses


def _ratio(part: Array, whole: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(part / whole)
