"""What a network says of each image, what follows from it by counting, and how sure one may be of
that: intervals of shares, calibration of probabilities, a test of two networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor, no_grad
from autograd.engine.tensor import Array
from mnist.data.dataset import normalise
from mnist.storage.reading import CheckpointError
from nn import Module
from nn import functional as F

DIGITS = 10
BINS = 15  # as in Guo et al. 2017
_Z95 = 1.959963984540054  # the normal distribution has 2.5 % beyond it
_BATCH = 1000  # images at once; changes nothing

Scores = Callable[[Tensor], Tensor]  # a network, or what stands for it


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
    model: Scores, images: NDArray[np.uint8], labels: NDArray[np.uint8], *, mean: float, std: float
) -> Predictions:
    """What a network says of labelled images, as `log_probabilities` has it."""
    return Predictions(log_probabilities(model, images, mean=mean, std=std), labels)


def log_probabilities(
    model: Scores, images: NDArray[np.uint8], *, mean: float, std: float
) -> NDArray[np.float64]:
    """Show images (N, 28, 28) to a network in evaluation mode, normalised by mean and std: (N, 10).
    The network may be given as an engine runs it: see `mnist.engines.scoring`.

    In float64 and as logarithms, so that the worst digits can be told apart, however sure the
    network is of something else. Raises CheckpointError where a score is no finite number.
    """
    with no_grad():
        parts = [
            model(Tensor(normalise(images[start : start + _BATCH], mean, std))).data
            for start in range(0, len(images), _BATCH)
        ]
        scores = np.concatenate(parts, dtype=np.float64)
        if not np.isfinite(scores).all():
            raise CheckpointError(
                "the network's scores are no finite numbers, as after a training that diverged; "
                "train again with a smaller --lr"
            )
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


# --- how sure one may be -------------------------------------------------------------------------


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share, `hits` of `count` (Wilson 1927, J. Am. Stat. Assoc. 22).

    Unlike the one from the standard error it stays within 0 and 1, and holds for shares near 1.
    """
    if not 0 <= hits <= count or not count:
        raise ValueError(f"{hits} of {count} given, 0 to {count} of at least 1 expected")
    share, z2 = hits / count, _Z95**2
    centre = share + z2 / (2 * count)
    reach = _Z95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    low, high = ((centre + sign * reach) / (1 + z2 / count) for sign in (-1, 1))
    # Exact at the ends, where rounding would leave 1e-17.
    return (0.0 if hits == 0 else low), (1.0 if hits == count else high)


@dataclass(frozen=True)
class Bin:
    """The images whose guess has a probability above `low` and up to `high`."""

    low: float
    high: float
    count: int
    hits: int
    confidence: float  # the mean probability of their guesses; NaN where there are none

    @property
    def accuracy(self) -> float:
        return self.hits / self.count if self.count else math.nan


def calibration(
    confidence: NDArray[Any], right: NDArray[Any], bins: int = BINS
) -> tuple[list[Bin], float]:
    """Equal bins of confidence, and the expected calibration error: the mean over the images of
    the distance between accuracy and mean confidence of their bin.

    Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of Modern Neural Networks", eq. 3.

    Args:
        confidence: (N,), probabilities above 0.
        right: (N,), whether each guess was right.
    """
    # Bins are closed above: 1.0 is in the last.
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts, hits, sums = (np.bincount(place, each, bins) for each in (None, right, confidence))
    found = [
        Bin(
            i / bins,
            (i + 1) / bins,
            int(count),
            int(hit),
            float(total / count) if count else math.nan,
        )
        for i, (count, hit, total) in enumerate(zip(counts, hits, sums, strict=True))
    ]
    return found, float(np.abs(hits - sums).sum() / len(confidence))


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value of McNemar's test, from what only one of two gets right.

    Were both equally good, each such image would fall to either with probability 1/2: twice the
    lower tail of that binomial distribution, at most 1 (McNemar 1947, Psychometrika 12; the exact
    conditional test in Fagerland, Lydersen, Laake 2013, BMC Med. Res. Methodol. 13:91).
    """
    count = only_first + only_second
    term, tail, possible = 1, 0, 1 << count  # whole numbers, of any size, hence exact
    for k in range(min(only_first, only_second) + 1):
        tail += term
        term = term * (count - k) // (k + 1)
    return min(1.0, 2 * tail / possible)
