"""How long a step of data-parallel training takes on any number of ranks: a model, no measuring.

A step is computing, interrupted by sums over the ranks. Those of BatchNorm are waited for where
they stand. Those of the gradients, a bucket each, go one after the other over a channel of their
own while the sweep goes on, and what is not done at its end is waited for. Times are in seconds,
sizes in bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRADIENTS = "gradients"  # by which name GradientSum sends; every other is waited for


@dataclass(frozen=True)
class Layout:
    """So many ranks of so many threads each, on so many cores."""

    ranks: int
    threads: int
    cores: int

    @property
    def crowding(self) -> float:
        """How much longer computing takes, where ranks have to take turns."""
        return max(1.0, self.ranks * self.threads / self.cores)

    @property
    def together(self) -> int:
        """How many of the ranks compute at the same time."""
        return min(self.ranks, max(1, self.cores // self.threads))

    def __str__(self) -> str:
        threads = counted(self.threads, "thread")
        if self.ranks == 1:
            return f"one process x {threads}"
        return f"{self.ranks} ranks x {threads}{', taking turns' if self.crowding > 1 else ''}"


@dataclass(frozen=True)
class Compute:
    """Seconds that a rank computes for a step, by the number of its samples."""

    base: float
    each: float

    def seconds(self, samples: int) -> float:
        return self.base + self.each * samples


@dataclass(frozen=True)
class Network:
    """What a message costs.

    Args:
        latency: seconds before the first byte.
        bandwidth: bytes a second that a rank sends while it receives as many.
        addition: seconds to add up a byte of an array.
        own: the part of sending that the rank's own core does, and cannot compute meanwhile: 1 in
            shared memory, 0 with an adapter that moves data by itself. Addition is its own anyway.
    """

    latency: float
    bandwidth: float
    addition: float = 0.0
    own: float = 0.0

    def allreduce(self, ranks: int, nbytes: int) -> float:
        """Seconds to sum arrays of so many bytes, by whichever way is faster.

        Thakur, Rabenseifner & Gropp 2005, "Optimization of Collective Communication Operations in
        MPICH", on allreduce: recursive doubling, log2(p) (a + n b + n c), and Rabenseifner's
        algorithm, 2 log2(p) a + 2 (p-1)/p n b + (p-1)/p n c, for p ranks, n bytes, latency a, and
        b to send and c to add a byte.
        """
        return sum(self._parts(ranks, nbytes))

    def split(self, ranks: int, nbytes: int) -> tuple[float, float]:
        """The seconds of `allreduce` that the rank's core spends, and those it could compute in."""
        sending, adding = self._parts(ranks, nbytes)
        return adding + self.own * sending, (1 - self.own) * sending

    def _parts(self, ranks: int, nbytes: int) -> tuple[float, float]:
        ways = [
            (
                messages * self.latency + sent * nbytes / self.bandwidth,
                added * nbytes * self.addition,
            )
            for messages, sent, added in _ways(ranks)
        ]
        return min(ways, key=sum)


def _ways(ranks: int) -> list[tuple[float, float, float]]:
    """Messages one after the other, and how often the array is sent and added, by algorithm."""
    rounds, most = math.ceil(math.log2(ranks)), (ranks - 1) / ranks
    return [(rounds, rounds, rounds), (2 * rounds, 2 * most, most)]


@dataclass(frozen=True)
class Sum:
    """A sum over the ranks that a step begins once `at` of its computing is done, from 0 to 1."""

    at: float
    name: str
    nbytes: int


@dataclass(frozen=True)
class Timeline:
    """The sums of a step in their order, and at which part of the computing its sweep ends."""

    sums: Sequence[Sum]
    swept: float


@dataclass(frozen=True)
class Step:
    """Where the seconds of a step go.

    Args:
        waited: for sums in the midst of the step: those of BatchNorm.
        exposed: by the gradients' sums, over what computing hides of them.
        hidden: the rest of the gradients' sums.
    """

    compute: float
    waited: float
    exposed: float
    hidden: float

    @property
    def seconds(self) -> float:
        return self.compute + self.waited + self.exposed


def step(
    compute: float, timeline: Timeline, network: Network, ranks: int, *, overlap: bool = True
) -> Step:
    """A step that computes so many seconds at each of the ranks.

    Without overlap no bucket is sent before the sweep is over.
    """
    if ranks == 1:
        return Step(compute, 0.0, 0.0, 0.0)
    clock = done = waited = own = sending = channel = 0.0
    buckets = [s for s in timeline.sums if s.name == GRADIENTS]
    ends = [Sum(timeline.swept, GRADIENTS, s.nbytes) for s in buckets]
    waits = [s for s in timeline.sums if s.name != GRADIENTS]
    for event in timeline.sums if overlap else [*waits, *ends]:
        clock += (event.at - done) * compute
        done = event.at
        if event.name != GRADIENTS:
            cost = network.allreduce(ranks, event.nbytes)
            clock += cost
            waited += cost
            continue
        by_core, by_wire = network.split(ranks, event.nbytes)
        channel = max(channel, clock) + by_core + by_wire
        clock += by_core  # in which nothing is computed
        own += by_core
        sending += by_wire
    clock += (timeline.swept - done) * compute
    late = min(max(0.0, channel - clock), sending)  # min: but for rounding it is never more
    return Step(compute, waited, own + late, sending - late)


