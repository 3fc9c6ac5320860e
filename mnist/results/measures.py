"""How sure one may be: intervals of shares, calibration of probabilities, a test of two runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in Guo et al. 2017
_Z95 = 1.959963984540054  # the normal distribution has 2.5 % beyond it


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
