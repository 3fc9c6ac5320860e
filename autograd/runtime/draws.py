"""Random tensors from generators that are seeded here; NumPy's global state is never touched."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Tensor
from autograd.runtime.scopes import tracer

T = TypeVar("T")
Again = Callable[[], AbstractContextManager[None]]
Shape = int | tuple[int, ...]


class _Draws(threading.local):
    """What `noting_draws` needs to know, by the identity of a source of numbers: it, and a copy of
    it before the first draw; and what to draw from instead, the second time."""

    first: dict[int, tuple[Any, Any]] | None = None
    again: dict[int, Any] | None = None


_draws = _Draws()


class Generator:
    """A source of random tensors: the same seed gives the same numbers.

    Args:
        seed: an int, a sequence of ints, or a numpy.random.Generator to draw from; None takes
            entropy from the operating system.
    """

    def __init__(self, seed: Any = None) -> None:
        _refuse("it makes a generator of random numbers; make it outside")
        self.numpy = np.random.default_rng(seed)

    @property
    def state(self) -> dict[str, Any]:
        """Everything that decides the numbers to come; settable."""
        return dict(self._noted().bit_generator.state)

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        _refuse("it sets the state of a generator of random numbers")
        self._noted().bit_generator.state = state

    def normal(self, shape: Shape = (), dtype: DTypeLike = np.float64) -> Tensor:
        """Independent N(0, 1)."""
        return drawn(source=self, how="standard_normal", shape=shape, dtype=dtype)

    def uniform(
        self, low: float = 0.0, high: float = 1.0, shape: Shape = (), dtype: DTypeLike = np.float64
    ) -> Tensor:
        """Independent and uniform in [low, high)."""
        # As arrays: where NumPy asks for that of a tensor that wants a gradient, it is refused.
        bounds = np.asarray(low), np.asarray(high)
        return drawn(*bounds, source=self, how="uniform", shape=shape, dtype=dtype)

    def bernoulli(self, p: float, shape: Shape = ()) -> Tensor:
        """Independent booleans, true with probability p. Raises ValueError for p outside [0, 1]."""
        if not 0 <= p <= 1:
            raise ValueError(f"bernoulli: probability {p} given, 0 to 1 expected")
        return bernoulli(source=self, p=p, shape=shape)

    def integers(self, low: int, high: int, shape: Shape = ()) -> Tensor:
        """Independent and uniform from low to high - 1."""
        bounds = np.asarray(low), np.asarray(high)
        return drawn(*bounds, source=self, how="integers", shape=shape)

    def permutation(self, n: int) -> Tensor:
        """The numbers from 0 to n - 1 in random order."""
        return drawn(np.asarray(n), source=self, how="permutation")

    def _noted(self) -> np.random.Generator:
        return noted(self.numpy)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {id(self):#x}>"


class _OfThread(Generator):
    """The default generator of whichever thread draws."""

    def __init__(self) -> None: ...

    def _noted(self) -> np.random.Generator:
        return _own_default()._noted()

    @property
    def numpy(self) -> np.random.Generator:  # type: ignore[override]
        _refuse("it draws from the generator of NumPy itself")
        return _own_default().numpy

    def __repr__(self) -> str:
        return "<the thread's default generator>"


# Draws are ops, so that a program draws anew, in the order of the function, whenever it runs.


@primitive(differentiable=False)
def drawn(
    *parameters: Any,
    source: Generator,
    how: str,
    shape: Shape | None = None,
    dtype: DTypeLike | None = None,
) -> Array:
    """Numbers of a distribution: `how` is a method of NumPy's generators, of these parameters."""
    sizes = () if shape is None else (shape,)
    parameters = tuple([p if p.ndim else p.item() for p in parameters])
    return np.asarray(getattr(source._noted(), how)(*parameters, *sizes), dtype)


@primitive(differentiable=False)
def bernoulli(*, source: Generator, p: float, shape: Shape) -> Array:
    """Booleans that are true with probability p."""
    # float32 is half the work, and fine enough: p is met to 1 in 17 million.
    return np.asarray(source._noted().random(shape, dtype=np.float32) < np.float32(p))


DRAWS = (drawn, bernoulli)  # the ops


def noted(source: T) -> T:
    """What draws are made from: `source`, or a copy of it as it was, where they are made again."""
    first, now, key = _draws.first, source, id(source)
    if _draws.again is not None:
        now = _draws.again.get(key, source)
    if first is not None and key not in first:
        first[key] = source, copy.deepcopy(now)
    return now


def _refuse(why: str) -> None:
    """Tell a trace what it cannot do again."""
    if (trace := tracer()) is not None:
        trace.refuse(why)


class _Default(threading.local):
    depth = 0  # of `drawing_from`
    generator: Generator | None = (
        None  # made when first asked for: numpy.random takes time to import
    )


_default = _Default()
_of_thread = _OfThread()


def default_generator() -> Generator:
    """The generator of this thread, used where none is given."""
    trace = tracer()
    if trace is not None and trace.depth_of_draws == _default.depth:
        return _of_thread
    return _own_default()


def _own_default() -> Generator:
    if _default.generator is None:
        _default.generator = made = Generator.__new__(Generator)  # which is no business of a trace
        made.numpy = np.random.default_rng()
    return _default.generator


def depth_of_draws() -> int:
    """How many `drawing_from` there are around."""
    return _default.depth


@contextmanager
def drawing_from(generator: Generator) -> Iterator[None]:
    """Within it, `default_generator()` of this thread is the one given."""
    before = _default.generator
    _default.generator, _default.depth = generator, _default.depth + 1
    try:
        yield
    finally:
        _default.generator, _default.depth = before, _default.depth - 1


def seed(value: Any) -> None:
    """Start this thread's default generator afresh from a seed."""
    _refuse("it seeds the thread's generator of random numbers")
    own, fresh = _own_default(), np.random.default_rng(value)
    if type(own.numpy.bit_generator) is type(fresh.bit_generator):
        own.state = dict(fresh.bit_generator.state)
    else:
        own.numpy = fresh


def noting_draws(
    forward: Callable[..., T], arrays: Sequence[Any], options: Mapping[str, Any]
) -> tuple[T, Again | None]:
    """What a forward gives, and what makes it draw the same random numbers; None if it draws none.

    first, again = noting_draws(forward, arrays, options)
    with again():
        second = forward(*arrays, **options)  # with the same random numbers

    The second time copies are drawn from, so no generator is moved on, and it does not matter
    which thread does it, nor what its default generator is.
    """
    with noting() as own:
        out = forward(*arrays, **options)
    if not own:
        return out, None
    default = default_generator()

    @contextmanager
    def again() -> Iterator[None]:
        before = _draws.again
        fresh = {key: copy.deepcopy(kept) for key, (_, kept) in own.items()}
        _draws.again = (before or {}) | fresh
        try:
            with drawing_from(default):
                yield
        finally:
            _draws.again = before

    return out, again


@contextmanager
def noting() -> Iterator[dict[int, tuple[Any, Any]]]:
    """Note the sources that are drawn from within, by their identities: each, and a copy of it as
    it was before."""
    outer, own = _draws.first, dict[int, tuple[Any, Any]]()
    _draws.first = own
    try:
        yield own
    finally:
        _draws.first = outer
        if outer is not None:
            for key, entry in own.items():
                outer.setdefault(key, entry)
