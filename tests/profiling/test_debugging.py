"""Hooks on gradients and on the sweep, and debug mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd as ag
from autograd import Tensor
from autograd.engine.modes import mode


def leaf(*values: float) -> Tensor:
    return Tensor(list(values), requires_grad=True)


def grad(x: Tensor) -> Any:
    assert x.grad is not None
    return x.grad.data


# --- hooks ---------------------------------------------------------------------------------------


def test_a_hook_sees_the_complete_gradient_and_may_replace_it() -> None:
    x, seen = leaf(3.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.item()))
    y.register_hook(lambda g: g * 10)
    (y * y + y).sum().backward()
    assert seen == [13]  # 2 y + 1, once, though y is used three times
    assert_array_equal(grad(x), [260])


def test_a_hook_on_a_leaf_and_its_removal() -> None:
    x = leaf(3.0)
    remove = x.register_hook(lambda g: -g)
    (x * 2).sum().backward()
    assert_array_equal(grad(x), [-2])
    remove()
    x.grad = None
    (x * 2).sum().backward()
    assert_array_equal(grad(x), [2])


def test_a_hook_keeps_no_tensor_alive_and_is_differentiated_through() -> None:
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: g * g)
    (y * 3).sum().backward(create_graph=True)  # 9 * 2 x
    slope, x.grad = x.grad, None
    assert slope is not None
    slope.sum().backward()
    assert_array_equal(grad(x), [18])


def test_a_hook_that_returns_another_shape_is_an_error() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ValueError, match=r"hook returned float64 \(\) .* float64 \(2,\)"):
        (x * 2).sum().backward()


def test_a_sweep_hook_sees_every_record_with_its_gradient() -> None:
    x, seen = leaf(3.0), []
    with ag.sweep_hook(lambda record, g: seen.append((record.op.name, float(g.data.sum())))):
        (x * 2 + 1).sum().backward()
    (x * 2).sum().backward()
    assert seen == [("sum", 1), ("add", 1), ("multiply", 1)]


# --- debug mode ----------------------------------------------------------------------------------


def raises(error: type[Exception], words: list[str], run: Callable[[], Any]) -> None:
    with pytest.raises(error) as caught:
        run()
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_first_nan_of_a_forward_is_named_with_its_line() -> None:
    def run() -> None:
        with ag.debug():
            y = ag.log(leaf(1.0, -1.0))  # the culprit
            (y * 2).sum()

    raises(
        FloatingPointError, ["'log'", "nan", "(1,)", __file__, "y = ag.log(leaf(1.0, -1.0))"], run
    )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_first_infinity_of_a_backward_is_named_with_the_line_of_its_op() -> None:
    def run() -> None:
        with ag.debug():
            y = ag.sqrt(leaf(4.0, 0.0))
            y.sum().backward()

    raises(FloatingPointError, ["rule of 'sqrt'", "argument 0", "inf", "y = ag.sqrt("], run)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_line_of_an_op_with_several_outputs_is_named_too() -> None:
    @ag.primitive
    def both(x: Any) -> Any:
        return np.sqrt(x), -x

    both.defvjp(lambda g, out, x: g[0] / (2 * out[0]) - g[1])

    def run() -> None:
        with ag.debug():
            root: Any = both(leaf(4.0, 0.0))
            root[0].sum().backward()

    raises(FloatingPointError, ["rule of 'both'", "inf", "root: Any = both("], run)


def test_infinities_that_were_given_or_padded_are_no_fault() -> None:
    with ag.debug():
        x = leaf(np.inf, 1.0)
        ag.maximum(x, ag.pad(leaf(2.0), 1, constant_values=-np.inf)[:2]).sum().backward()
    assert_array_equal(grad(x), [1, 0])


@pytest.mark.parametrize("view", ["the array", "a view", "a leaf's data"])
def test_an_array_written_to_after_it_was_saved_is_caught(view: str) -> None:
    x, c = leaf(1.0, 2.0), np.array([3.0, 4.0])
    target = {"the array": c, "a view": c[1:], "a leaf's data": x.data}[view]

    def run() -> None:
        with ag.debug():
            y = x * c  # where it was saved
            target[...] = 7
            y.sum().backward()

    raises(RuntimeError, ["'multiply'", "written to", __file__, "y = x * c"], run)


def test_debug_mode_changes_no_result_and_ends() -> None:
    x = leaf(1.0, 2.0)
    with ag.debug():
        y = (ag.exp(x) * x).sum()
        y.backward(retain_graph=True)
        y.backward()
    twice = grad(x)
    x.grad = None
    (ag.exp(x) * x).sum().backward()
    assert_array_equal(twice, 2 * grad(x))
    assert mode.observer is None


# --- refusals ------------------------------------------------------------------------------------


def test_a_rule_on_arrays_has_a_first_derivative_and_refuses_a_second() -> None:
    @ag.primitive(kind="elementwise")
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(ag.on_arrays(lambda g, out, x: g * 3 * x**2))
    x = leaf(2.0)
    cube(x).sum().backward()
    assert_array_equal(grad(x), [12])
    x.grad = None
    cube(x).sum().backward(create_graph=True)
    slope = x.grad
    assert slope is not None
    raises(RuntimeError, ["rule on arrays", __file__, "in primitives"], slope.sum().backward)
    raises(RuntimeError, ["rule on arrays"], lambda: ag.grad(ag.grad(cube))(2.0))


def test_saved_values_reach_the_rule_and_refuse_a_second_derivative() -> None:
    @ag.primitive(kind="elementwise")
    def twice_exp(x: Any) -> Any:
        e = np.exp(x)
        return ag.Saved(2 * e, e)

    twice_exp.defvjp(lambda g, out, x, saved: g * 2 * saved)
    assert ag.grad(twice_exp)(0.0).item() == 2
    raises(RuntimeError, ["'twice_exp'", "saved"], lambda: ag.grad(ag.grad(twice_exp))(0.0))


def test_several_outputs_in_a_named_tuple() -> None:
    from typing import NamedTuple

    class Polar(NamedTuple):
        r: Any
        angle: Any

    @ag.primitive
    def polar(x: Any, y: Any) -> Any:
        return Polar(np.hypot(x, y), np.arctan2(y, x))

    polar.defvjp(
        lambda g, out, x, y: g.r * x / out.r - g.angle * y / out.r**2,
        lambda g, out, x, y: g.r * y / out.r + g.angle * x / out.r**2,
    )
    x, y = leaf(3.0), leaf(4.0)
    result: Any = polar(x, y)
    assert isinstance(result, Polar)
    (result.r * 5 + result.angle * 25).sum().backward()
    assert_array_equal(grad(x), [3 - 4])
    assert_array_equal(grad(y), [4 + 3])
    by_x = ag.grad(ag.grad(lambda x: polar(x, 4.0).r))(3.0)  # type: ignore[attr-defined]
    assert by_x.item() == pytest.approx(16 / 125, rel=1e-14)


def test_a_custom_gradient_replaces_that_of_a_composition() -> None:
    @ag.custom_vjp
    def clipped(x: Tensor) -> Tensor:
        return x * x

    clipped.defvjp(lambda g, out, x: ag.minimum(ag.maximum(g, -1), 1) * 2 * x)
    x = leaf(3.0)
    (clipped(x) * 100).sum().backward()
    assert_array_equal(grad(x), [6])
    assert ag.grad(ag.grad(clipped))(3.0).item() == 2
