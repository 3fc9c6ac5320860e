"""The numbers of a report, against their definitions written as loops, published values, finite
differences."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from autograd import Tensor
from mnist.data import normalise
from mnist.models import MODELS, Vote
from mnist.results import Predictions, predict, saliency
from mnist.results.predictions import calibration, mcnemar, wilson
from mnist.results.wording import duration, percent, plain


def made(rng: np.random.Generator, count: int = 400, sure: float = 3.0) -> Predictions:
    scores = rng.standard_normal((count, 10)) * sure
    labels = rng.integers(0, 10, count).astype(np.uint8)
    scores[np.arange(count), labels] += 2 * sure
    return Predictions(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), labels)


def test_counts_are_those_of_loops(rng: np.random.Generator) -> None:
    found = made(rng)
    pairs = [
        (int(label), max(range(10), key=lambda d: row[d]))
        for label, row in zip(found.labels, found.log_probabilities.tolist(), strict=True)
    ]
    assert found.accuracy == sum(a == b for a, b in pairs) / len(pairs)
    assert 0.5 < found.accuracy < 1
    for i in range(10):
        for j in range(10):
            assert found.confusion[i, j] == sum(pair == (i, j) for pair in pairs)
        of_digit = [b for a, b in pairs if a == i]
        read_as = [a for a, b in pairs if b == i]
        assert found.recall[i] == pytest.approx(of_digit.count(i) / len(of_digit))
        assert found.precision[i] == pytest.approx(read_as.count(i) / len(read_as))
    own = [-row[a] for (a, _), row in zip(pairs, found.log_probabilities, strict=True)]
    assert found.loss == pytest.approx(math.fsum(own) / len(own))
    assert list(found.worst(20)) == sorted(range(len(own)), key=lambda k: -own[k])[:20]
    assert [int(found.labels[k]) for k in found.first_of_each()] == list(range(10))
    assert not any(found.labels[k] in found.labels[:k] for k in found.first_of_each())


def test_a_digit_that_is_not_there_has_neither_precision_nor_recall() -> None:
    found = Predictions(np.log(np.full((3, 10), 0.1)), np.array([0, 0, 1], np.uint8))
    assert found.recall[:2].tolist() == [1.0, 0.0]
    assert np.isnan(found.recall[2:]).all()
    assert found.precision[0] == pytest.approx(2 / 3)
    assert np.isnan(found.precision[1:]).all()
    assert found.worst(20).tolist() == [0, 1, 2]
    assert found.first_of_each().tolist() == [0, 2]


def test_predictions_are_the_softmax_of_the_scores(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (1030, 28, 28), dtype=np.uint8)  # more than one batch
    labels = rng.integers(0, 10, 1030, dtype=np.uint8)
    model = MODELS["basic"](rng).eval()
    found = predict(model, images, labels, mean=0.2, std=0.4)
    scores = model(Tensor(normalise(images, 0.2, 0.4))).data.astype(np.float64)
    for row, own in zip(scores[::103], found.probabilities[::103], strict=True):
        powers = [math.exp(score) for score in row]
        np.testing.assert_allclose(own, [power / sum(powers) for power in powers], rtol=1e-4)
    assert (found.guesses == scores.argmax(axis=1)).all()


def test_improbable_labels_are_told_apart() -> None:
    """Where float32 has 0 for each, or overflows."""
    scores = np.zeros((3, 10), np.float32)
    scores[:, 7] = [300, 900, 400]

    class Sure:
        def __call__(self, x: Tensor) -> Tensor:
            return Tensor(scores)

    images = np.zeros((3, 28, 28), np.uint8)
    found = predict(Sure(), images, np.zeros(3, np.uint8), mean=0.1, std=0.3)  # type: ignore[arg-type]
    assert found.worst(3).tolist() == [1, 2, 0]
    assert math.isfinite(found.loss)


# Newcombe 1998, Statistics in Medicine 17, table I, method 3.
@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    hits: int, count: int, low: float, high: float
) -> None:
    assert wilson(hits, count) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson(count - hits, count)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize(("hits", "count"), [(9892, 10_000), (1, 3), (50, 100)])
def test_wilson_ends_where_the_share_is_two_deviations_away(hits: int, count: int) -> None:
    for end in wilson(hits, count):
        distance = abs(hits / count - end) / math.sqrt(end * (1 - end) / count)
        assert distance == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize(("hits", "count"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_refuses_what_is_no_share(hits: int, count: int) -> None:
    with pytest.raises(ValueError, match="given"):
        wilson(hits, count)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (0, 6), (3, 9), (9, 3), (7, 7), (23, 69)])
def test_mcnemar_is_the_sum_of_binomial_terms(b: int, c: int) -> None:
    n = b + c
    terms = [Fraction(math.comb(n, k), 2**n) for k in range(n + 1)]
    # What is at most as probable as what was seen; the distribution is symmetric.
    as_rare = sum((term for term in terms if term <= terms[b]), Fraction(0))
    assert mcnemar(b, c) == pytest.approx(float(as_rare), rel=1e-14)


def test_mcnemar_of_thousands_neither_overflows_nor_vanishes() -> None:
    assert mcnemar(5000, 5000) == 1.0
    assert 0 < mcnemar(4000, 4400) < 1e-4
    assert mcnemar(0, 10_000) == 0.0


def test_calibration_is_that_of_a_loop(rng: np.random.Generator) -> None:
    confidence = np.concatenate([rng.uniform(0.1, 1, 300), [1.0, 0.1, 0.2, 0.4, 0.6]])
    right = rng.uniform(size=confidence.size) < confidence**2
    bins, error = calibration(confidence, right, bins=10)
    expected = 0.0
    for m, found in enumerate(bins, start=1):
        inside = [k for k, p in enumerate(confidence) if (m - 1) / 10 < p <= m / 10]
        assert found.count == len(inside)
        if not inside:
            assert math.isnan(found.accuracy)
            continue
        accuracy = sum(bool(right[k]) for k in inside) / len(inside)
        mean = math.fsum(confidence[inside]) / len(inside)
        assert (found.accuracy, found.confidence) == pytest.approx((accuracy, mean))
        expected += len(inside) / len(confidence) * abs(accuracy - mean)
    assert error == pytest.approx(expected)
    assert error > 0.05
    assert sum(found.count for found in bins) == len(confidence)


def test_whoever_is_as_often_right_as_said_is_calibrated() -> None:
    _, error = calibration(np.full(10, 0.9), np.arange(10) > 0)
    assert error == pytest.approx(0, abs=1e-12)
    _, error = calibration(np.full(10, 1.0), np.arange(10) > 4)
    assert error == pytest.approx(0.5)


@pytest.mark.parametrize("several", [False, True], ids=["one network", "a vote"])
def test_saliency_is_the_difference_quotient(several: bool, rng: np.random.Generator) -> None:
    # Noise: on the even ground of digits the pooling has ties, where a quotient has no limit.
    images = rng.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    members = [MODELS["basic"](rng) for _ in range(2 if several else 1)]
    model = (Vote(members) if several else members[0]).eval()
    gradients, guesses = saliency(model, images, mean=0.15, std=0.35)
    assert gradients.shape == images.shape
    assert gradients.dtype == np.float32
    assert all(parameter.grad is None for parameter in model.parameters())
    model.to(np.float64)

    def score(pixels: np.ndarray, which: int) -> float:
        x = (pixels[None, None] - 0.15) / 0.35
        return float(model(Tensor(x)).data[0, guesses[which]])

    step, largest = 1e-6, float(np.abs(gradients).max())
    for which, image in enumerate(images / 255):
        scores = model(Tensor((image[None, None] - 0.15) / 0.35)).data
        assert scores.argmax() == guesses[which]
        for place in rng.integers(0, 28, (12, 2)):
            nudge = np.zeros((28, 28))
            nudge[tuple(place)] = step
            quotient = (score(image + nudge, which) - score(image - nudge, which)) / (2 * step)
            assert gradients[which][tuple(place)] == pytest.approx(quotient, abs=1e-4 * largest)
    assert largest > 1e-3


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.9892, "98.92 %"),
        (1.0, "100.00 %"),
        (0.999999, ">99.99 %"),
        (0.0, "0.00 %"),
        (1e-9, "<0.01 %"),
        (math.nan, "-"),
    ],
)
def test_nearly_all_is_not_shown_as_all(share: float, text: str) -> None:
    assert percent(share) == text


def test_words_for_values() -> None:
    assert [plain(v) for v in (None, True, 60_000, 5e-4, "best", 1234)] == [
        *("none", "yes", "60,000", "0.0005", "best", "1234")
    ]
    assert [duration(s) for s in (3.14, 59.96, 61, 3725)] == [
        *("3.1 s", "1 min 0 s", "1 min 1 s", "1 h 2 min")
    ]
