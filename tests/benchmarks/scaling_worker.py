"""What each rank does for `scaling`: python scaling_worker.py REQUEST, alone or by mpiexec.

The request is a JSON object, {"task", "arguments"}; rank 0 answers with one, in a line.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import Any, TypeVar

# For `benchmarks`, from beside the tests, and for the project, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from benchmarks import networks
from benchmarks.on_pullback import LIBRARY
from benchmarks.scaling_model import GRADIENTS

from autograd import Tensor, keep_pages, set_num_threads
from nn import functional as F
from nn.distributed import GradientSum, Group, Share, synchronize_batch_norm, together
from nn.optim import SGD
from nn.parallel.launching import as_one
from nn.parallel.processes import Request, Sending

T = TypeVar("T")
WARM_UP = 2  # steps
REPEATED = 20  # allreduces in one timing of small arrays


class Recorder(Group):
    """A group of one: computes as many do, sends nothing, and notes when it would have.

    Attributes:
        called: when (nanoseconds), by which name and with how many bytes.
    """

    def __init__(self) -> None:
        super().__init__(0, 1)
        self.called: list[tuple[int, str, int]] = []

    def sum(self, array: networks.Array, name: str = "allreduce") -> networks.Array:
        self.called.append((perf_counter_ns(), name, np.asarray(array).nbytes))
        return super().sum(array, name)

    def start_sum(self, buffer: networks.Array, name: str = "allreduce") -> Sending:
        # BatchNorm's counts are on their way beside a larger sum that is waited for at once: they
        # take no time of their own.
        if name == GRADIENTS:
            self.called.append((perf_counter_ns(), name, buffer.nbytes))
        return super().start_sum(buffer, name)

    def start(self, buffer: networks.Array) -> Request:
        return _Done()

    def gather(self, value: T) -> list[T]:
        return [value]

    def abort(self, code: int) -> None:
        raise SystemExit(code)

    def part(self, patience: float | None = None) -> bool:
        return True

    def _add(self, sent: networks.Array, total: networks.Array) -> None:
        total[...] = sent

    def _spread(self, buffer: networks.Array) -> None:
        pass


class _Done:
    def Test(self) -> bool:  # noqa: N802
        return True

    def Wait(self) -> None:  # noqa: N802
        pass


class Training:
    """A rank's part of training steps on one batch that all ranks share.

    Attributes:
        swept: when the last sweep, with all sums that it began, was over; nanoseconds.
        losses: this rank's part of them.
    """

    def __init__(self, network: str, batch: int, group: Group | None) -> None:
        self._group, self._batch = group, batch
        self.model = LIBRARY.prepared(network, {})
        synchronize_batch_norm(self.model)
        images, labels = networks.data(network, batch)
        share = Share() if group is None else Share(group.rank, group.size)
        own = share.rows(batch)
        self._x, self._y = Tensor(images[own]), labels[own]
        self._optimizer = SGD(
            self.model.parameters(), lr=networks.LEARNING_RATE, momentum=networks.MOMENTUM
        )
        self._gradients = GradientSum(self.model.parameters(), group)
        self.swept = 0
        self.losses: list[float] = []

    def step(self) -> float:
        """Seconds that a step took."""
        begin = perf_counter_ns()
        self._optimizer.zero_grad()
        with together(self._group):
            loss = F.cross_entropy(self.model(self._x), self._y, reduction="sum") / self._batch
            self._gradients.backward(loss)
        self.swept = perf_counter_ns()
        self._optimizer.step()
        self.losses.append(float(loss.item()))
        return 1e-9 * (perf_counter_ns() - begin)


def train(group: Group | None, network: str, batch: int, steps: int) -> dict[str, Any]:
    """Steps of all ranks: the slowest rank's seconds, the losses, and what a step of rank 0 sends.

    What it waited for a sum is also waiting for ranks that come later.
    """
    training = Training(network, batch, group)
    for _ in range(WARM_UP):
        training.step()
    gc.collect()
    if group is not None:
        group.gather(None)  # all begin together
        group.traffic.clear()
    seconds = [training.step() for _ in range(steps)]
    traffic = {} if group is None else group.traffic
    sent = {
        name: {
            "calls": its.calls / steps,
            "bytes": its.nbytes / steps,
            "waited": 1e-9 * its.waited / steps,
        }
        for name, its in traffic.items()
    }
    own = seconds, training.losses
    everyone = [own] if group is None else group.gather(own)
    return {
        "seconds": np.max([times for times, _ in everyone], axis=0).tolist(),
        "losses": np.sum([losses for _, losses in everyone], axis=0).tolist(),
        "traffic": sent,
    }


def compute(
    group: Group | None, network: str, batches: Sequence[int], steps: int
) -> dict[str, Any]:
    """The same steps without communication, each rank on batches of its own, all at once.

    So computing is slowed down as it is by the others' use of the memory. Gives seconds by the
    size of the batch, and the timeline of the largest: at which parts of the computing which sums
    begin, and the sweep ends.
    """
    medians, timeline = [], {}
    for batch in batches:
        recorder = Recorder()
        training = Training(network, batch, recorder)
        for _ in range(WARM_UP):
            training.step()
        gc.collect()
        if group is not None:
            group.gather(None)
        seconds, parts = [], []
        for _ in range(steps):
            recorder.called.clear()
            begin = perf_counter_ns()
            seconds.append(training.step())
            moments = [*(at for at, _, _ in recorder.called), training.swept]
            parts.append([1e-9 * (at - begin) / seconds[-1] for at in moments])
        everyone = [seconds] if group is None else group.gather(seconds)
        medians.append(statistics.median(np.ravel(everyone).tolist()))
        if batch == max(batches):
            *at, swept = np.median(parts, axis=0).tolist()
            sums = [
                {"at": part, "name": name, "nbytes": nbytes}
                for part, (_, name, nbytes) in zip(at, recorder.called, strict=True)
            ]
            timeline = {"sums": sums, "swept": swept}
    return {"seconds": medians, "timeline": timeline}


def allreduce(group: Group | None, sizes: Sequence[int], repeats: int) -> dict[str, Any]:
    """Seconds of a sum over all ranks by its bytes, of nothing else at work; and of adding a byte
    to another in float32."""
    assert group is not None
    found = []
    for nbytes in sizes:
        array = np.ones(max(1, nbytes // 4), np.float32)
        count = REPEATED if nbytes < 1 << 16 else 2
        group.sum(array)
        times = []
        for _ in range(repeats):
            group.gather(None)
            begin = time.perf_counter()
            for _ in range(count):
                group.sum(array)
            times.append((time.perf_counter() - begin) / count)
        found.append(max(group.gather(statistics.median(times))))
    a, b = np.ones((2, 1 << 16), np.float32)  # as large as a bucket
    times = []
    for _ in range(50):
        begin = time.perf_counter()
        np.add(a, b, out=b)
        times.append(time.perf_counter() - begin)
    return {"seconds": found, "addition": statistics.median(times) / b.nbytes}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "train": train,
    "compute": compute,
    "allreduce": allreduce,
}


def answer(request: dict[str, Any], group: Group | None) -> int:
    set_num_threads(request["threads"])
    found = TASKS[request["task"]](group, **request["arguments"])
    print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    keep_pages()  # as train.py does
    sys.exit(as_one(partial(answer, json.loads(sys.argv[1])), "scaling"))
