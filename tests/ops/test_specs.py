"""The tests of every primitive, generated from its row in specs.py.

The engine's derivatives are compared with finite differences and the complex step of the forward
(numerical.py), along random cotangents: a cotangent of ones would pass a softmax whose gradient is
zero throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import methodcaller
from typing import Any

import numpy as np
import pytest
from support.numerical import central, complex_step, inner, only, unit_directions
from support.shares import shared
from support.specs.running import (
    Args,
    Array,
    assert_close,
    call,
    converted,
    forward,
    gradients,
    like,
    recorded,
    second_gradients,
    variables,
)
from support.specs.sampling import Sample
from support.specs.specs import SPECS, Spec

from autograd import Tensor
from autograd.engine.keeping import Dropped
from autograd.engine.primitives import Primitive, registry
from autograd.ops.kernels import multiplication
from autograd.runtime import threads

_DRAWN = [(spec, sample) for spec in SPECS for sample in spec.draw()]


def _cases(suits: Callable[[Spec, Sample], bool], every: int = 1) -> pytest.MarkDecorator:
    """Of which each `every`-th one is a plain test, and one of each op."""
    chosen = [(spec, sample) for spec, sample in _DRAWN if suits(spec, sample)]
    cases = [
        pytest.param(spec, sample, id=f"{spec.op.name}: {sample.name}", marks=marks)
        for (spec, sample), marks in shared(chosen, every, lambda row: row[0].op)
    ]
    return pytest.mark.parametrize(("spec", "sample"), cases)


every_case = _cases(lambda spec, sample: True)
differentiable = _cases(lambda spec, sample: spec.op.differentiable)
a_share = _cases(lambda spec, sample: spec.op.differentiable, every=4)
constant = _cases(lambda spec, sample: not spec.op.differentiable)
analytic = _cases(lambda spec, sample: spec.op.analytic, every=4)
of_several = _cases(
    lambda spec, sample: spec.op.differentiable and len(variables(spec, sample.args)) > 1, every=4
)


# --- running an op and its gradient --------------------------------------------------------------


# --- the tests -----------------------------------------------------------------------------------


def test_every_primitive_has_one_row() -> None:
    rows = [f"{spec.op.__module__}.{spec.op.__qualname__}" for spec in SPECS]
    built_in = [name for name in registry if name.startswith("autograd.ops.")]
    assert len(built_in) > 30
    assert sorted(rows) == sorted(built_in)


@every_case
def test_value(spec: Spec, sample: Sample) -> None:
    for dtype, rtol in (np.float64, 1e-14), (np.float32, 1e-6):
        args = converted(sample.args, methodcaller("astype", dtype))
        beside_integers = any(isinstance(a, np.ndarray) and a.dtype.kind in "biu" for a in args)
        expected = spec.expected(*args, **sample.options)
        for out, right in zip(call(spec, args, sample.options), _as_list(expected), strict=True):
            if beside_integers and right.dtype == np.float64:
                right = right.astype(dtype)  # integers do not widen what they meet
            assert out.dtype == right.dtype
            assert_close(out.data, right, rtol)


def _as_list(value: Any) -> list[Array]:
    return [np.asarray(v) for v in (value if isinstance(value, tuple) else (value,))]


@constant
def test_result_is_constant(spec: Spec, sample: Sample) -> None:
    floating = [i for i, a in enumerate(sample.args) if isinstance(a, np.ndarray)]
    floating = [i for i in floating if sample.args[i].dtype.kind == "f"]
    _, given = recorded(sample.args, floating)
    for out in call(spec, given, sample.options):
        assert not out.requires_grad


@differentiable
def test_first_derivative(spec: Spec, sample: Sample, rng: np.random.Generator) -> None:
    args, f = sample.args, forward(spec, sample.options)
    v = like(rng, f(args))
    wanted = variables(spec, args)
    assert wanted, "the sample has nothing to differentiate"
    for i, g in zip(wanted, gradients(spec, args, sample.options, v, wanted), strict=True):
        slopes = [central(f, args, unit, v) for unit in unit_directions(args, i)]
        assert_close(g, np.reshape(slopes, args[i].shape), 1e-6)


@analytic
def test_first_derivative_by_complex_step(
    spec: Spec, sample: Sample, rng: np.random.Generator
) -> None:
    args, f = sample.args, forward(spec, sample.options)
    v = like(rng, f(args))
    wanted = variables(spec, args)
    for i, g in zip(wanted, gradients(spec, args, sample.options, v, wanted), strict=True):
        slopes = [complex_step(f, args, unit, v) for unit in unit_directions(args, i)]
        assert_close(g, np.reshape(slopes, args[i].shape), 1e-12)


@a_share
def test_second_derivative(spec: Spec, sample: Sample, rng: np.random.Generator) -> None:
    """The derivative of <u, gradient of <v, op>>, in the arguments and in the cotangent v."""
    args, wanted = sample.args, variables(spec, sample.args)
    v = like(rng, forward(spec, sample.options)(args))
    u = like(rng, [args[i] for i in wanted])

    def first(point: Args) -> list[Array]:
        n = len(args)
        return gradients(spec, point[:n], sample.options, point[n:], wanted)

    point = [*args, *v]
    positions = [*wanted, *range(len(args), len(point))]
    second = second_gradients(spec, args, sample.options, v, u)
    for i, g in zip(positions, second, strict=True):
        for _ in range(2):
            move = rng.uniform(-1, 1, g.shape)
            slope = central(first, point, only(point, i, move), u)
            assert_close(inner([move], [g]), slope, 1e-6)


@a_share
def test_float32_gradient(spec: Spec, sample: Sample, rng: np.random.Generator) -> None:
    single = converted(sample.args, methodcaller("astype", np.float32))
    double = converted(single, methodcaller("astype", np.float64))  # the very same numbers
    outs = call(spec, single, sample.options)
    v = [
        a.astype(out.dtype) for a, out in zip(like(rng, [o.data for o in outs]), outs, strict=True)
    ]
    wanted = variables(spec, single)
    narrow = gradients(spec, single, sample.options, v, wanted)
    wide = gradients(spec, double, sample.options, [a.astype(np.float64) for a in v], wanted)
    for g, right in zip(narrow, wide, strict=True):
        assert g.dtype == np.float32
        assert_close(g, right, 1e-5)


def _backwards(a: Array) -> Array:
    """The same numbers behind negative strides."""
    return np.asarray(np.flip(np.array(np.flip(a))))


def _every_other(a: Array) -> Array:
    """The same numbers with others between them."""
    padded = np.full([2 * n for n in a.shape], np.nan)
    every_other: Any = (..., *(slice(None, None, 2),) * a.ndim)
    view: Array = padded[every_other]
    view[...] = a
    return view


def _as_it_is(a: Array) -> Array:
    return a


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "column by column": lambda a: np.array(a, order="F"),
    "backwards": _backwards,
    "every other": _every_other,
}


@a_share
def test_layout_in_memory_changes_nothing(
    spec: Spec, sample: Sample, rng: np.random.Generator
) -> None:
    right, v = value_and_gradients(spec, sample, rng)
    for name, layout in LAYOUTS.items():
        stored, _ = value_and_gradients(spec, sample, rng, v, layout)
        for actual, expected in zip(stored, right, strict=True):
            assert_close(actual, expected, 1e-13, f"stored {name}")


@a_share
def test_threads_change_nothing(
    spec: Spec, sample: Sample, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large arrays are worked on in parts; here all but single numbers are large."""
    right, v = value_and_gradients(spec, sample, rng)
    team = threads._Team()
    team.size = 3
    monkeypatch.setattr(threads, "_team", team)
    monkeypatch.setattr(threads, "LARGE", 2)
    monkeypatch.setattr(threads, "STREAMED", 2)
    monkeypatch.setattr(multiplication, "LARGE", 2)
    monkeypatch.setattr(multiplication, "_WORK", 2)
    monkeypatch.setattr(multiplication, "_UNPACKED", 16)
    monkeypatch.setattr(multiplication, "_NARROW", 1)
    for name, layout in {"row by row": _as_it_is, **LAYOUTS}.items():
        shared, _ = value_and_gradients(spec, sample, rng, v, layout)
        for actual, expected in zip(shared, right, strict=True):
            assert_close(actual, expected, 1e-13, f"stored {name}")
    team.resize(1)