@dataclass(frozen=True)
class Prediction:
    """A step on so many ranks. Efficiency is beside one rank that is alone."""

    ranks: int
    samples: int  # of the rank that has most
    step: Step
    efficiency: float
    nothing_hidden: float  # seconds


def strong(
    compute: Compute, timeline: Timeline, network: Network, ranks: Iterable[int], batch: int
) -> list[Prediction]:
    """A batch shared by the ranks, as long as there is a sample for each."""
    alone = compute.seconds(batch)
    return [
        _predicted(compute, timeline, network, count, -(-batch // count), alone / count)
        for count in ranks
        if count <= batch
    ]


def weak(
    compute: Compute, timeline: Timeline, network: Network, ranks: Iterable[int], batch: int
) -> list[Prediction]:
    """A batch for each rank."""
    alone = compute.seconds(batch)
    return [_predicted(compute, timeline, network, count, batch, alone) for count in ranks]


def _predicted(
    compute: Compute, timeline: Timeline, network: Network, ranks: int, samples: int, ideal: float
) -> Prediction:
    computing = compute.seconds(samples)
    found = step(computing, timeline, network, ranks)
    worst = step(computing, timeline, network, ranks, overlap=False)
    return Prediction(ranks, samples, found, ideal / found.seconds, worst.seconds)


def fit_compute(samples: Sequence[int], seconds: Sequence[float]) -> Compute:
    """The line with the least squares of relative errors; neither part of it is negative."""
    columns = np.stack([np.ones(len(samples)), np.asarray(samples, float)], axis=1)
    base, each = _fitted(columns, np.asarray(seconds, float))
    return Compute(base, each)


def fit_network(
    points: Sequence[tuple[int, int, float]], addition: float = 0.0, own: float = 0.0
) -> Network:
    """Latency and bandwidth from (ranks, bytes, seconds) of allreduces, by relative errors.

    Which algorithm is the faster hangs on what is looked for: the two are fitted for one choice,
    which is made anew until it stays.
    """
    best, least = None, math.inf
    for first in (0, 1):  # either algorithm for all, to begin with
        network = _with_ways(points, addition, own, lambda ranks, nbytes, way=first: way)
        for _ in range(20):
            error = _misfit(network, points)
            if error < least:
                best, least = network, error
            before, network = network, _with_ways(points, addition, own, _faster(network))
            if network == before:
                break
    assert best is not None
    return best


def _faster(network: Network) -> Callable[[int, int], int]:
    def way(ranks: int, nbytes: int) -> int:
        costs = [
            messages * network.latency
            + nbytes * (sent / network.bandwidth + added * network.addition)
            for messages, sent, added in _ways(ranks)
        ]
        return costs.index(min(costs))

    return way


def _with_ways(
    points: Sequence[tuple[int, int, float]],
    addition: float,
    own: float,
    choose: Callable[[int, int], int],
) -> Network:
    rows, left, measured = [], [], []
    for ranks, nbytes, seconds in points:
        messages, sent, added = _ways(ranks)[choose(ranks, nbytes)]
        rows.append((messages, sent * nbytes))
        left.append(seconds - added * nbytes * addition)
        measured.append(seconds)
    latency, per_byte = _fitted(np.asarray(rows, float), np.asarray(left), np.asarray(measured))
    return Network(latency, 1 / per_byte if per_byte > 0 else math.inf, addition, own)


def _misfit(network: Network, points: Sequence[tuple[int, int, float]]) -> float:
    return sum((network.allreduce(ranks, n) / seconds - 1) ** 2 for ranks, n, seconds in points)


def _fitted(
    columns: NDArray[np.float64],
    values: NDArray[np.float64],
    measured: NDArray[np.float64] | None = None,
) -> tuple[float, float]:
    """Two factors, none negative, with the least squares of (columns @ factors - values) in parts
    of what was measured."""
    scale = values if measured is None else measured
    a, b = columns / scale[:, None], values / scale
    candidates = [np.linalg.lstsq(a, b)[0]]
    if candidates[0].min() < 0:  # the least is then where one of them is 0
        candidates = []
        for kept in (0, 1):
            factors = np.zeros(2)
            factors[kept] = max(0.0, a[:, kept] @ b / (a[:, kept] @ a[:, kept]))
            candidates.append(factors)
    first, second = min(candidates, key=lambda factors: float(np.square(a @ factors - b).sum()))
    return float(first), float(second)


def counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")
