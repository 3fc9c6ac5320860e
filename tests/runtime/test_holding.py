"""What holds while bodies run that are suspended in between, and what several share."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

import numpy as np
import pytest
from support.leaves import leaf, records

import autograd as ag
from autograd import enable_grad, no_grad
from autograd.engine.modes import mode
from autograd.runtime.scopes import scope

both = pytest.mark.parametrize(("manager", "wanted"), [(no_grad, False), (enable_grad, True)])


@no_grad()
def answers(n: int) -> Generator[bool, Any, str]:
    """Docstring."""
    for _ in range(n):
        yield records()
    return "done" if not records() else "recorded"


def test_a_generator_does_not_record_and_its_caller_does() -> None:
    seen = []
    for inside in answers(3):
        seen.append((inside, records()))
    assert seen == [(False, True)] * 3
    assert inspect.isgeneratorfunction(answers)
    assert (answers.__name__, answers.__doc__) == ("answers", "Docstring.")


def test_the_value_that_a_generator_returns_and_a_yield_from() -> None:
    def through() -> Generator[bool, Any, str]:
        return (yield from answers(1))

    steps = through()
    assert next(steps) is False
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "done"
    assert records()


@both
def test_what_is_sent_thrown_and_closed_reaches_the_body(manager: Any, wanted: bool) -> None:
    seen: list[Any] = []

    @manager()
    def body() -> Generator[Any, Any, None]:
        try:
            while True:
                try:
                    seen.append((yield records()))
                except KeyError:
                    seen.append(("thrown", records()))
        finally:
            seen.append(("closed", records()))

    for caller in (no_grad(), enable_grad()):
        seen.clear()
        with caller:
            here = records()
            steps = body()
            assert next(steps) is wanted
            assert steps.send("sent") is wanted
            assert steps.throw(KeyError()) is wanted
            assert records() is here
            steps.close()
            assert records() is here
        assert seen == ["sent", ("thrown", wanted), ("closed", wanted)]
    assert records()


def test_an_exception_in_the_body_leaves_the_callers_mode() -> None:
    @no_grad()
    def failing() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(failing())
    assert records()


def test_a_block_in_a_body_holds_across_its_yields_and_nowhere_else() -> None:
    @no_grad()
    def body() -> Iterator[bool]:
        yield records()
        with enable_grad():
            yield records()
            yield records()
        yield records()

    steps = body()
    inside, outside = [], []
    for _ in range(2):
        with no_grad():
            inside.append(next(steps))
            outside.append(records())
        inside.append(next(steps))
        outside.append(records())
    assert inside == [False, True, True, False]
    assert outside == [False, True, False, True]


def test_two_generators_in_turns() -> None:
    @enable_grad()
    def on() -> Iterator[bool]:
        while True:
            yield records()

    with no_grad():
        pairs = [next(zip(answers(2), on(), strict=False)) for _ in range(2)]
        assert not records()
    assert pairs == [(False, True)] * 2


def test_what_a_generator_yields_is_a_constant_and_what_is_made_of_it_is_not() -> None:
    x = leaf(3.0)

    @no_grad()
    def powers() -> Iterator[Any]:
        y = x
        while True:
            y = y * x
            yield y

    total = sum(y * x for y, _ in zip(powers(), range(2), strict=False))
    total.backward()
    assert x.grad is not None
    assert x.grad.item() == 9 + 27


class Callables:
    @no_grad()
    def method(self) -> Iterator[bool]:
        yield records()

    @staticmethod
    @no_grad()
    def static() -> Iterator[bool]:
        yield records()

    def __call__(self, again: int = 1) -> Iterator[bool]:
        yield from [records()] * again


@pytest.mark.parametrize(
    "function",
    [
        Callables().method,
        Callables.static,
        no_grad()(Callables()),
        no_grad()(functools.partial(Callables(), again=2)),
        no_grad()(functools.partial(Callables.__call__, Callables())),
    ],
)
def test_whatever_is_a_generator_function(function: Callable[[], Iterator[bool]]) -> None:
    assert next(function()) is False
    assert records()


# --- coroutines ----------------------------------------------------------------------------------


async def elsewhere() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


@both
def test_a_coroutine_and_those_who_run_meanwhile(manager: Any, wanted: bool) -> None:
    @manager()
    async def body() -> list[bool]:
        seen = [records()]
        await elsewhere()
        return [*seen, records()]

    async def watching() -> list[bool]:
        seen = []
        for _ in range(4):
            seen.append(records())
            await asyncio.sleep(0)
        return seen

    async def main() -> None:
        for caller in (no_grad(), enable_grad()):
            with caller:
                here = records()
                found = await asyncio.gather(body(), watching(), body())
                assert found == [[wanted] * 2, [here] * 4, [wanted] * 2]
                assert await body() == [wanted] * 2
                assert records() is here

    assert inspect.iscoroutinefunction(body)
    asyncio.run(main())


def test_a_coroutine_that_is_driven_by_hand() -> None:
    class Later:
        def __await__(self) -> Generator[str, Any, Any]:
            return (yield "waiting")

    @no_grad()
    async def body() -> tuple[bool, Any]:
        got = await Later()
        return records(), got

    steps = body()
    assert steps.send(None) == "waiting"
    assert records()
    with pytest.raises(StopIteration) as end:
        steps.send(5)
    assert end.value.value == (False, 5)
    assert records()


def test_tasks_keep_their_own_across_await() -> None:
    async def within(manager: Any, wanted: bool) -> None:
        for _ in range(3):
            with manager:
                await elsewhere()
                assert records() is wanted
            await asyncio.sleep(0)
            assert records()

    async def main() -> None:
        off, on = no_grad(), enable_grad()  # each is shared by two tasks
        await asyncio.gather(*[within(m, m is on) for m in (off, on, off, on)])
        with off:
            inherits = asyncio.ensure_future(asyncio.sleep(0, records()))
        assert await inherits is False
        assert records()

    asyncio.run(main())
    assert records()


def test_a_cancelled_coroutine_and_one_that_times_out() -> None:
    left = []

    @no_grad()
    async def body() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            left.append(records())

    async def main() -> None:
        task = asyncio.ensure_future(body())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(body(), 0.001)
        assert records()

    asyncio.run(main())
    assert left == [False, False]


def test_an_asynchronous_generator() -> None:
    seen: list[Any] = []

    @no_grad()
    async def body() -> Any:
        try:
            while True:
                await asyncio.sleep(0)
                try:
                    seen.append((yield records()))
                except KeyError:
                    seen.append(("thrown", records()))
        finally:
            await asyncio.sleep(0)
            seen.append(("closed", records()))

    async def main() -> None:
        steps = body()
        assert await steps.asend(None) is False
        assert records()
        assert await steps.asend("sent") is False
        assert await steps.athrow(KeyError()) is False
        assert records()
        await steps.aclose()
        assert records()

        @enable_grad()
        async def three() -> AsyncIterator[bool]:
            for _ in range(3):
                yield records()

        with no_grad():
            assert [(inside, records()) async for inside in three()] == [(True, False)] * 3

    assert inspect.isasyncgenfunction(body)
    asyncio.run(main())
    assert seen == ["sent", ("thrown", False), ("closed", False)]


# --- threads -------------------------------------------------------------------------------------


@both
def test_one_object_is_shared_by_threads(manager: Any, wanted: bool) -> None:
    shared, ready = manager(), threading.Barrier(2, timeout=10)
    found: list[tuple[bool, ...]] = []

    def first() -> None:
        with shared:
            ready.wait()  # both are within
            ready.wait()
            inside = records()
        found.append((inside, records()))
        ready.wait()

    def second() -> None:
        with no_grad():
            ready.wait()
            with shared:
                ready.wait()
                ready.wait()  # the first has left
                inside = records()
            found.append((inside, records()))

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(wanted, True), (wanted, False)]


def test_a_generator_that_goes_from_thread_to_thread() -> None:
    steps = answers(2)
    seen = [next(steps)]

    def other() -> None:
        seen.extend([next(steps), records()])

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [False, False, True]
    assert records()


def test_a_worker_of_an_event_loop_has_the_mode_of_who_sent_it() -> None:
    async def main() -> tuple[bool, bool]:
        with no_grad():
            inside = await asyncio.to_thread(records)
        return inside, await asyncio.to_thread(records)

    assert asyncio.run(main()) == (False, True)


# --- the other managers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manager", "holds"),
    [
        (lambda: scope("here"), lambda: mode.scope == ("here",)),
        (lambda: ag.sweep_hook(lambda record, g: None), lambda: len(mode.sweep_hooks) == 1),
        (lambda: ag.debug(), lambda: mode.observer is not None),
        (lambda: ag.profile(), lambda: mode.observer is not None),
    ],
)
def test_other_managers_hold_in_bodies_too(manager: Any, holds: Callable[[], bool]) -> None:
    @manager()
    def plain() -> bool:
        return holds()

    @manager()
    def steps() -> Iterator[bool]:
        yield holds()
        yield holds()

    @manager()
    async def waits() -> bool:
        await asyncio.sleep(0)
        return holds()

    async def main() -> bool:
        task: Awaitable[bool] = asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        assert not holds()
        return await task

    assert plain()
    assert not holds()
    assert [(inside, holds()) for inside in steps()] == [(True, False)] * 2
    assert asyncio.run(main())
    assert not holds()


def test_debug_mode_of_one_task_is_not_the_others() -> None:
    async def checked() -> None:
        with ag.debug():
            await elsewhere()
            with pytest.raises(FloatingPointError), np.errstate(all="ignore"):
                ag.log(leaf(0.0))

    async def unchecked() -> None:
        await asyncio.sleep(0)
        with np.errstate(all="ignore"):
            assert np.isinf(ag.log(leaf(0.0)).data)

    async def main() -> None:
        await asyncio.gather(checked(), unchecked())

    asyncio.run(main())
