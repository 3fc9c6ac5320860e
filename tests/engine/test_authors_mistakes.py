"""First mistakes of an op's author: each answered with the op, the rule, and what a rule takes."""

from __future__ import annotations

import copy
import functools
import pickle
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from support.leaves import grad, leaf

import autograd as ag
from autograd import Tensor
from autograd.engine.primitives import Primitive, Saved, primitive, registry

Array = np.ndarray[Any, Any]
SIGNATURE = r"\(g, out, \*args, \*\*options\)"


@primitive
def cube(x: Array) -> Array:
    return x**3


cube.defvjp(lambda g, out, x: g * 3 * x**2)


def fresh(forward: Any = None, **declared: Any) -> Primitive:
    return Primitive(forward or (lambda x: x * 2), **declared)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda g, x: g, r"too many positional arguments"),
        (lambda g: g, r"too many positional arguments"),
        (lambda g, out, x, y: g, r"missing a required argument: 'y'"),
        (lambda g, out, x, *, scale: g, r"missing a required.* argument: 'scale'"),
    ],
)
def test_a_rule_that_takes_something_else(rule: Any, said: str) -> None:
    op = fresh(name="twice").defvjp(rule)
    with pytest.raises(TypeError, match=rf"rule 0 of 'twice'.*\(g, out, x\).*{said}.*{SIGNATURE}"):
        op(leaf(2.0)).backward()


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("arrays_of", [lambda x: x, lambda x: (x, x), lambda x: Saved(x, 1)])
@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda x: np.ma.masked_less(x, 1.5), "a masked array, which is to be filled"),
        (lambda x: np.ma.masked_invalid(x) * 2, "a masked array"),
        (lambda x: np.ma.masked, "a masked array"),
        (lambda x: np.matrix(x), "np.matrix"),
        (lambda x: np.asmatrix(x) * 2, "np.matrix"),
    ],
)
def test_a_forward_whose_result_is_more_than_its_numbers(
    arrays_of: Any, made: Any, said: str
) -> None:
    op = fresh(lambda x: arrays_of(made(x)), name="odd").defvjp(lambda g, out, x: g)
    for x in (leaf([1.0, 2.0]), np.array([1.0, 2.0])):
        with pytest.raises(TypeError, match=rf"^odd: the forward returned .*{said}"):
            op(x)


def test_a_rule_on_arrays_whose_result_is_more_than_its_numbers() -> None:
    op = fresh(name="odd").defvjp(ag.on_arrays(lambda g, out, x: np.ma.masked_less(2 * g, 3)))
    for create_graph in (False, True):
        with pytest.raises(TypeError, match="a rule on arrays returned a masked array"):
            op(leaf([1.0, 2.0])).sum().backward(create_graph=create_graph)


def test_a_rule_that_does_not_take_the_options() -> None:
    @primitive
    def scaled(x: Array, by: float = 1.0) -> Array:
        return x * by

    scaled.defvjp(lambda g, out, x: g)
    with pytest.raises(TypeError, match=r"rule 0 of 'scaled'.*by=\.\.\..*unexpected keyword"):
        scaled(leaf(2.0), by=3.0).backward()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have notes from 3.11 on")
def test_an_error_within_a_rule_says_in_which() -> None:
    op = fresh(lambda x: (x, 2 * x), name="both").defvjp(lambda g, out, x: g * 2.5)
    with pytest.raises(TypeError) as caught:
        op(leaf([1.0, 2.0]))[0].sum().backward()
    assert "rule 0 of 'both'" in str(caught.value.__notes__)
    assert "a tuple, one gradient for each output" in str(caught.value.__notes__)
    op = fresh(name="far").defvjp(lambda g, out, x: g[5])
    with pytest.raises(IndexError) as caught_too:
        op(leaf([1.0, 2.0])).sum().backward()
    assert "rule 0 of 'far'" in str(caught_too.value.__notes__)


def test_more_rules_than_arguments() -> None:
    with pytest.raises(ValueError, match=r"'<lambda>': 2 rules for 1 positional arguments, x;"):
        fresh(lambda x: x).defvjp(lambda g, out, x: g, lambda g, out, x: g)
    with pytest.raises(ValueError, match=r"3 rules for 2 positional arguments, x, y"):
        fresh(lambda x, y, *, z=1: x).defvjp(None, None, None)
    fresh(lambda *x: x[0]).defvjp(None, None, None)
    fresh(np.add).defvjp(None, None)  # how many a ufunc takes is not asked


