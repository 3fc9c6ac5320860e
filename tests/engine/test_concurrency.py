"""Several threads at once: each records as it asked for, and trains as if it were alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from support.leaves import grad, records

from autograd import Tensor, enable_grad, no_grad

Array = NDArray[Any]


def test_recording_is_per_thread() -> None:
    off, asked = threading.Event(), threading.Event()
    answers = {}

    def without() -> None:
        with no_grad():
            off.set()
            asked.wait(10)
            answers["without"] = records()

    thread = threading.Thread(target=without)
    thread.start()
    assert off.wait(10)
    assert records()  # another thread is within no_grad now
    asked.set()
    thread.join()
    with no_grad():
        thread = threading.Thread(target=lambda: answers.update(fresh=records()))
        thread.start()
        thread.join()
    assert answers == {"without": False, "fresh": True}


def test_a_decorated_function_may_run_on_two_threads_at_once() -> None:
    first_in, second_in, first_out = (threading.Event() for _ in range(3))
    answers = {}

    @enable_grad()
    def decorated(entered: threading.Event, wait_for: threading.Event) -> None:
        entered.set()
        assert wait_for.wait(10)

    def first() -> None:
        decorated(first_in, second_in)
        answers["first"] = records()
        first_out.set()

    def second() -> None:
        with no_grad():
            assert first_in.wait(10)
            decorated(second_in, first_out)
            answers["second"] = records()

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {"first": True, "second": False}


def least_squares(seed: int) -> Array:
    """The weights after 30 steps on a problem of their own."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    w = Tensor(np.zeros(4), requires_grad=True)
    for _ in range(30):
        w.grad = None
        error = X @ w - y
        (error * error).mean().backward()
        with no_grad():
            w.data = w.data - 0.1 * grad(w)
    return w.data


def test_threads_train_as_one_does() -> None:
    alone = [least_squares(seed) for seed in range(8)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        together = list(pool.map(least_squares, range(8)))
    assert_array_equal(together, alone)
    assert not np.array_equal(alone[0], alone[1])
