"""The rules of a user's primitive: which are called, and what is said of those that are wrong."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from support.leaves import grad, identity, leaf

from autograd import BroadcastWarning, Saved, Tensor, no_grad, primitive
from autograd import grad as grad_of
from autograd.engine.rules import Rule

Array = NDArray[Any]


def test_rules_of_unneeded_arguments_are_not_called() -> None:
    called: list[int] = []

    def rule(position: int) -> Rule:
        def pull(g: Tensor, *args: Any) -> Tensor:
            called.append(position)
            return g

        return pull

    same = identity(rule(0), rule(1))
    x, constant = leaf(1.0), Tensor(2.0)
    same(x, constant).backward()
    same(constant, x).backward()
    same(x, 3.0).backward()
    with no_grad():
        same(x, x)
    assert called == [0, 1, 0]


@pytest.mark.parametrize(
    ("rule", "error", "words"),
    [
        (lambda g, out, x: g.reshape(3, 1), ValueError, ["0", "'same'", "(3, 1)", "(3,)", "equal"]),
        (lambda g, out, x: g[:2], ValueError, ["'same'", "(2,)", "(3,)"]),
        (lambda g, out, x: g.sum(), ValueError, ["'same'", "()", "(3,)"]),
        (lambda g, out, x: g.astype("f8"), TypeError, ["'same'", "float64", "float32", "constant"]),
        (lambda g, out, x: g.data, TypeError, ["rule 0", "'same'", "ndarray", "Tensor"]),
        (lambda g, out, x: None, TypeError, ["rule 0", "'same'", "NoneType", "Tensor"]),
        (lambda g, out, x: 1.0, TypeError, ["rule 0", "'same'", "float", "Tensor"]),
    ],
)
def test_a_wrong_rule_is_named(rule: Any, error: type[Exception], words: list[str]) -> None:
    x = leaf(1.0, 2.0, 3.0, dtype=np.float32)
    with pytest.raises(error) as caught:
        identity(rule)(x).sum().backward()
    for word in words:
        assert word in str(caught.value)


def test_a_missing_rule_is_an_error_only_where_it_is_needed() -> None:
    x, y = leaf(1.0), leaf(2.0)
    same = identity(lambda g, out, x, y: g)
    same(x, 2.0).backward()
    assert grad(x) == 1
    with pytest.raises(RuntimeError, match=r"'same' has no rule for argument 1.*same\.defvjp"):
        same(x, y).backward()


def test_a_forward_that_returns_nothing_is_an_error() -> None:
    @primitive
    def forgot(x: Array) -> Any:
        x + 1

    with pytest.raises(
        TypeError, match="forgot: the forward returned NoneType; an array of numbers expected"
    ):
        forgot(leaf(1.0))


def test_none_for_a_rule_means_no_gradient() -> None:
    x, y = leaf(1.0), leaf(2.0)
    identity(lambda g, out, x, y: g, None)(x, y).backward()
    assert grad(x) == 1
    assert y.grad is None


def test_a_rule_must_be_callable() -> None:
    with pytest.raises(TypeError, match="defvjp of 'same': rule 1 is float"):
        identity(lambda g, out, x, y: g, 2.0)


@pytest.mark.parametrize(
    ("shape", "axes"), [((3,), "axis 0."), ((2, 1), "axis 1."), ((), "axes 0, 1.")]
)
def test_a_sum_that_the_sweep_had_to_make_is_a_warning(shape: tuple[int, ...], axes: str) -> None:
    x, y = leaf(np.ones((2, 3))), leaf(np.ones(shape))
    same = identity(None, lambda g, out, x, y: g)
    with pytest.warns(BroadcastWarning, match="rule 1 of 'same'") as caught:
        same(x, y).sum().backward()
    assert f"summed over {axes}" in str(caught[0].message)
    assert_array_equal(grad(y), np.full(shape, 6 / y.size))


def test_declared_broadcasting_is_no_warning() -> None:
    x, y = leaf(np.ones((2, 3))), leaf(np.ones((2, 1)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        identity(None, lambda g, out, x, y: g, broadcasts=True)(x, y).sum().backward()
    assert not caught
    assert_array_equal(grad(y), [[3], [3]])


class Cube:
    """Holds a rule that is a method: `self` comes before its parameters."""

    def pull(self, g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        return 3 * g * x * x


@pytest.mark.parametrize("size", [3, 100_000])
def test_a_rule_may_be_a_method(size: int) -> None:
    @primitive
    def cube(x: Array) -> Array:
        return np.power(x, 3)

    cube.defvjp(Cube().pull)
    x = Tensor(np.linspace(1, 2, size), requires_grad=True)
    cube(x + 1).sum().backward()
    assert_allclose(grad(x), 3 * (x.data + 1) ** 2, rtol=1e-14)


def test_a_rule_can_be_asked_for() -> None:
    rule: Rule = lambda g, out, x, y: g  # noqa: E731
    same = identity(rule, None)
    assert (same.rule(0), same.rule(1)) == (rule, None)
    with pytest.raises(RuntimeError, match="'same' has no rule for argument 2"):
        same.rule(2)


def test_one_rule_for_all_arguments_is_told_which() -> None:
    @primitive
    def total(*xs: Array) -> Array:
        return np.asarray(sum((i + 1) * x for i, x in enumerate(xs)))

    assert total.defvjp_each(lambda position, g, out, *xs: g * (position + 1)) is total
    x, y = leaf(1.0), leaf(2.0)
    total(x, 5.0, y, x).backward()
    assert (grad(x), grad(y)) == (1 + 4, 3)


def test_nothing_is_taken_for_granted_of_an_op_that_declares_nothing() -> None:
    same = identity(lambda g, out, x: g)
    found = [getattr(same, name) for name in ("kind", "broadcasts", "differentiable", "analytic")]
    assert found == [None, False, True, False]
    declared = primitive(kind="view", broadcasts=True, differentiable=False, analytic=True)
    op = declared(lambda x: x)
    found = [getattr(op, name) for name in ("kind", "broadcasts", "differentiable", "analytic")]
    assert found == ["view", True, False, True]


@pytest.mark.parametrize("error", [np.linalg.LinAlgError, ValueError, TypeError, IndexError])
def test_an_error_of_a_forward_says_what_was_given(error: type[Exception]) -> None:
    @primitive
    def picky(x: Array, *others: Any) -> Array:
        raise error("not this")

    with pytest.raises(error) as caught:
        picky(leaf(1.0, 2.0, dtype=np.float32), "and", [3])
    assert type(caught.value) is error
    assert str(caught.value) == "picky(float32 (2,), 'and', [3]): not this"


@pytest.mark.parametrize("kind", [float, complex])
def test_what_a_forward_saved_has_no_derivative(kind: type) -> None:
    factor = kind(3)

    @primitive
    def real(z: Array) -> Array:
        return np.real(z)

    real.defvjp(lambda g, out, z: g * kind(1))

    @primitive
    def energy(x: Array) -> Saved:
        z = x * factor
        return Saved(np.abs(z) ** 2, (z, "a name"))

    def rule(g: Tensor, out: Tensor, x: Tensor, saved: tuple[Tensor, str]) -> Tensor:
        z, name = saved
        assert isinstance(z.data, np.ndarray)  # the forward saved a scalar of NumPy
        assert name == "a name"
        return g * 6 * real(z)

    energy.defvjp(rule)
    assert grad_of(energy)(2.0).item() == 36
    with pytest.raises(RuntimeError, match="'energy' was asked for, and the rule reads what its"):
        grad_of(grad_of(energy))(2.0)


@pytest.mark.parametrize("words", ["ab", np.array(["a", "b"])], ids=["text", "array"])
def test_text_reaches_a_forward_as_it_is_though_a_rule_stands_for_it(words: Any) -> None:
    @primitive
    def repeated(x: Any, words: Any) -> Any:
        assert words is given
        return x * len(words)

    given, x = words, leaf(3.0)
    rule = lambda g, out, x, words: g * len(words)  # noqa: E731
    repeated.defvjp(rule, rule)(x, words).backward()
    assert grad(x) == 2
