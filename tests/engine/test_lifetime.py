"""How long a graph lives: what a sweep frees, what it keeps, and that no cycle holds memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad, identity, leaf

from autograd import Tensor, exp, log, maximum
from autograd.engine.tape import Record


@contextmanager
def no_gc() -> Iterator[None]:
    """The garbage collector off: only reference counts free memory, and leave no cycle to it."""
    gc.collect()  # here rather than in a fixture: pytest lets go of a failed test's frames late
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        # What other threads of the process have left is not looked at.
        found = [type(thing) for thing in gc.garbage if ours(thing)]
        assert found == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def ours(thing: Any) -> bool:
    """Whether this is a tensor, a record, a function ... of the engine, or an array."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return isinstance(thing, np.ndarray) or str(module).startswith("autograd")


def records_alive() -> int:
    return sum(type(thing) is Record for thing in gc.get_objects())


# --- sweeping again ------------------------------------------------------------------------------


def test_a_second_backward_is_an_error() -> None:
    x = leaf(2.0)
    y = exp(x)
    y.backward()
    with pytest.raises(RuntimeError, match=r"'exp' a second time.*retain_graph=True"):
        y.backward()


def test_backward_frees_what_another_output_shares() -> None:
    x = leaf(2.0)
    shared = exp(x)
    one, other = shared * 2, shared * 3
    one.backward()
    with pytest.raises(RuntimeError, match="'exp' a second time"):
        other.backward()


@pytest.mark.parametrize("keep", ["retain_graph", "create_graph"])
def test_a_kept_graph_can_be_swept_again(keep: str) -> None:
    x = leaf(2.0)
    y = x * x
    y.backward(**{keep: True})
    y.backward()
    assert grad(x) == 8


def test_create_graph_may_free_all_the_same() -> None:
    x = leaf(2.0)
    y = x * x
    y.backward(create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


# --- memory --------------------------------------------------------------------------------------


@no_gc()
def test_backward_lets_go_of_memory_while_it_runs() -> None:
    """Near the end of the sweep most of what the forward saved has gone, and so have gradients."""
    held_at_the_end = []

    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        held_at_the_end.append(tracemalloc.get_traced_memory()[0])
        return g

    x = Tensor(np.ones(100_000), requires_grad=True)
    tracemalloc.start()
    y = identity(rule)(x)
    for _ in range(20):
        y = exp(y * 1e-3)
    loss = y.sum()
    del y
    held, _ = tracemalloc.get_traced_memory()
    assert held > 20 * x.data.nbytes
    loss.backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < held + 5 * x.data.nbytes
    assert held_at_the_end[0] < 8 * x.data.nbytes


@no_gc()
def test_after_backward_a_loss_holds_nothing_but_its_own_record() -> None:
    before = records_alive()
    loss = exp(leaf(0.5) * 2)
    loss.backward()
    assert records_alive() == before + 1
    del loss
    assert records_alive() == before


@no_gc()
def test_large_arrays_that_no_rule_reads_are_not_kept() -> None:
    x = Tensor(np.ones(100_000), requires_grad=True)
    tracemalloc.start()
    y = x
    for _ in range(20):
        y = y + 1
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2 * x.data.nbytes
    y.sum().backward()
    assert_array_equal(grad(x), np.ones(100_000))


@no_gc()
def test_memory_is_flat_without_the_garbage_collector(rng: np.random.Generator) -> None:
    data, target = rng.normal(size=(256, 5)), rng.normal(size=(256, 64))
    w, b = Tensor(rng.normal(size=(5, 64)), requires_grad=True), leaf(0.0)

    def step() -> None:
        w.grad = b.grad = None
        hidden = maximum(data @ w + b, 0)
        hidden.retain_grad()
        error = hidden - target
        (error * error).mean().backward()
        for p in (w, b):
            p.data = p.data - 0.01 * grad(p)

    def held() -> tuple[int, int]:
        return tracemalloc.get_traced_memory()[0], len(gc.get_objects())

    for _ in range(20):
        step()
    tracemalloc.start()
    step()
    bytes_before, objects_before = held()
    for _ in range(300):
        step()
    bytes_after, objects_after = held()
    tracemalloc.stop()
    # The interpreter keeps some freed tuples for itself, which is less than one array in 300 steps.
    assert bytes_after - bytes_before < target.nbytes
    # One object a step would be 300; the interpreter and the threads beside may hold one more.
    assert objects_after - objects_before < 30


@no_gc()
def test_higher_derivatives_leave_no_cycles() -> None:
    before = records_alive()
    x = leaf(1.5)
    exp(x * x).backward(create_graph=True)
    first, x.grad = x.grad, None
    assert first is not None
    first.backward(create_graph=True)
    unused = log(x)
    unused.retain_grad()
    del first, unused, x
    assert records_alive() == before


@pytest.mark.parametrize("n", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
@no_gc()
def test_a_long_chain_differentiates_and_is_freed(n: int) -> None:
    """Far past the recursion limit, in the sweep as in freeing what was never swept."""
    before = records_alive()
    for swept in (True, False):
        x = leaf(2.0)
        y = x
        for _ in range(n):
            y = -y
        assert records_alive() == before + n
        if swept:
            y.backward()
            assert grad(x) == (-1) ** n
        del y
        assert records_alive() == before