def test_kinds_and_keeps_are_spelt_right() -> None:
    with pytest.raises(ValueError, match=r"kind 'elementwize' given, one of \('elementwise', "):
        primitive(kind="elementwize")(np.exp)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="broadcast"):
        primitive(broadcast=True)(np.exp)  # type: ignore[call-overload]
    for keeps in ("x", "xy", ["x", "y"]):
        with pytest.raises(ValueError, match=r"keeps has .* for 1 rules; a list with a string"):
            fresh().defvjp(lambda g, out, x: g, keeps=keeps)


@pytest.mark.parametrize("returned", [None, (1.0,), np.ones(2), 2.0, {"x": 1}])
def test_a_rule_that_returns_no_tensor(returned: Any) -> None:
    op = fresh(name="odd").defvjp(lambda g, out, x: returned)
    kind = type(returned).__name__
    with pytest.raises(TypeError, match=rf"rule 0 of 'odd' returned {kind}, a Tensor made by prim"):
        op(leaf([1.0, 2.0])).sum().backward()


@pytest.mark.parametrize("returned", [None, "text", {"x": 1}, {1, 2}, object()])
def test_a_forward_that_returns_no_numbers(returned: Any) -> None:
    with pytest.raises(TypeError, match=r"odd: the forward returned .*; an array of number"):
        fresh(lambda x: returned, name="odd")(leaf([1.0]))
    with pytest.raises(TypeError, match="odd: the forward returned"):
        fresh(lambda x: (x, returned), name="odd")(leaf([1.0]))


def test_callables_without_names_are_primitives() -> None:
    class Scale:
        def __init__(self, by: float) -> None:
            self.by = by

        def __call__(self, x: Array) -> Array:
            return x * self.by

    double = Primitive(Scale(2.0)).defvjp(lambda g, out, x: g * 2)
    power = Primitive(functools.partial(pow, exp=2)).defvjp(lambda g, out, x: g * 2 * x)
    assert (double.name, power.name, Primitive(np.hypot).name) == ("Scale", "pow", "hypot")
    x = leaf(3.0)
    (double(x) + power(x)).backward()
    assert grad(x) == 8


def test_the_registry_keeps_every_op_and_keeps_none_alive() -> None:
    before = set(registry)
    several = [fresh(lambda x, k=k: x * k) for k in range(3)]
    mine = set(registry) - before
    assert {registry[key] for key in mine} == set(several)
    named = f"{__name__}.{several[0].__qualname__}"
    assert named in mine
    assert all(key.partition("#")[0] == named for key in mine)
    del several
    assert not mine & set(registry)


def test_ops_are_copied_and_pickled_by_name() -> None:
    assert pickle.loads(pickle.dumps(cube)) is cube
    assert pickle.loads(pickle.dumps(ag.exp)) is ag.exp
    assert copy.deepcopy({"op": ag.matmul})["op"] is ag.matmul
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(fresh())


def test_saved_values_where_integers_meet_float32() -> None:
    calls = []

    @primitive
    def weighted(x: Array, n: Array) -> Any:
        calls.append(1)
        product = x * n
        return Saved(product, product / 2)

    weighted.defvjp(lambda g, out, x, n, saved: g * n + 0 * saved, None)
    x = leaf([1.0, 2.0], dtype=np.float32)
    out = weighted(x, np.array([3, 4]))
    assert (out.dtype, out.shape, len(calls)) == (np.float32, (2,), 1)
    out.sum().backward()
    np.testing.assert_array_equal(grad(x), np.float32([3, 4]))


def test_several_outputs_where_integers_meet_float32() -> None:
    op = fresh(lambda x, n: (x * n, x + n, n), name="both")
    op.defvjp(lambda g, out, x, n: g[0] * n + g[1])
    x, index = leaf([1.0, 2.0], dtype=np.float32), np.array([3, 4])
    product, total, same = op(x, index)
    assert [t.dtype for t in (product, total, same)] == [np.float32, np.float32, np.int64]
    (product * 10 + total).sum().backward()
    np.testing.assert_array_equal(grad(x), np.float32([31, 41]))


