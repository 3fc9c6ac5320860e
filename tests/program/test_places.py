"""Programs whose values lie in one block of memory: the same bytes, whoever else runs them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import pytest
from support.specs.running import assert_close, variables
from support.specs.specs import SPECS, Spec
from support.tracing import (
    expect_bytes,
    moved,
    program_of_second,
    second_derivatives,
    step_of,
)

import autograd as ag
from autograd import Tensor, primitive
from autograd.ops.shapes.shape import reshaped
from autograd.program import numpy_backend, places
from autograd.program.numpy_backend import Compiled, compiled
from autograd.program.places import WITH_ROOM
from autograd.program.program import Program
from autograd.program.running import run
from autograd.program.watching import program_of
from autograd.runtime.rooms import Model, new
from autograd.runtime.trees import flatten

Array = np.ndarray[Any, Any]
RUNS = 4  # the first asks, the second makes a block, others find what was left there


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a value is, it may lie in the block, if it is more than one number."""
    for module in (numpy_backend, places):
        monkeypatch.setattr(module, "LARGE", 17)


def arrays(result: Any) -> list[Array]:
    return [leaf for leaf in flatten(result)[0] if isinstance(leaf, np.ndarray)]


def expect_the_same(program: Program, *points: Sequence[Array], rtol: float = 0) -> Compiled:
    """What the same calls give in memory of their own, to the bit, in turn for several arguments;
    and what they give one by one, to `rtol`. No result is written over."""
    made, apart = compiled(program), Compiled(program, lambda slot, array: array)
    assert "rooms" not in apart.source
    with np.errstate(all="ignore"):
        singly = [[a.copy() for a in arrays(run(program, xs))] for xs in points]
        wanted = [[a.copy() for a in arrays(apart(xs))] for xs in points]
        found = [(i, arrays(made(xs))) for _ in range(RUNS) for i, xs in enumerate(points)]
    for i, got in found:
        for a, b, c in zip(got, wanted[i], singly[i], strict=True):
            expect_bytes(a, b)
            if rtol:
                assert_close(a, c, rtol)
            else:
                expect_bytes(a, c)
    return made


# --- what forwards make in a room ---------------------------------------------------------------


class Given:
    """A room that notes what it has given."""

    def __init__(self) -> None:
        self.made: list[Array] = []

    def __call__(self, shape: tuple[int, ...], dtype: Any, model: Model = None, /) -> Array:
        made = new(shape, dtype, model)
        made.fill(77)
        self.made.append(made)
        return made


WITH = [spec for spec in SPECS if spec.op in WITH_ROOM]


def test_each_op_that_takes_a_room_has_samples() -> None:
    assert {spec.op for spec in WITH} == WITH_ROOM.keys()


@pytest.mark.parametrize("spec", WITH, ids=lambda spec: spec.op.name)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_forward_gives_the_same_in_a_room(spec: Spec, dtype: Any) -> None:
    for sample in spec.draw():
        for order in (np.array, lambda a: np.array(a.T, order="C").T):
            args = [
                order(a.astype(dtype) if a.dtype.kind == "f" else a)
                if isinstance(a, np.ndarray)
                else a
                for a in sample.args
            ]
            wanted = np.asarray(spec.op.forward(*args, **sample.options))
            room = Given()
            got = np.asarray(WITH_ROOM[spec.op](*args, **sample.options, room=room))
            expect_bytes(got, wanted)
            longer = np.greater(got.shape, 1)
            assert np.array_equal(np.array(got.strides)[longer], np.array(wanted.strides)[longer])
            assert len(room.made) <= 1
            if dtype is not np.float16:  # of which what was made may be rounded
                assert all(np.shares_memory(a, got) for a in room.made if a.size)


def test_a_reshape_asks_for_a_room_where_it_copies(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 6, 10))
    several = [
        *(x, x.T, x.transpose(1, 0, 2), x.transpose(0, 2, 1), x[:, ::2], x[:, :1], x[::-1]),
        *(x[..., None, :], np.broadcast_to(x[0], (3, 6, 10)), np.broadcast_to(x[:, :1], x.shape)),
    ]
    shapes = [(-1,), (24, -1), (6, -1), (4, -1), (-1, 10), (2, 2, -1), (3, -1), (-1, 5, 2, 1)]
    for y in several:
        for shape in (shape for shape in shapes if y.size % prod(shape) == 0):
            room, wanted = Given(), y.reshape(shape)
            expect_bytes(reshaped(y, shape, room), wanted)
            assert bool(room.made) == (not np.shares_memory(wanted, y))
    with pytest.raises(ValueError, match="cannot reshape"):
        reshaped(x.T, (7, -1), Given())
    with pytest.raises(ValueError, match="cannot reshape"):
        reshaped(x.T, (7, 5), Given())


# --- the same results -----------------------------------------------------------------------------


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("some", [slice(1), pytest.param(slice(1, 3), marks=pytest.mark.slow)])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.op.name)
def test_every_op_and_its_rules(spec: Spec, some: slice, rng: np.random.Generator) -> None:
    for sample in spec.draw()[some]:
        wanted = variables(spec, sample.args) if spec.op.differentiable else []
        step = step_of(spec, sample, wanted, rng)
        xs = [np.array(sample.args[i], copy=True) for i in wanted]
        program = program_of(step, *xs)
        others = moved(xs, rng)
        try:
            run(program, others)
        except (ValueError, np.linalg.LinAlgError):
            others = xs  # they are none of this op's
        expect_the_same(program, xs, others)


