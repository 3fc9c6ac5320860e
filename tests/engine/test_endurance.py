"""A network trained for long, and on many threads at once."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd import Tensor


class Training:
    """A small convolutional network on noise; every seed is a problem of its own."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.images = rng.standard_normal((16, 1, 8, 8)).astype(np.float32)
        self.labels = rng.integers(0, 3, 16)
        self.model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False, rng=rng),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 3, rng=rng),
        )
        self.optimizer = nn.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)

    def run(self, steps: int) -> float:
        for _ in range(steps):
            loss = nn.functional.cross_entropy(self.model(Tensor(self.images)), self.labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return float(loss.item())


def test_a_thousand_steps_without_the_garbage_collector_leave_memory_flat() -> None:
    """In a process of its own: the peak of this one hangs on the tests that ran before."""
    pytest.importorskip("resource")
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", "from test_endurance import train_long; train_long()"],
        cwd=Path(__file__).parent,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])},
        check=True,
        timeout=300,
    )


def train_long() -> None:
    training = Training(0)
    first = training.run(1)
    gc.collect()
    gc.disable()
    try:
        training.run(200)
        before = peak_memory(), len(gc.get_objects())
        last = training.run(1000)
        after = peak_memory(), len(gc.get_objects())
    finally:
        gc.enable()
    assert last < first / 10
    # One activation, 16 KB, left behind in each step would be 16 MB.
    assert after[0] - before[0] < 2e6
    assert after[1] - before[1] < 10


def peak_memory() -> int:
    """The most bytes this process has held so far."""
    import resource  # of POSIX

    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


@pytest.mark.slow
def test_eight_threads_each_train_a_model_with_the_results_of_one() -> None:
    def weights(seed: int) -> dict[str, np.ndarray]:
        training = Training(seed)
        training.run(40)
        return training.model.state_dict()

    alone = [weights(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(weights, range(8)))
    for one, other in zip(alone, together, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
    assert (alone[0]["5.weight"] != alone[1]["5.weight"]).any()