def test_an_index_array_stays_one_where_the_result_has_drifted() -> None:
    @primitive
    def picked(x: Array, index: Array) -> Array:
        return x[index] / len(index) * np.float64(1)

    def rule(g: Tensor, out: Tensor, x: Tensor, index: Array) -> Tensor:
        assert index.dtype == np.int64
        return ag.index_add(ag.multiply(x, 0), index, g / len(index))

    picked.defvjp(rule)
    x = leaf([1.0, 2.0, 3.0], dtype=np.float32)
    out = picked(x, np.array([2, 0]))
    out.sum().backward()
    assert (out.dtype, grad(x).dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(grad(x), np.float32([0.5, 0, 0.5]))


def test_axis_errors_are_numpys() -> None:
    x = leaf(np.ones((2, 3)))
    for call in (ag.sum, ag.mean, ag.max, ag.cumsum, ag.prod, ag.sort, ag.var, ag.logsumexp):
        with pytest.raises(np.exceptions.AxisError):
            call(x, axis=2)
        with pytest.raises(TypeError):
            call(x, axis=True)
    for join in (ag.concatenate, ag.stack):
        with pytest.raises(np.exceptions.AxisError):
            join([x, x], axis=5)


def test_messages_have_public_names() -> None:
    x = leaf(np.ones((2, 3)))
    for wrong in (
        lambda: ag.concatenate([x, x[0]]),
        lambda: ag.stack([x, x[0]]),
        lambda: ag.stack([x] * 20 + [x[0]]),
        lambda: ag.norm(x, axis=4),
        lambda: ag.norm(x, 3, axis=4),
        lambda: ag.pad(x, -1),
    ):
        with pytest.raises(ValueError, match=r"^(concatenate|stack|norm|pad)\b") as caught:
            wrong()
        assert not any(word in str(caught.value) for word in ("_all", "_norm", "pad_constant"))
    for result in (ag.concatenate([x, x]), ag.norm(x), ag.norm(x, 3), ag.pad(x, 1), ag.stack([x])):
        assert result.op_name in {"concatenate", "norm", "pad", "stack"}


def test_the_warning_of_a_sum_points_at_the_rule_and_comes_once() -> None:
    op = fresh(lambda x, y: x + y, name="plus")
    op.defvjp(lambda g, out, x, y: g, lambda g, out, x, y: g)
    x, y = leaf([1.0, 2.0]), leaf(3.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            op(x, y).sum().backward()
    (warning,) = caught
    assert issubclass(warning.category, ag.BroadcastWarning)
    assert warning.filename == __file__
    assert "rule 1 of 'plus'" in str(warning.message)


def test_the_derivative_of_a_rule_on_arrays_names_the_op_and_the_rule() -> None:
    @primitive
    def scaled(x: Array, y: Array) -> Array:
        return x**2 * y

    scaled.defvjp(
        ag.on_arrays(lambda g, out, x, y: 2 * g * x * y),
        ag.on_arrays(lambda g, out, x, y: g * x**2),
    )
    total = Primitive(lambda *xs: np.add(*xs), name="total")
    total.defvjp_each(ag.on_arrays(lambda position, g, out, *xs: g))
    first, second = (lambda x: scaled(x, 3.0)), (lambda x: scaled(2.0, x) * x)
    for derivative, said in (
        (lambda: ag.grad(ag.grad(first))(2.0), "rule 0 of 'scaled'"),
        (lambda: ag.grad(ag.grad(second))(2.0), "rule 1 of 'scaled'"),
        (lambda: ag.grad(lambda x: ag.jvp(first, (x,), (1.0,))[1])(2.0), "rule 0 of 'scaled'"),
        (lambda: ag.jvp(lambda x: ag.jvp(first, (x,), (1.0,))[1], (2.0,), (1.0,)), "rule 0 of"),
        (lambda: ag.grad(ag.grad(lambda x: total(x, x)))(2.0), "each argument of 'total'"),
    ):
        with pytest.raises(RuntimeError, match=r"rule on arrays, rule .* in primitives") as caught:
            derivative()
        told = " ".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
        assert said in told
        assert "linear_in_first" not in told and "transposed" not in told
