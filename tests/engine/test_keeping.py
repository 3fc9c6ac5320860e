"""What records keep: a rule that reads what was dropped raises, and says what it read."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad

from autograd import Tensor, concatenate, custom_vjp, exp, primitive
from autograd.engine.keeping import LARGE, Dropped
from autograd.engine.primitives import Primitive

SIZE = LARGE // 8


def scaled(keeps: Any, rule: Callable[..., Any]) -> Primitive:
    @primitive
    def scaled(x: Any, y: Any) -> Any:
        return x * y

    return scaled.defvjp(rule, lambda g, out, x, y: g * x, keeps=keeps)


def computed(size: int = SIZE) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x = Tensor(np.linspace(1, 2, size), requires_grad=True)
    y = Tensor(np.linspace(2, 3, size), requires_grad=True)
    return x, y, x + 0, y + 0


def by_eval(g: Any, out: Any, x: Any, y: Any) -> Any:
    return eval("g * y")


def by_position(*given: Any) -> Any:
    return given[0] * given[3]


def by_closure(g: Any, out: Any, x: Any, y: Any) -> Any:
    def inner() -> Any:
        return g * y

    return inner()


class Method:
    def rule(self, g: Any, out: Any, x: Any, y: Any) -> Any:
        return g * y


RULES: dict[str, Callable[..., Any]] = {
    "eval": by_eval,
    "positions": by_position,
    "a closure": by_closure,
    "a method": Method().rule,
    "a partial": partial(lambda scale, g, out, x, y: scale * g * y, 1.0),
    "compiled": eval(compile("lambda g, out, x, y: g * y", "<made>", "eval")),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_of_a_user_may_read_everything(rule: Callable[..., Any]) -> None:
    x, y, a, b = computed()
    scaled(None, rule)(a, b).sum().backward()
    assert_array_equal(grad(x), y.data)
    assert_array_equal(grad(y), x.data)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_that_reads_more_than_it_declares_is_named(rule: Callable[..., Any]) -> None:
    *_, a, b = computed()
    loss = scaled(["", "x"], rule)(a, b).sum()
    with pytest.raises(RuntimeError, match=rf"'y' of 'scaled', float64 \({SIZE},\), was not kept"):
        loss.backward()


def test_a_rule_that_is_declared_anew_before_backward() -> None:
    *_, a, b = computed()
    op = scaled(["y", "x"], lambda g, out, x, y: g * y)
    loss = op(a, b).sum()
    op.defvjp(lambda g, out, x, y: g * out / x, lambda g, out, x, y: g * x)
    with pytest.raises(RuntimeError, match=r"'out' of 'scaled'.*rules declared anew hold for"):
        loss.backward()


def test_rules_that_are_put_back_keep_what_was_declared_for_them() -> None:
    *_, a, b = computed()
    op = scaled(["y", "x"], lambda g, out, x, y: g * y)
    declared = op.rules
    assert isinstance(op(a, b)._place.out, Dropped)  # type: ignore[union-attr]
    op.rules = (lambda g, out, x, y: g * out / x, declared[1])
    assert not isinstance(op(a, b)._place.out, Dropped)  # type: ignore[union-attr]
    op.rules = declared
    assert isinstance(op(a, b)._place.out, Dropped)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("keeps", "message"),
    [
        (["y"], "keeps has 1 entries for 2 rules"),
        (["z", "x"], "keeps names 'z', one of out, x, y expected"),
    ],
)
def test_keeps_that_cannot_be(keeps: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scaled(keeps, lambda g, out, x, y: g * y)


def test_options_are_kept_anyway_and_not_named() -> None:
    @primitive
    def total(x: Any, *, axis: int = 0) -> Any:
        return x.sum(axis)

    with pytest.raises(ValueError, match="keeps names 'axis', one of out, x expected"):
        total.defvjp(lambda g, out, x, axis=0: g + 0 * x, keeps=["x axis"])


def test_what_is_dropped_has_a_shape_a_dtype_and_nothing_else() -> None:
    dropped = Dropped((2, 3), np.dtype(np.float32), "'x' of 'op'")
    assert (dropped.shape, dropped.ndim, dropped.size, dropped.nbytes) == ((2, 3), 2, 6, 24)
    assert dropped.dtype == np.float32
    assert np.ndim(dropped) == 2  # type: ignore[call-overload]
    assert repr(dropped) == repr(copy.copy(dropped)) == "Dropped((2, 3), float32)"
    t: Any = Tensor(np.ones((2, 3), np.float32))
    asked: list[Callable[[Any], Any]] = [
        *(lambda d: d + 1, lambda d: 1 - d, lambda d: t * d, lambda d: d / t, lambda d: -d),
        *(lambda d: d[0], lambda d: d.sum(), lambda d: d.T, lambda d: d.data, lambda d: d < 0),
        *(np.asarray, np.exp, exp, Tensor, float, bool, len, list, abs, lambda d: d @ t),
        *(lambda d: d == 0, lambda d: d != d, lambda d: t == d, hash, round, lambda d: d & 1),
        *(lambda d: t + d, lambda d: d**2, lambda d: 2**d, lambda d: np.add(np.ones(3), d)),
    ]
    for ask in asked:
        with pytest.raises((RuntimeError, TypeError)) as caught:
            ask(dropped)
        named = "'x' of 'op', float32 (2, 3), was not kept" in str(caught.value)
        assert named or (ask is hash and "unhashable" in str(caught.value)), caught.value


def test_in_a_recorded_sweep_what_is_not_declared_is_no_constant() -> None:
    """Also of small arrays, which are kept: as an array it would have no history."""
    x, y = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0], requires_grad=True)
    loss = scaled(["", "x"], lambda g, out, x, y: g * y)(x, y).sum()
    with pytest.raises(RuntimeError, match="'y' of 'scaled'"):
        loss.backward(create_graph=True)


def test_keeps_of_ops_that_are_no_plain_functions() -> None:
    x = Tensor(np.linspace(0, 1, SIZE), requires_grad=True)
    e = primitive(np.exp).defvjp(lambda g, out, x: g * out, keeps=["out"])
    s = custom_vjp(lambda x: x * x).defvjp(lambda g, out, x: 2 * g * x, keeps=["x"])
    (e(x + 0) + s(x + 0)).sum().backward()
    np.testing.assert_allclose(grad(x), np.exp(x.data) + 2 * x.data, rtol=1e-14)


def test_keeps_of_what_is_called_as_a_function_name_its_arguments() -> None:
    class Scaled:
        def __call__(self, x: Any, by: Any) -> Any:
            return x * by

    x, y, a, b = computed()
    rules = (lambda g, out, x, by: g * by, lambda g, out, x, by: g * x)
    for forward in (Scaled(), partial(Scaled.__call__, None)):
        op = Primitive(forward).defvjp(*rules, keeps=["by", "x"])
        x.grad = y.grad = None
        op(a, b).sum().backward(retain_graph=True)
        assert_array_equal(grad(x), b.data)
        assert_array_equal(grad(y), a.data)
        with pytest.raises(ValueError, match="keeps names 'y', one of out, x, by expected"):
            op.defvjp(*rules, keeps=["y", "x"])


def test_keeps_of_ufuncs_name_their_arguments_as_numpy_does() -> None:
    x, y, a, b = computed()
    hypot = primitive(np.hypot, broadcasts=True).defvjp(
        lambda g, out, a, b: g * a / out,
        lambda g, out, a, b: g * b / out,
        keeps=["x1 out", "x2 out"],
    )
    hypot(a, b).sum().backward()
    assert_allclose(grad(x), a.data / np.hypot(a.data, b.data), rtol=1e-14)
    assert_allclose(grad(y), b.data / np.hypot(a.data, b.data), rtol=1e-14)
    with pytest.raises(ValueError, match="'hypot': keeps names 'y', one of out, x1, x2 expected"):
        hypot.defvjp(lambda g, out, a, b: g, keeps=["y"])
    with pytest.raises(TypeError, match="hypot: the option 'where' is a Tensor"):
        hypot(a, b, where=Tensor(np.ones(SIZE, bool)))


def test_rules_of_some_and_a_rule_for_the_rest() -> None:
    @primitive
    def total(x: Any, *others: Any) -> Any:
        return sum(others, 2 * x)

    total.defvjp(lambda g, out, x, *others: 2 * g, keeps=[""])
    total.defvjp_each(lambda position, g, out, *args: g)
    x, y, a, b = computed()
    total(a, b, b).sum().backward()
    assert_array_equal(grad(x), np.full(SIZE, 2.0))
    assert_array_equal(grad(y), np.full(SIZE, 2.0))


def test_what_a_rule_declares_is_kept() -> None:
    x, y, a, b = computed()
    op = scaled(["out x", "x"], lambda g, out, x, y: g * out / x)
    op(a, b).sum().backward()
    assert_allclose(grad(x), y.data, rtol=1e-15)
    assert_array_equal(grad(y), x.data)


def test_small_arrays_and_those_of_the_user_are_kept() -> None:
    x, y, a, b = computed(SIZE - 1)
    op = scaled(["y", "x"], lambda g, out, x, y: g * y)
    assert not isinstance(op(a, b)._place.out, Dropped)  # type: ignore[union-attr]
    x, y, *_ = computed()
    place: Any = scaled(["", ""], lambda g, out, x, y: g * y)(x, y)._place
    assert place.arrays[0] is x.data


def test_one_large_argument_is_enough_whichever_it_is() -> None:
    _, _, a, _ = computed()
    two = Tensor(2.0, requires_grad=True)
    op = scaled(["y", "x"], lambda g, out, x, y: g * y)
    assert isinstance(op(a, two)._place.out, Dropped)  # type: ignore[union-attr]
    assert isinstance(op(two, a)._place.out, Dropped)  # type: ignore[union-attr]
    assert isinstance(op(a, 2.0)._place.out, Dropped)  # type: ignore[union-attr]


def test_what_only_an_unneeded_gradient_reads_is_dropped() -> None:
    _, y, a, _ = computed()
    op = scaled(["y", "x"], lambda g, out, x, y: g * y)
    place: Any = op(a, y.detach())._place
    assert isinstance(place.arrays[0], Dropped)
    assert place.arrays[1] is y.data


def test_joined_arrays_are_dropped() -> None:
    x, y, a, b = computed()
    joined = concatenate([a, b, a])
    place: Any = joined._place
    assert all(isinstance(array, Dropped) for array in (*place.arrays, place.out))
    (joined * joined).sum().backward()
    assert_array_equal(grad(x), 4 * x.data)
    assert_array_equal(grad(y), 2 * y.data)
