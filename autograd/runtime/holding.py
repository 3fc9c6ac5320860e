"""Context managers as decorators: they hold while the body of what they decorate runs.

The body of a generator function, or of a coroutine, runs in stretches, between which its caller
goes on: the manager is entered for each stretch, and left where the body is suspended.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AbstractContextManager, _GeneratorContextManager
from functools import cached_property, partial, partialmethod, wraps
from types import coroutine
from typing import Any, ParamSpec, TypeVar, cast

from autograd.engine import modes
from autograd.engine.modes import mode

F = TypeVar("F")
P = ParamSpec("P")
T = TypeVar("T")

Enter = Callable[[], AbstractContextManager[Any]]  # what gives the manager for one stretch


def held(function: Any, begin: Callable[[], Enter], name: str) -> Any:
    """`function`, generator function or coroutine function, whose body runs within managers.

    What makes an attribute of functions (a property, a static, class or partial method) is made
    anew of such functions. `begin` is called once for each call of the function.

    Args:
        name: what messages call the decorator.

    Raises TypeError for a class, and for what cannot be called.
    """
    again = partial(held, begin=begin, name=name)
    if isinstance(function, staticmethod | classmethod):
        return type(function)(again(function.__func__))
    if isinstance(function, property):
        fget, fset, fdel = (f and again(f) for f in (function.fget, function.fset, function.fdel))
        return type(function)(fget, fset, fdel, function.__doc__)
    if isinstance(function, cached_property):
        return cached_property(again(function.func))
    if isinstance(function, partialmethod):
        return partialmethod(again(function.func), *function.args, **function.keywords)
    if isinstance(function, type) or not callable(function):
        given = f"the class {function.__name__}" if isinstance(function, type) else repr(function)
        raise TypeError(f"{name}: {given} was given to decorate, a function or method expected")
    bare, wrapper = cast(Any, function), cast(Any, None)
    while isinstance(bare, partial):
        bare = bare.func
    forms = bare, getattr(bare, "__call__", None)  # noqa: B004 - it may be an object with a body

    if any(map(inspect.isasyncgenfunction, forms)):

        async def wrapper(*args: Any, **options: Any) -> AsyncGenerator[Any, Any]:
            body, enter = function(*args, **options), begin()
            step = body.asend(None)
            try:
                while True:
                    try:
                        item = await _stretches(step, enter)
                    except StopAsyncIteration:
                        return
                    try:
                        step = body.asend((yield item))
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step = body.athrow(error)
            finally:
                await _stretches(body.aclose(), enter)

    elif any(map(inspect.iscoroutinefunction, forms)):

        async def wrapper(*args: Any, **options: Any) -> Any:
            return await _stretches(function(*args, **options), begin())

    elif any(map(inspect.isgeneratorfunction, forms)):

        def wrapper(*args: Any, **options: Any) -> Generator[Any, Any, Any]:
            return (yield from _stretches(function(*args, **options), begin()))

    else:

        def wrapper(*args: Any, **options: Any) -> Any:
            with begin()():
                return function(*args, **options)

    return wraps(function)(wrapper)


@coroutine
def _stretches(body: Any, enter: Enter) -> Generator[Any, Any, Any]:
    """A generator, or what is awaited, each stretch of it within a manager."""
    step = partial(body.send, None)
    while True:
        try:
            with enter():
                given = step()
        except StopIteration as end:
            return end.value
        try:
            step = partial(body.send, (yield given))
        except GeneratorExit:
            with enter():
                body.close()
            raise
        except BaseException as error:
            step = partial(body.throw, error)


class _Own:
    """Whether one body records: as it left it, also where it is suspended within a block."""

    def __init__(self, recording: bool) -> None:
        self._own: tuple[bool, Any] = recording, None

    def __enter__(self) -> None:
        self._callers = mode.recording, mode.before
        mode.recording, mode.before = self._own

    def __exit__(self, *exception: object) -> None:
        self._own = mode.recording, mode.before
        mode.recording, mode.before = self._callers


class _Decorator:
    """What decorates functions as well, by `@no_grad()` or `@no_grad`."""

    wanted: bool

    def __new__(cls, function: Any = None, /) -> Any:
        manager = super().__new__(cls)
        return manager if function is None else manager(function)

    def __call__(self, function: F) -> F:
        def begin() -> Enter:
            own = _Own(self.wanted)
            return lambda: own

        decorated: F = held(function, begin, type(self).__name__)
        return decorated


class no_grad(_Decorator, modes.no_grad):
    """Context manager and decorator: ops in it are not recorded.

    It holds in this thread, or in this asyncio task, also across `await`. One object may be entered
    again, and shared by threads and tasks. Decorated generator functions, coroutines and
    asynchronous generators do not record while their body runs; whoever iterates or awaits them
    records as before. Properties, static and class methods are decorated as the functions in them;
    a class is refused. A `with` block around a `yield`, in a generator that is not decorated, holds
    for the caller too until the generator goes on: decorate it, or leave the block before.
    """


class enable_grad(_Decorator, modes.enable_grad):
    """Context manager and decorator: ops in it are recorded again, also within `no_grad`.

    What is said of `no_grad` holds of it too.
    """


class _Manager(_GeneratorContextManager[T]):
    def __call__(self, function: F) -> F:
        decorated: F = held(function, lambda: self._recreate_cm, self.func.__name__)
        return decorated


def manager(make: Callable[P, Iterator[T]]) -> Callable[P, _Manager[T]]:
    """As contextlib.contextmanager, but generator functions and coroutines may be decorated too,
    and by `@make` as well where it takes no arguments."""
    bare = not cast(Any, make).__code__.co_argcount

    @wraps(make)
    def managed(*args: P.args, **options: P.kwargs) -> _Manager[T]:
        if bare and args:
            return cast(Any, managed)()(*args)  # type: ignore[no-any-return]
        return _Manager(make, args, options)  # type: ignore[arg-type]  # as in contextlib

    return managed
