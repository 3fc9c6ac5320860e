"""A checkpointed function runs once; what it computed is computed again without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad, leaf

import autograd as ag
import nn
from autograd import Tensor, checkpoint, no_grad
from autograd.engine.primitives import Saved
from autograd.program.running import run
from autograd.program.watching import program_of
from autograd.random import Generator

Function = Callable[[Tensor], Any]


@pytest.mark.parametrize(
    ("first", "slope"),
    [
        (lambda x: x * 2, 2),
        (lambda x: (x * 2, x), 2),
        (lambda x: (x * 2).astype(np.float32), 2),
        (lambda x: (x * x, 3, "a", None), 4),
        (lambda x: [x * 2, np.ones(3), Tensor(1)], 2),
    ],
)
def test_what_it_would_do_another_time_makes_no_difference(first: Function, slope: float) -> None:
    runs = iter([first])
    x = leaf(2.0)
    out = checkpoint(lambda x: next(runs)(x))(x)
    (out[0] if isinstance(out, tuple | list) else out).backward()
    assert grad(x) == slope


def test_effects_happen_once() -> None:
    said, others, x = [], [leaf(3.0), leaf(5.0)], leaf(2.0)

    @checkpoint
    def f(x: Tensor) -> Tensor:
        said.append(x.item())
        return x * others.pop() * x

    f(x).backward()
    assert said == [2] and len(others) == 1
    assert grad(x) == 2 * 5 * 2


def test_running_statistics_move_once(rng: np.random.Generator) -> None:
    x = rng.normal(size=(6, 3))
    layers = [nn.BatchNorm1d(3) for _ in range(2)]
    for layer, way in zip(layers, (lambda f: f, checkpoint), strict=True):
        inputs = Tensor(x, requires_grad=True)
        way(lambda t, layer=layer: (layer(t) * t).sum())(inputs).backward()
    for name, expected in layers[0].named_buffers():
        assert_array_equal(dict(layers[1].named_buffers())[name].data, expected.data)
    for first, second in zip(*(layer.parameters() for layer in layers), strict=True):
        assert_allclose(grad(second), grad(first), rtol=1e-14)


@pytest.mark.parametrize("of", [lambda x: x > 0, lambda x: x.detach() * 3.0])
def test_a_constant_that_is_written_to_within_is_as_it_was_read(of: Function) -> None:
    def f(x: Tensor) -> Tensor:
        array = of(x).data
        array[0] = 0
        return x * Tensor(array)

    x = leaf(1.0, 2.0)
    y = checkpoint(f)(x)
    y.sum().backward()
    assert_array_equal(grad(x), y.data / x.data)
    assert grad(x)[0] == 0


def test_where_no_gradient_goes_back_none_does() -> None:
    def f(x: Tensor) -> Tensor:
        with no_grad():
            frozen = x * 3.0
        again = Tensor(x.data, requires_grad=True)
        return x.detach() * x + frozen * x + (again * again).detach() + again.detach() * x * 0.5

    x = leaf(2.0)
    checkpoint(f)(x).backward()
    assert grad(x) == 2 + 6 + 1


def test_a_leaf_made_within_has_its_gradient() -> None:
    made = []

    def f(x: Tensor) -> Tensor:
        made.append(Tensor(x.data, requires_grad=True))  # of the same array
        return made[0] * made[0] * x

    x = leaf(3.0)
    checkpoint(f)(x).backward()
    assert (grad(x), grad(made[0])) == (9, 18)


def test_a_tensor_that_is_bound_to_another_array_within() -> None:
    def f(x: Tensor) -> Tensor:
        y = x * 2.0
        y.data = np.array(10.0)
        return y * y

    found = []
    for way in (lambda f: f, checkpoint):
        x = leaf(3.0)
        way(f)(x).backward()
        found.append(grad(x))
    assert found[0] == found[1] == 40


@pytest.mark.parametrize("within", [ag.debug, ag.profile])
def test_what_is_watched_by_others_within_keeps_its_gradient(within: Callable[[], Any]) -> None:
    def f(x: Tensor) -> Tensor:
        y = ag.exp(x)
        with within() as watched:
            y = y * x
        if watched is not None:
            assert "multiply" in str(watched)
        return y * 2.0

    x = leaf(0.5)
    checkpoint(f)(x).backward()
    assert_allclose(grad(x), 2 * np.exp(0.5) * 1.5)


def test_a_program_of_a_checkpoint_has_one_mask(rng: np.random.Generator) -> None:
    """Drawn once, and read by both: drawn anew in the backward pass it would be another."""
    source = Generator(3)
    f = checkpoint(lambda x: ag.where(source.bernoulli(0.5, x.shape), x * x, 0.0).sum())
    program = program_of(ag.value_and_grad(f), rng.normal(size=20))
    x = rng.normal(size=20)
    value, slope = run(program, [x])
    assert_allclose((slope * x / 2).sum(), value)


def test_what_the_function_lets_pass_is_not_told_the_second_time() -> None:
    def f(x: Tensor) -> Tensor:
        with np.errstate(divide="ignore"):
            return x * ag.log(x.detach())

    x = leaf(0.5, 0.0)
    with np.errstate(invalid="ignore"):
        y = checkpoint(f)(x)
    with np.errstate(all="raise"):
        y.sum().backward()
    assert_array_equal(grad(x), [np.log(0.5), -np.inf])


def test_rules_that_read_what_a_forward_kept_refuse_a_derivative_still() -> None:
    @ag.primitive
    def doubled(x: Any) -> Any:
        return Saved(x * 2, np.full_like(x, 2.0))

    doubled.defvjp(lambda g, out, x, *, saved: g * saved)
    x = leaf(3.0)
    y = checkpoint(lambda x: ag.grad(lambda t: doubled(t) * t * x)(x))(x)  # 4 x
    assert y.item() == 36
    with pytest.raises(RuntimeError, match="the derivative of a rule of 'doubled'"):
        y.backward()


# --- what others see of it ------------------------------------------------------------------------


def scopes_of(f: Callable[[Tensor], Tensor], x: Tensor) -> list[tuple[str, tuple[str, ...]]]:
    """The names and scopes of the records that a sweep goes back over, but for checkpoints."""
    found: list[tuple[str, tuple[str, ...]]] = []
    with ag.sweep_hook(lambda record, g: found.append((record.op.name, record.scope))):
        f(x).sum().backward()
    return [(name, scope) for name, scope in found if not name.startswith("checkpoint")]


def test_scopes_are_those_of_the_call() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x = leaf(np.ones((2, 3)))
    plainly = scopes_of(lambda x: net(x * 2.0), x)
    assert scopes_of(checkpoint(lambda x: net(x * 2.0)), x) == plainly
    assert len({scope for _, scope in plainly}) > 3


def test_debug_mode_names_the_line_of_the_function() -> None:
    def f(x: Tensor) -> Tensor:
        return ag.sqrt(x) * 1.0  # here

    with ag.debug(), np.errstate(all="ignore"):
        loss = checkpoint(f)(leaf(0.0, 1.0)).sum()
        with pytest.raises(FloatingPointError, match=r"sqrt.*called at .*# here"):
            loss.backward()


def test_profile_has_what_a_transform_within_does() -> None:
    def f(x: Tensor) -> Tensor:
        return ag.grad(lambda t: (ag.exp(t) * x).sum())(x) * 1.0

    told = []
    for way in (lambda f: f, checkpoint):
        with ag.profile() as p:
            way(f)(leaf(0.5, 1.0))
        rows = [line.split()[:2] for line in str(p).splitlines()[2:] if line.strip()]
        told.append(sorted(row for row in rows if row[1].isdigit()))
    assert told[0] == told[1]
    assert ["exp", "1"] in told[0]


def test_a_program_is_whole_and_holds_nothing_of_the_first_run() -> None:
    x = leaf(np.arange(6.0).reshape(3, 2))
    w, index = leaf(2.0), np.array([2, 0])

    def f(x: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ag.split(x * w, 2, axis=1)
        c, _ = checkpoint(lambda a: (a * w, a))(a[index])
        return (c * b[:2]).sum(), b

    records = []
    with ag.sweep_hook(lambda record, g: records.append((record.saved, list(record.arrays)))):
        y, _ = checkpoint(f)(x)
        y.backward()
    again, arrays = next((s, a) for s, a in records if hasattr(s, "program"))
    program = again.program.check()
    assert [call.op.name for call in program.calls][-1] == "sum"
    assert sum(call.op.name.startswith("checkpoint") for call in program.calls) == 1
    slots = [program.slots[i.slot] for i in program.inputs]
    assert [(s.shape, s.dtype) for s in slots] == [(a.shape, a.dtype) for a in arrays]
    assert len(arrays) == 3  # x, w, index
    plain = x * w
    expected = (plain[index][:, :1] * w * plain[:2, 1:]).sum()
    first, second = grad(x), grad(w)
    x.grad = w.grad = None
    expected.backward()
    assert_allclose(first, grad(x))
    assert_allclose(second, grad(w))
