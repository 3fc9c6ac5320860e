"""Processes: what they add up, what they have alike, and who there is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.ranks import errors_on_ranks, gap, on_ranks

import autograd as ag
import nn
from autograd import Tensor
from nn.distributed import (
    DistributedError,
    Group,
    expect_alike,
    fingerprint,
    launched,
    synchronize,
    world,
)
from nn.parallel.processes import MPIGroup

ROOT = Path(__file__).parents[2]
Array = np.ndarray[Any, Any]


def leaf(array: Any) -> Tensor:
    return Tensor(array, requires_grad=True)


# --- allreduce -----------------------------------------------------------------------------------


def loss_of(rank: int, total: Tensor, own: Tensor) -> Tensor:
    """Another loss at each rank, of what all have and of its own."""
    return (ag.sin((rank + 1) * total) * ag.exp(own) + total**3 / (rank + 2)).sum()


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_allreduce_differentiates_as_a_sum_in_one_process(
    size: int, rng: np.random.Generator
) -> None:
    inputs, directions = rng.normal(size=(2, size, 3, 2))
    stacked = leaf(inputs)
    total = ag.tanh(stacked).sum(axis=0)
    sum(loss_of(rank, total, stacked[rank]) for rank in range(size)).backward(create_graph=True)
    first = stacked.grad
    stacked.grad = None
    (first * directions).sum().backward()

    def program(group: Group) -> tuple[Array, Array]:
        x = leaf(inputs[group.rank])
        total = ag.allreduce(ag.tanh(x), group=group)
        loss_of(group.rank, total, x).backward(create_graph=True)
        first, x.grad = x.grad, None
        (first * directions[group.rank]).sum().backward()
        return first.numpy(), x.grad.numpy()

    got = on_ranks(size, program)
    assert gap(np.stack([g for g, _ in got]), first.numpy()) < 1e-14
    assert gap(np.stack([g for _, g in got]), stacked.grad.numpy()) < 1e-13


# --- what all have alike -------------------------------------------------------------------------


def network(seed: int, features: int = 3, dtype: Any = np.float32) -> nn.Module:
    model = nn.Sequential(
        nn.Linear(2, features, rng=np.random.default_rng(seed)), nn.BatchNorm1d(features)
    )
    model[0].weight.rebind(model[0].weight.data.astype(dtype))
    model[1].num_batches_tracked.data = np.asarray(seed)
    model[1].running_mean.data = model[1].running_mean.data + np.float32(seed)
    return model


def test_synchronize_gives_what_rank_0_has() -> None:
    first = {name: a.tobytes() for name, a in network(5).state_dict().items()}

    def program(group: Group) -> dict[str, bytes]:
        model = network(5 + group.rank)
        synchronize(model, group)
        return {name: a.tobytes() for name, a in model.state_dict().items()}

    assert on_ranks(3, program) == [first] * 3


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (lambda: network(1, features=4), "0.weight is 'float32 (3, 2)' at rank 0"),
        (lambda: network(1, dtype=np.float64), "'float64 (3, 2)' at rank 2"),
        (lambda: nn.Sequential(network(1)), "0.weight is 'float32 (3, 2)' at rank 0, None"),
        (lambda: network(1)[:1], "1.weight is 'float32 (3,)' at rank 0, None at rank 2"),
    ],
    ids=["shape", "dtype", "names", "fewer"],
)
def test_synchronize_refuses_other_networks(other: Callable[[], nn.Module], told: str) -> None:
    def program(group: Group) -> None:
        synchronize(other() if group.rank == 2 else network(1), group)

    for error in errors_on_ranks(3, program):
        assert isinstance(error, DistributedError)
        assert told in str(error)


def test_expect_alike_names_what_only_another_has() -> None:
    on_ranks(2, lambda group: expect_alike(group, {"one": [1], "two": None}))
    expect_alike(None, {"anything": object()})

    def program(group: Group) -> None:
        expect_alike(group, {"one": 1} | ({"extra": 2} if group.rank else {}))

    for error in errors_on_ranks(2, program):
        assert isinstance(error, DistributedError)
        assert "extra is None at rank 0, 2 at rank 1" in str(error)


def test_fingerprint_tells_single_bits() -> None:
    assert fingerprint(network(2)) == fingerprint(network(2))
    found = {fingerprint(network(2))}
    for name in network(2).state_dict():
        model = network(2)
        tensor = dict([*model.named_parameters(), *model.named_buffers()])[name]
        changed = np.array(tensor.data)
        changed.reshape(-1).view(np.uint8)[-1] ^= 1
        tensor.data = changed
        found.add(fingerprint(model))
    assert len(found) == 1 + len(network(2).state_dict())


@pytest.mark.parametrize("array", [np.ones(2, np.float16), np.ones(2, bool), np.ones(2, object)])
def test_sums_of_what_mpi_cannot_add_are_refused(array: Array) -> None:
    def program(group: Group) -> None:
        for sum_of in (group.sum, group.start_sum):
            with pytest.raises(TypeError, match=f"an array of {array.dtype} given"):
                sum_of(array)
        assert group.traffic == {}

    on_ranks(1, program)


@pytest.mark.parametrize(
    "array",
    [
        np.array(2.5),
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12, dtype=np.float32)[::-3],
        np.ones((0, 3)),
        np.arange(3) + 1j,
        np.arange(5, dtype=np.uint8),
    ],
    ids=["0-d", "transposed", "strided", "empty", "complex", "integers"],
)
def test_sums_of_any_layout(array: Array) -> None:
    def program(group: Group) -> Array:
        total = group.sum(array * np.asarray(group.rank + 1, array.dtype), "these")
        assert group.traffic["these"].calls == 1
        assert group.traffic["these"].nbytes == array.nbytes
        return total

    for total in on_ranks(3, program):
        assert total.dtype == array.dtype
        assert total.shape == array.shape
        assert np.array_equal(total, 6 * array)


# --- who there is --------------------------------------------------------------------------------

LAUNCHERS = [("PMI_RANK", "PMI_SIZE"), ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for names in LAUNCHERS:
        for name in names:
            monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("alone")
def test_without_a_launcher_mpi_is_not_loaded() -> None:
    assert launched() is None
    assert world.__wrapped__() is None
    command = "import sys, nn, mnist, train; nn.distributed.world(); print('mpi4py' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env=dict(os.environ),
    )
    assert run.stdout.split() == ["False"], run.stderr


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("rank", "size"), LAUNCHERS)
def test_what_launchers_tell(rank: str, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv(rank, "0")
    assert launched() is None  # half of what a launcher says
    monkeypatch.setenv(size, "1")
    assert launched() == (0, 1)
    assert world.__wrapped__() is None
    monkeypatch.setenv(rank, "1")
    monkeypatch.setenv(size, "2")
    assert launched() == (1, 2)
    with pytest.raises(DistributedError, match=r"one of 2 processes.*pip install mpi4py mpich"):
        world.__wrapped__()


def test_the_first_ctrl_c_is_for_those_who_still_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes to a process that waits for their end too; a second ends all."""
    pressed: list[float] = []
    ended: list[int] = []
    limits = [2, 1]

    class Communicator:
        rank, size = 1, 2
        Dup = Ibarrier = lambda self: self
        Test = lambda self: len(pressed) >= limits[-1]  # noqa: E731
        Abort = lambda self, code: ended.append(code)  # noqa: E731

    def press(seconds: float) -> None:
        pressed.append(seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr("nn.parallel.processes.sleep", press)
    assert MPIGroup(Communicator()).part() and ended == []
    limits.pop(), pressed.clear()
    assert MPIGroup(Communicator()).part() and ended == [130]