def value_and_gradients(
    spec: Spec,
    sample: Sample,
    rng: np.random.Generator,
    v: Sequence[Array] | None = None,
    layout: Callable[[Array], Array] = _as_it_is,
) -> tuple[list[Array], Sequence[Array]]:
    """The op's outputs and gradients on arrays stored in some way, and the cotangent of these."""
    args = converted(sample.args, layout)
    outs = [out.data for out in call(spec, args, sample.options)]
    v = like(rng, outs) if v is None else v
    return outs + gradients(spec, args, sample.options, v, variables(spec, args)), v


@a_share
def test_what_a_record_lets_go_is_not_read(
    spec: Spec, sample: Sample, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of large computed arrays, those that no rule reads are not kept: here all are large, and a
    rule that reads the numbers of one that was dropped raises."""
    args, options = sample.args, sample.options
    v = like(rng, forward(spec, options)(args))
    u = like(rng, [args[i] for i in variables(spec, args)])

    def both() -> list[Array]:
        first = gradients(spec, args, options, v, variables(spec, args), computed=True)
        return first + second_gradients(spec, args, options, v, u, computed=True)

    right = both()
    monkeypatch.setattr("autograd.engine.primitives.LARGE", 0)
    for actual, expected in zip(both(), right, strict=True):
        assert_close(actual, expected, 1e-14)


_DECLARED = [spec for spec in SPECS if spec.op._keeps is not None]


@pytest.mark.parametrize("spec", _DECLARED, ids=lambda spec: spec.op.name)
def test_every_array_that_is_declared_is_read(spec: Spec) -> None:
    """Without any one of the arrays in `keeps`, the rule raises on some sample."""
    assert spec.op._keeps is not None
    for number, positions in enumerate(spec.op._keeps):
        for position in positions:
            assert any(
                _reads(spec.op, sample, number, position)
                for other, sample in _DRAWN
                if other is spec
            ), f"rule {number} does not read what it gets at {position}"


def _reads(op: Primitive, sample: Sample, number: int, position: int) -> bool:
    args = [
        Tensor(a, requires_grad=True) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a
        for a in sample.args
    ]
    made: Any = op(*args, **sample.options)
    several = isinstance(made, tuple)
    place = (made[0] if several else made)._place
    if number >= len(args) or not isinstance(args[number], Tensor) or place is None:
        return False
    ones = [Tensor(np.ones_like(out.data)) for out in (made if several else (made,))]
    given, options = op.given(
        place.record if several else place, dict(enumerate(ones)) if several else ones[0]
    )
    if position >= len(given):
        return False
    whole = given[position]
    if position == 1 and isinstance(whole, tuple):
        parts = [Dropped(part.shape, part.dtype) for part in whole]
        given[position] = type(whole)(*parts) if hasattr(whole, "_fields") else tuple(parts)
    elif isinstance(whole, Tensor):
        given[position] = Dropped(whole.shape, whole.dtype)
    else:
        return False
    rule = op.rules[number]
    assert rule is not None
    try:
        rule(*given, **options)
    except RuntimeError:
        return True
    return False


@of_several
def test_unneeded_gradients_are_not_computed(
    spec: Spec, sample: Sample, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    args, rules = sample.args, spec.op.rules
    v = like(rng, forward(spec, sample.options)(args))
    wanted = variables(spec, args)
    right = gradients(spec, args, sample.options, v, wanted)
    for i, expected in zip(wanted, right, strict=True):
        alone = [rule if k == i or rule is None else _never for k, rule in enumerate(rules)]
        monkeypatch.setattr(spec.op, "rules", tuple(alone))
        (g,) = gradients(spec, args, sample.options, v, [i])
        assert_close(g, expected, 1e-14)
        monkeypatch.undo()


def _never(*args: Any, **options: Any) -> Tensor:
    raise AssertionError("a rule ran for an argument that needs no gradient")
