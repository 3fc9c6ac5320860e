"""Time of a W1 training step beside PyTorch's eager one: python tests/benchmarks/step.py.

W1: Conv2d(1, 16, 3, padding=1), BatchNorm2d, ReLU, MaxPool2d(2), Flatten, Linear(3136, 10), softmax
cross-entropy, batch 64, SGD with momentum, float32. Each side runs in a process of its own; the two
take turns, one block of steps each while the other sleeps, so that a slow moment of the machine
hits both. The losses of both are compared step by step: a fast wrong step cannot win.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

SHAPE = (64, 1, 28, 28)


def w1(nn: Any) -> Any:
    """The network, of either side's layers: their names and arguments are the same."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3136, 10),
    )


def training_step(model: Any, criterion: Any, optimizer: Any, x: Any, y: Any) -> float:
    """One step of either side; gives the loss."""
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    return float(loss.item())


def pullback_step() -> Callable[[], float]:
    """The step of W1 on this project."""
    import nn
    from autograd import Tensor

    model = w1(nn)
    model.load_state_dict(weights())
    optimizer = nn.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images, labels = data()
    return partial(training_step, model, nn.CrossEntropyLoss(), optimizer, Tensor(images), labels)


def pytorch_step() -> Callable[[], float]:
    """The same on PyTorch, eager, with its default threads."""
    import torch

    model = w1(torch.nn)
    model.load_state_dict({name: torch.tensor(value) for name, value in weights().items()})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images, labels = (torch.tensor(array) for array in data())
    return partial(training_step, model, torch.nn.CrossEntropyLoss(), optimizer, images, labels)


SIDES = {"pullback": pullback_step, "pytorch": pytorch_step}


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal(SHAPE).astype(np.float32), rng.integers(0, 10, SHAPE[0])


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    shapes = {"0.weight": (16, 1, 3, 3), "0.bias": (16,), "5.weight": (10, 3136), "5.bias": (10,)}
    state = {
        name: rng.uniform(-1, 1, shape).astype(np.float32) / np.sqrt(max(9, shape[-1]))
        for name, shape in shapes.items()
    }
    state |= {f"1.{name}": np.ones(16) for name in ("weight", "running_var")}
    state |= {f"1.{name}": np.zeros(16) for name in ("bias", "running_mean")}
    return {name: value.astype(np.float32) for name, value in state.items()} | {
        "1.num_batches_tracked": np.zeros((), np.int64)
    }


def work(side: str, steps: int) -> None:
    """The process of one side: for every line read, a block of steps, and its times and losses."""
    step = SIDES[side]()
    for _ in sys.stdin:
        times, losses = [], []
        for _ in range(steps):
            started = time.perf_counter()
            losses.append(step())
            times.append(time.perf_counter() - started)
        print(json.dumps([times, losses]), flush=True)


def compare(blocks: int, steps: int) -> dict[str, float]:
    """Alternate blocks of both sides; the first of each only warms up."""
    processes = {
        side: subprocess.Popen(
            [sys.executable, __file__, "--work", side, "--steps", str(steps)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for side in SIDES
    }
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    ratios = []
    for block in range(blocks + 1):
        losses = {}
        for side, process in processes.items():
            assert process.stdin
            assert process.stdout
            print("go", file=process.stdin, flush=True)
            block_times, losses[side] = json.loads(process.stdout.readline())
            if block:
                times[side].append(statistics.median(block_times))
        np.testing.assert_allclose(losses["pullback"], losses["pytorch"], rtol=1e-3, atol=1e-4)
        if block:
            ratios.append(times["pullback"][-1] / times["pytorch"][-1])
    for process in processes.values():
        process.communicate()
    low, ratio, high = np.percentile(ratios, [25, 50, 75])
    return {
        "pullback_ms": 1e3 * statistics.median(times["pullback"]),
        "pytorch_ms": 1e3 * statistics.median(times["pytorch"]),
        "ratio_of_medians": statistics.median(times["pullback"])
        / statistics.median(times["pytorch"]),
        "ratio_of_pairs": float(ratio),
        "ratio_of_pairs_quartiles": [float(low), float(high)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=20, help="how often the sides take turns")
    parser.add_argument("--steps", type=int, default=20, help="steps in a block")
    parser.add_argument("--work", choices=SIDES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work, args.steps)
    else:
        print(json.dumps(compare(args.blocks, args.steps), indent=2))


if __name__ == "__main__":
    main()
