"""Tasks that several threads share, and what is done on them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from autograd import get_num_threads, set_num_threads
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