def expect_random(seed: int) -> None:
    drawn, _, _, second = second_derivatives(seed)
    xs = [np.array(x) for x in drawn.inputs]
    program = program_of_second(second, xs)
    if program is None:
        return
    # What is written over an operand has its order of memory: later sums may round otherwise.
    expect_the_same(program, xs, [x * (1 + 1e-5) for x in xs], rtol=1e-13)


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("chunk", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_random_programs(chunk: int) -> None:
    for seed in range(5000 + chunk * 20, 5000 + chunk * 20 + 20):
        expect_random(seed)


@pytest.mark.slow
@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("chunk", range(20))
def test_more_random_programs(chunk: int) -> None:
    for seed in range(6000 + chunk * 100, 6000 + chunk * 100 + 100):
        expect_random(seed)


def chain(x: Tensor) -> Tensor:
    """Values that are there at different times, views and copies of them among these."""
    for _ in range(3):
        y = ag.sin(x).T
        x = ag.maximum(y.reshape(x.shape) * 0.5, x[::-1]) @ ag.cos(x[:, :300])
    return x


def square(rng: np.random.Generator) -> Array:
    return rng.normal(size=(300, 300))


def test_values_of_different_times_share_memory(rng: np.random.Generator) -> None:
    x, y = square(rng), square(rng)
    made = expect_the_same(program_of(chain, x), [x], [y], [x.T], [np.array(y)[::-1, ::-1]])
    assert made.arenas.size is not None
    assert x.nbytes < made.arenas.size < 4 * x.nbytes


def test_what_is_returned_lies_elsewhere(rng: np.random.Generator) -> None:
    x = square(rng)

    def f(x: Tensor) -> Any:
        a = ag.cos(x) @ x
        b = a.T.reshape(-1)
        return a[5:], b, ag.sin(b) @ b

    made = expect_the_same(program_of(f, x), [x], [2 * x])
    assert made.arenas.size == x.nbytes  # the cosine, and later the sine


def test_nan_makes_another_order_of_memory(rng: np.random.Generator) -> None:
    """Then the forward makes its result elsewhere than in the room."""
    x = square(rng)
    bad = np.where(x > 2, np.nan, x)

    def value(x: Tensor) -> Any:
        y = (x * 1.5).reshape(150, 2, 150, 2)
        peak = ag.max(y, axis=(1, 3), keepdims=True)
        return ag.sin(ag.ops.scatter_first_max(peak * 2, peak, y)).sum(axis=0)

    expect_the_same(program_of(value, x), [x], [bad], [x])


def test_what_others_read_lies_elsewhere(rng: np.random.Generator) -> None:
    """An op that is none of ours may keep what it reads."""
    seen: list[Array] = []

    @primitive
    def keeping(x: Array) -> Array:
        seen.append(x)
        return x[:1] * 2

    x = square(rng)
    made = compiled(program_of(lambda x: ag.sin(keeping((ag.cos(x) @ x).T)), x))
    del seen[:]
    for k in range(1, 5):
        made([k * x])
    for k, kept in enumerate(seen, 1):
        np.testing.assert_allclose(kept, (np.cos(k * x) @ (k * x)).T)


# --- who has a block ------------------------------------------------------------------------------


def test_several_threads_at_once(rng: np.random.Generator) -> None:
    xs = [square(rng) for _ in range(4)]
    program = program_of(chain, xs[0])
    made, wanted = compiled(program), [run(program, [x]) for x in xs]
    wrong: list[int] = []
    begin = threading.Barrier(len(xs))

    def work(i: int) -> None:
        begin.wait()
        for _ in range(10):
            if not np.array_equal(made([xs[i]]), wanted[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(xs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def nested() -> tuple[Callable[[Tensor], Tensor], list[Any]]:
    """A function, and what an op of it calls in its midst."""
    within: list[Any] = []

    @primitive
    def calling(x: Array) -> Array:
        for called in list(within):
            called()
        return x * 1.0

    def f(x: Tensor) -> Tensor:
        a, b = ag.cos(x), ag.sin(x) @ x
        return a @ b + calling(x[:1]) + ag.exp(a) @ b

    return f, within


def test_a_call_within_a_call(rng: np.random.Generator) -> None:
    f, within = nested()
    x = square(rng)
    program = program_of(f, x)
    made, wanted = compiled(program), run(program, [x])

    def other() -> None:
        called = within.pop()
        made([x[::-1]])
        within.append(called)

    within.append(other)
    for _ in range(RUNS):
        expect_bytes(made([x]), wanted)


def test_after_an_error(rng: np.random.Generator) -> None:
    f, within = nested()
    x = square(rng)
    program = program_of(f, x)
    made, wanted = compiled(program), run(program, [x])

    def fail() -> None:
        raise ArithmeticError("in the midst")

    for _ in range(RUNS):
        within.append(fail)
        with pytest.raises(ArithmeticError, match="in the midst"):
            made([x + 1])
        within.clear()
        expect_bytes(made([x]), wanted)


def test_a_block_goes_with_its_program(rng: np.random.Generator) -> None:
    x = square(rng)
    made = compiled(program_of(chain, x))
    for _ in range(RUNS):
        made([x])
    rooms = made.arenas.take()
    block = rooms[0]((300, 300), np.dtype(np.float64)).base
    assert block is not None
    made.arenas.give_back(rooms)
    gone = weakref.ref(block)
    gc.disable()
    try:
        del rooms, block, made
        assert gone() is None
    finally:
        gc.enable()
