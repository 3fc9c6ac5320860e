"""Tasks that several threads share, and what is done on them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextvars import ContextVar, copy_context
from functools import partial
from unittest.mock import Mock

import numpy as np
import pytest

from autograd import Tensor, get_num_threads, log, set_num_threads
from autograd.runtime import threads


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = get_num_threads()
    set_num_threads(3)
    yield
    set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_task_is_done_once(count: int) -> None:
    for _ in range(100):
        done: list[int] = []
        threads.share([partial(done.append, i) for i in range(count)])
        assert sorted(done) == list(range(count))


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_error_of_any_task_is_raised_when_all_are_done(failing: int) -> None:
    done: list[int] = []

    def task(number: int) -> None:
        done.append(number)
        if number == failing:
            raise OverflowError(f"in task {number}")

    with pytest.raises(OverflowError, match=f"in task {failing}"):
        threads.share([partial(task, i) for i in range(3)])
    assert sorted(done) == [0, 1, 2]
    threads.share([partial(done.append, i) for i in range(3)])
    assert sorted(done) == [0, 0, 1, 1, 2, 2]


def test_nobody_waits_for_a_thread_that_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads._Worker, "start", lambda self, job: None)
    done: list[int] = []
    threads.share([partial(done.append, i) for i in range(3)])
    assert done == [0, 1, 2]


def test_task_that_shares_its_work_does_it_alone() -> None:
    done: list[int] = []

    def outer() -> None:
        threads.share([partial(done.append, i) for i in range(3)])

    threads.share([outer, outer])
    assert sorted(done) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("block", [None, 1 << 12])
def test_parts_and_blocks_of_an_elementwise_function(
    count: int, block: int | None, rng: np.random.Generator
) -> None:
    set_num_threads(count)
    x, y = rng.normal(size=(3, 300, 200)), rng.normal(size=(300, 1))
    out = threads.in_slabs(np.multiply, np.empty_like(x), x, y, block=block)
    np.testing.assert_array_equal(out, x * y)


def test_helpers_see_the_callers_error_state() -> None:
    set_num_threads(2)
    both, states = threading.Barrier(2, timeout=10), []

    def task() -> None:
        both.wait()  # each thread has one of the two
        states.append((threading.get_ident(), np.geterr()["divide"]))

    for wanted in ("raise", "ignore"):
        with np.errstate(divide=wanted):  # type: ignore[arg-type]
            threads.share([task, task])
    assert [state for _, state in states] == ["raise"] * 2 + ["ignore"] * 2
    assert len({thread for thread, _ in states}) == 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_callers_error_state_holds_in_every_part_of_a_large_array(count: int) -> None:
    set_num_threads(count)
    size = 4 * threads.LARGE
    for place in (0, size // 2, size - 1):
        x = np.ones(size)
        x[place] = 0
        with np.errstate(divide="ignore"):
            assert np.isinf(log(Tensor(x)).data[place])
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            log(Tensor(x))
        called = Mock()
        with np.errstate(divide="call", call=called):
            log(Tensor(x))
        called.assert_called_once()


def test_what_holds_in_a_caller_is_let_go_of() -> None:
    class Held:
        pass

    def share_within() -> weakref.ref[Held]:
        held = Held()
        own.set(held)
        threads.share([lambda: None] * 3)
        return weakref.ref(held)

    own: ContextVar[Held] = ContextVar("own")
    reference = copy_context().run(share_within)
    assert reference() is None
