"""Data-parallel training: each process works on its part of a batch, and their gradients are added.

    group = world()                     # None: this process is alone
    synchronize(model, group)           # all begin as rank 0
    gradients = GradientSum(model.parameters(), group)
    ...
    loss = F.cross_entropy(model(x), y, reduction="sum") / samples_of_all_processes
    optimizer.zero_grad()
    gradients.backward(loss)            # in place of loss.backward()
    optimizer.step()

Each loss is a part of the whole, already divided: gradients are added as they are, and parts may be
of any size. Communication runs behind computation as in Li et al. 2020, "PyTorch Distributed:
Experiences on Accelerating Data Parallel Training", section 3.2.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autograd import Tensor, sweep_hook
from autograd.engine.tensor import Array
from autograd.random import Generator
from autograd.runtime.draws import Shape, noted
from nn.layers.normalization import BatchNorm1d, BatchNorm2d
from nn.module import Module
from nn.parallel.processes import (
    DistributedError,
    Group,
    Sending,
    current,
    launched,
    leads,
    rank_and_size,
    together,
    world,
)

__all__ = [
    "DistributedError",
    "GradientSum",
    "Group",
    "ShardedGenerator",
    "Share",
    "current",
    "expect_alike",
    "fingerprint",
    "launched",
    "leads",
    "rank_and_size",
    "synchronize",
    "synchronize_batch_norm",
    "together",
    "world",
]


_BUCKETS = 4  # the first is on its way early, and each is large beside what a message costs
_SMALLEST = 1 << 14  # bytes of a bucket that is worth a message of its own


def expect_alike(group: Group | None, facts: Mapping[str, Any]) -> None:
    """Raise DistributedError, at all processes, where `facts` differ from those of rank 0."""
    if group is None:
        return
    first, *others = group.gather(dict(facts))
    for rank, other in enumerate(others, start=1):
        for name in [*first, *(name for name in other if name not in first)]:
            if first.get(name) != other.get(name):
                raise DistributedError(
                    f"the processes differ: {name} is {first.get(name)!r} at rank 0, "
                    f"{other.get(name)!r} at rank {rank}; start all alike"
                )


def synchronize(module: Module, group: Group | None) -> None:
    """Give every process the parameters and buffers of rank 0.

    Raises DistributedError where their names, shapes or dtypes differ.
    """
    tensors = dict([*module.named_parameters(), *module.named_buffers()])
    expect_alike(group, {name: f"{t.dtype} {t.shape}" for name, t in tensors.items()})
    if group is not None:
        for tensor in tensors.values():
            tensor.data = group.broadcast(tensor.data)


def fingerprint(module: Module) -> int:
    """A number that differs where a bit of a parameter or buffer does."""
    state = module.state_dict()
    return zlib.crc32(b"".join(np.asarray(state[name]).tobytes() for name in sorted(state)))


def synchronize_batch_norm(module: Module) -> Module:
    """Let every BatchNorm in it take its statistics over all processes; gives `module`."""
    for layer in module.modules():
        if isinstance(layer, BatchNorm1d | BatchNorm2d):
            layer.sync = True
    return module


class GradientSum:
    """Adds up gradients over processes while the sweep that makes them goes on.

    Gradients are copied into flat buckets, in the order in which sweeps make them: the last
    parameters first. A bucket is sent once it is full, and all before it are on their way.

    Args:
        parameters: of the model, the same at each process.
        group: None leaves each gradient to `Tensor.backward`.
        bucket_bytes: at most so many in a bucket, but for a parameter that is larger by itself; by
            default a quarter of all.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        group: Group | None,
        bucket_bytes: int | None = None,
    ) -> None:
        self._group = group
        parameters = list(parameters)
        if bucket_bytes is None:
            bucket_bytes = max(_SMALLEST, sum(p.data.nbytes for p in parameters) // _BUCKETS)
        if bucket_bytes < 1:
            raise ValueError(f"GradientSum: bucket_bytes {bucket_bytes} given, 1 or more expected")
        if len({id(parameter) for parameter in parameters}) < len(parameters):
            raise ValueError("GradientSum: a parameter is given twice, and would be summed twice")
        self._buckets: list[list[Tensor]] = []
        room, dtype = 0, None
        for parameter in reversed(parameters):
            size = parameter.data.nbytes
            if size > room or parameter.dtype != dtype:
                self._buckets.append([])
                room, dtype = bucket_bytes, parameter.dtype
            self._buckets[-1].append(parameter)
            room -= size

    def backward(self, loss: Tensor) -> None:
        """As loss.backward(), but `.grad` becomes the sum over processes.

        What is in `.grad` before, from the losses of other parts of the batch, is taken as this
        process's part, and summed with it. A parameter that no loss has reached keeps None; the
        losses of all processes must reach the same.
        """
        if self._group is None:
            loss.backward()
            return
        sweep = _Sweep(self._buckets, self._group)
        removals = [
            parameter.register_hook(partial(sweep.arrived, parameter))
            for bucket in self._buckets
            for parameter in bucket
        ]
        try:
            with sweep_hook(lambda record, g: sweep.go_on()):
                loss.backward(early=True)
        finally:
            for remove in removals:
                remove()
        sweep.finish()


class _Bucket:
    """A flat array with a place for each of some parameters' gradients."""

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        sizes = [parameter.size for parameter in parameters]
        self.flat = np.empty(sum(sizes), parameters[0].dtype)
        pieces = np.split(self.flat, np.cumsum(sizes)[:-1])
        self.places = {
            id(parameter): piece.reshape(parameter.shape)
            for parameter, piece in zip(parameters, pieces, strict=True)
        }
        self.missing = {id(parameter): parameter for parameter in parameters}


class _Sweep:
    """The buckets of one sweep, filled and sent as it goes on."""

    def __init__(self, buckets: list[list[Tensor]], group: Group) -> None:
        self._group = group
        self._buckets = [_Bucket(parameters) for parameters in buckets]
        self._bucket_of = {key: bucket for bucket in self._buckets for key in bucket.places}
        self._sent: list[Sending] = []

    def arrived(self, parameter: Tensor, g: Tensor) -> None:
        """Take in the gradient of a parameter, complete for this process."""
        bucket, key = self._bucket_of[id(parameter)], id(parameter)
        _put(bucket.places[key], parameter, g.data)
        del bucket.missing[key]
        self._send()

    def go_on(self) -> None:
        """Let MPI move what is on its way."""
        for sending in self._sent:
            sending.test()

    def finish(self) -> None:
        """Send what the sweep has not filled, wait for all, and bind the sums."""
        for bucket in self._buckets:
            for key, parameter in bucket.missing.items():
                _put(bucket.places[key], parameter, 0)
            bucket.missing.clear()
        self._send()
        for sending in self._sent:
            sending.wait()
        for bucket in self._buckets:
            for parameter in bucket.parameters:
                if parameter.grad is not None:
                    parameter.grad.data = bucket.places[id(parameter)]

    def _send(self) -> None:
        # In one order at all processes, whichever is full first.
        while len(self._sent) < len(self._buckets) and not self._buckets[len(self._sent)].missing:
            flat = self._buckets[len(self._sent)].flat
            self._sent.append(self._group.start_sum(flat, "gradients"))


def _put(place: Array, parameter: Tensor, g: Array | int) -> None:
    if parameter.grad is None:
        place[...] = g
    else:
        np.add(parameter.grad.data, g, out=place)


@dataclass(frozen=True)
class Share:
    """The rows of a batch that a process works on, in `parts` parts one after the other.

    Rows are dealt out in turn, first to the parts and then to the processes, so that part k over
    all processes has the same rows whatever their number, and any number of rows is dealt out.
    """

    rank: int = 0
    size: int = 1
    parts: int = 1

    def rows(self, count: int) -> NDArray[np.intp]:
        """Of `count` rows those of this process; its part k is [k :: parts] of them."""
        every = np.arange(count)
        own: NDArray[np.intp] = every[every // self.parts % self.size == self.rank]
        return own

    def part_size(self, count: int, part: int) -> int:
        """How many of `count` rows are in a part, over all processes."""
        return len(range(part, count, self.parts))


class ShardedGenerator(Generator):
    """Draws for all processes and gives this one its rows, so that dropout is the same for any
    number of them.

    What is drawn with a shape that begins with the number of this process's rows is its part of
    what one process would draw; anything else is drawn alike by all. Raises ValueError where it is
    the number of another process's rows, as the two would draw differently.

    Attributes:
        count: of rows that all processes have together; those of a process are dealt out as by
            `Share`.
    """

    def __init__(self, seed: Any = None, rank: int = 0, size: int = 1) -> None:
        super().__init__(seed)
        self._rank, self._size = rank, size
        self._dealt = SimpleNamespace(rows=0)

    @property
    def count(self) -> int:
        return int(noted(self._dealt).rows)  # in a checkpoint's second run, as in its first

    @count.setter
    def count(self, count: int) -> None:
        noted(self._dealt).rows = count

    def normal(self, shape: Shape = (), dtype: DTypeLike = np.float64) -> Tensor:
        return self._rows(partial(super().normal, dtype=dtype), shape)

    def uniform(
        self, low: float = 0.0, high: float = 1.0, shape: Shape = (), dtype: DTypeLike = np.float64
    ) -> Tensor:
        draw = partial(super().uniform, low, high, dtype=dtype)
        return self._rows(draw, shape)

    def bernoulli(self, p: float, shape: Shape = ()) -> Tensor:
        return self._rows(partial(super().bernoulli, p), shape)

    def integers(self, low: int, high: int, shape: Shape = ()) -> Tensor:
        return self._rows(partial(super().integers, low, high), shape)

    def _rows(self, draw: Callable[..., Tensor], shape: Shape) -> Tensor:
        lengths = shape if isinstance(shape, tuple) else (shape,)
        own = slice(self._rank, None, self._size)
        rows = len(range(self.count)[own])
        if not lengths or lengths[0] not in (rows, *self._rows_of_others()):
            return draw(shape=shape)
        if lengths[0] != rows:
            raise ValueError(
                f"a draw of shape {lengths} by a process with {rows} of {self.count} rows: that is "
                "as many as another has, who would take it for its rows; draw what belongs to no "
                "row from a generator of its own"
            )
        return draw(shape=(self.count, *lengths[1:]))[own]

    def _rows_of_others(self) -> set[int]:
        return {-(-self.count // self._size), self.count // self._size}
