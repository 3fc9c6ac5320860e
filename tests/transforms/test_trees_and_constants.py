"""Trees are paired by key and compared; what hangs on nothing has zeros; no value is said so."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd as ag
from autograd import Tensor, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp


class Point(NamedTuple):
    a: Any
    b: Any


class Turned(NamedTuple):
    b: Any
    a: Any


class Named(list):  # type: ignore[type-arg]
    """A list whose constructor wants something else."""

    def __init__(self, name: str, *parts: Any) -> None:
        super().__init__(parts)
        self.name = name


class Pair(tuple):  # type: ignore[type-arg]
    """A tuple whose constructor wants something else."""

    def __new__(cls, first: Any, second: Any) -> Pair:
        return super().__new__(cls, (first, second))


class Keyed(dict):  # type: ignore[type-arg]
    unit = "m"


# --- pairing -------------------------------------------------------------------------------------


def weighted(t: Any) -> Any:
    return t["a"] * 2 + t["b"].sum() * 3


def test_dicts_are_paired_by_key() -> None:
    primal = {"a": 1.0, "b": np.ones(2)}
    tangents = [
        {"b": np.array([1.0, 10.0]), "a": 100.0},
        OrderedDict(b=np.array([1.0, 10.0]), a=100.0),
        defaultdict(float, b=np.array([1.0, 10.0]), a=100.0),
    ]
    for tangent in tangents:
        assert jvp(weighted, [primal], [tangent])[1] == 233
        assert jvp(lambda n, t: weighted(t[0]) * n, [2, [primal]], [None, [tangent]])[1] == 466
        found = hvp(lambda t: t["a"] ** 2 + (t["b"] ** 3).sum(), [primal], [tangent])
        assert found["a"] == 200
        assert_array_equal(found["b"], [6, 60])
        assert list(found) == ["a", "b"]
    _, pull = vjp(lambda x: {"a": x * 2, "b": [x.sum(), x * 3]}, np.ones(2))
    (g,) = pull({"b": [100.0, np.zeros(2)], "a": np.array([1.0, 10.0])})
    assert_array_equal(g, [102, 120])


@pytest.mark.parametrize(
    "tree",
    [
        {"a": 2.0, "b": 3.0},
        OrderedDict(a=2.0, b=3.0),
        defaultdict(list, a=2.0, b=3.0),
        Counter(a=2.0, b=3.0),  # type: ignore[arg-type]
        Keyed(a=2.0, b=3.0),
        Point(2.0, 3.0),
        [2.0, 3.0],
        (2.0, 3.0),
        Named("here", 2.0, 3.0),
        Pair(2.0, 3.0),
        {"a": Point(2.0, (3.0,)), "b": [[], None, "text", 7]},
    ],
    ids=lambda tree: type(tree).__name__,
)
def test_trees_come_back_as_what_they_are(tree: Any) -> None:
    seen: list[type] = []

    def f(tree: Any) -> Any:
        seen.append(type(tree))
        leaves = ag.runtime.trees.flatten(tree)[0]
        return sum(leaf * leaf for leaf in leaves if isinstance(leaf, Tensor))

    found = grad(f)(tree)
    assert seen == [type(tree)]
    assert type(found) is type(tree)
    assert [g for g in ag.runtime.trees.flatten(found)[0] if g is not None] == [4, 6]
    for name in ("default_factory", "name", "unit", "_fields"):
        assert getattr(found, name, None) == getattr(tree, name, None)
    (pulled,) = vjp(f, tree)[1](1.0)
    assert pulled == found
    assert jvp(f, [tree], [tree])[1] == 2 * (4 + 9)
    result, _ = vjp(lambda x: ag.stop_gradient(tree), 1.0)
    assert type(result) is type(tree)


# What is given in the place of {"a": [x, (y, z)]}, with y of shape (3,), and what is said of it.
MISFITS: dict[str, tuple[Any, list[str]]] = {
    "a leaf": (1.0, ["is a leaf, float", "a dict with the keys ['a'] expected"]),
    "a list": ([[1.0, (np.ones(3), 1.0)]], ["is a list with 1 parts", "a dict"]),
    "no key": ({}, ["has the keys []", "the keys ['a'] expected"]),
    "another key": ({"b": [1.0, (np.ones(3), 1.0)]}, ["the keys ['b']", "the keys ['a'] expected"]),
    "one more": ({"a": [1.0, (np.ones(3), 1.0)], "b": 1.0}, ["['a', 'b']", "['a'] expected"]),
    "shorter": ({"a": [1.0]}, ["['a'] has 1 parts, 2 parts expected"]),
    "longer": ({"a": [1.0, (np.ones(3), 1.0), 1.0]}, ["['a'] has 3 parts, 2 parts expected"]),
    "a tuple": ({"a": (1.0, (np.ones(3), 1.0))}, ["['a'] is a tuple", "a list with 2 parts"]),
    "a named one": (
        {"a": [1.0, Point(np.ones(3), 1.0)]},
        ["['a'][1] has the fields ('a', 'b'), 2 parts expected"],
    ),
    "an array for a tuple": ({"a": [1.0, np.ones(2)]}, ["['a'][1] is a leaf of shape (2,)"]),
    "a list for an array": (
        {"a": [1.0, ([1.0, 1.0, 1.0], 1.0)]},
        ["['a'][1][0] is a list with 3 parts, a leaf", "expected"],
    ),
    "shape": ({"a": [1.0, (np.ones(2), 1.0)]}, ["['a'][1][0] has shape (2,), (3,) expected"]),
    "a number for an array": ({"a": [1.0, (2.0, 1.0)]}, ["[0] has shape (), (3,) expected"]),
    "an array for a number": ({"a": [np.ones(1), (np.ones(3), 1.0)]}, ["['a'][0] has shape (1,)"]),
}


@pytest.mark.parametrize(("given", "words"), MISFITS.values(), ids=MISFITS)
def test_where_structures_differ(given: Any, words: list[str]) -> None:
    primal = {"a": [1.0, (np.ones(3), 2.0)]}
    _, pull = vjp(lambda t: {"a": [t["a"][0] * 1, (t["a"][1][0] * 1, t["a"][1][1] * 1)]}, primal)
    f: Any = lambda t: (t["a"][1][0] ** 2).sum() * t["a"][0] * t["a"][1][1]  # noqa: E731
    for call, name in [
        (lambda: pull(given), "vjp: the cotangent"),
        (lambda: jvp(f, [primal], [given]), "jvp: tangents[0]"),
        (lambda: hvp(f, [primal], [given]), "hvp: tangents[0]"),
    ]:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are looked at
            call()
        assert str(caught.value).startswith(name)
        assert [word for word in words if word not in str(caught.value)] == []


def test_named_tuples_are_paired_by_their_fields() -> None:
    f: Any = lambda p: p.a * 2 + p.b * 3  # noqa: E731
    assert jvp(f, [Point(1.0, 1.0)], [Point(10.0, 1.0)])[1] == 23
    assert jvp(f, [Point(1.0, 1.0)], [Turned(b=1.0, a=10.0)])[1] == 23
    with pytest.raises(ValueError, match=r"tangents\[0\] has 2 parts, the fields \('a', 'b'\)"):
        jvp(f, [Point(1.0, 1.0)], [(1.0, 1.0)])


@pytest.mark.parametrize("wrong", [None, "one", object(), 1j, np.array([1j]), np.array(["a"])])
def test_what_is_no_direction(wrong: Any) -> None:
    shape = np.shape(wrong) if isinstance(wrong, np.ndarray) else ()
    x = np.ones(shape)
    for call in (
        lambda: vjp(lambda x: x * x, x)[1](wrong),
        lambda: jvp(lambda x: x * x, [x], [wrong]),
        lambda: hvp(lambda x: (x * x).sum(), [x], [wrong]),
    ):
        with pytest.raises(TypeError, match="numbers of shape"):
            call()


@pytest.mark.parametrize("given", [1, True, np.int8(1), np.float32(1), Tensor(1), np.array(1)])
def test_directions_of_other_dtypes_are_converted(given: Any) -> None:
    for x in (3.0, np.float32(3.0)):
        found = jvp(lambda x: x * x, [x], [given])[1]
        assert found == 6
        assert found.dtype == np.asarray(x).dtype
        assert vjp(lambda x: x * x, x)[1](given)[0] == 6


def test_directions_of_what_has_none() -> None:
    f: Any = lambda x, n: x**n  # noqa: E731
    for nothing in (None, 0, 0.0, 3):
        assert jvp(f, [2.0, 3], [1.0, nothing])[1] == 12
    with pytest.raises(ValueError, match=r"jvp: tangents\[1\] is 1.0, but the primal there is int"):
        jvp(f, [2.0, 3], [1.0, 1.0])
    with pytest.raises(ValueError, match=r"tangents\[1\]\['n'\] .* int64 \(\)"):
        jvp(lambda x, t: x ** t["n"], [2.0, {"n": np.int64(3)}], [1.0, {"n": Tensor(2.0)}])


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda: jvp(abs, [1.0], [1.0, 1.0]), ValueError, ["jvp: 1 primals and 2 tangents"]),
        (lambda: hvp(abs, [1.0, 1.0], [1.0]), ValueError, ["hvp: 2 primals and 1 tangents"]),
        (lambda: jvp(abs, np.ones(2), np.ones(2)), TypeError, ["jvp: primals float64 (2,) given"]),
        (lambda: jvp(abs, [1.0], 1.0), TypeError, ["jvp: tangents float given", "list or tuple"]),
    ],
)
def test_primals_and_tangents(
    wrong: Callable[[], Any], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as caught:
        wrong()
    assert [word for word in words if word not in str(caught.value)] == []


# --- argnums -------------------------------------------------------------------------------------


@pytest.mark.parametrize("argnums", [(0, 0), (1, 0, 1), (0, -2), [1, -1], (np.int64(0), 0)])
@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian])
def test_repeated_arguments_are_refused(transform: Any, argnums: Any) -> None:
    with pytest.raises(ValueError, match=r"argnums .* given, each argument once expected"):
        transform(lambda x, y: x * y, argnums)(1.0, 2.0)


@pytest.mark.parametrize("argnums", [(), 2, -3, 1.0, "0", (0, 5), None])
def test_arguments_that_there_are_not(argnums: Any) -> None:
    with pytest.raises(
        ValueError, match=r"argnums .* given, positions of the 2 arguments expected"
    ):
        grad(lambda x, y: x * y, argnums)(1.0, 2.0)


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [(np.int64(1), 2), (-2, 5), ([1, 0], (2, 5)), (range(2), (5, 2)), ((-1,), (2,))],
)
def test_ways_to_number_them(argnums: Any, expected: Any) -> None:
    assert grad(lambda x, y: x * y, argnums)(2.0, 5.0) == expected


# --- constants -----------------------------------------------------------------------------------

CONSTANTS: dict[str, Callable[[Any], Any]] = {
    "a float": lambda x: 3.0,
    "NumPy's number": lambda x: np.float32(3.0),
    "an array": lambda x: np.array(3.0),
    "an array of one": lambda x: np.ones(1),
    "a tensor": lambda x: Tensor(3.0),
    "of its shape": lambda x: float(np.ndim(x)),
    "what it holds": lambda x: x.detach().sum(),
    "rounded": lambda x: ag.round(x).sum(),
    "compared": lambda x: ag.where(x.sum() > 0, 1.0, 2.0),
}
constant = pytest.mark.parametrize("f", CONSTANTS.values(), ids=CONSTANTS)


@constant
@pytest.mark.parametrize("x", [2.0, np.ones((2, 3)), np.ones(3, np.float32), Tensor(np.ones(2))])
def test_the_derivatives_of_a_constant_are_zeros(f: Callable[[Any], Any], x: Any) -> None:
    shape, dtype = np.shape(x), getattr(x, "dtype", np.float64)
    value, slope = value_and_grad(f)(x)
    assert (slope.shape, slope.dtype) == (shape, dtype)
    assert_array_equal(np.asarray(slope), np.zeros(shape))
    assert not np.shares_memory(np.asarray(slope), np.asarray(x))
    assert np.size(value) == 1
    (pulled,) = vjp(f, x)[1](np.ones(np.shape(value)))
    assert_array_equal(np.asarray(pulled), np.zeros(shape))
    out, pushed = jvp(f, [x], [x])
    assert_array_equal(np.asarray(pushed), np.zeros(np.shape(out)))
    full = jacobian(f)(x)
    assert_array_equal(np.asarray(full), np.zeros(np.shape(value) + shape))
    assert full.dtype == dtype
    assert_array_equal(np.asarray(hessian(f)(x)), np.zeros(shape + shape))
    assert_array_equal(np.asarray(hvp(f, [x], [x])), np.zeros(shape))
    assert_array_equal(np.asarray(grad(lambda x: grad(f)(x).sum())(x)), np.zeros(shape))


def test_a_gradient_by_some_of_a_tree() -> None:
    found = grad(lambda t: t["a"] ** 2)({"a": 3.0, "b": [np.ones(2), 7]})
    assert found["a"] == 6
    assert_array_equal(found["b"][0], [0, 0])
    assert found["b"][1] is None
    assert grad(lambda t: 1.0)([2.0, Point(1.0, 2.0)]) == [0, Point(0, 0)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_in_a_result_has_no_derivative_has_zeros(dtype: Any) -> None:
    x = np.array([3.0, 1.0], dtype)

    def f(x: Any) -> Any:
        return {
            "y": x * x,
            "argmax": ag.argmax(x),
            "order": ag.argsort(x),
            "positive": x > 0,
            "count": 3,
            "flag": True,
            "float": 2.5,
            "array": np.ones((2, 1)),
            "integers": np.arange(3),
            "text": "text",
            "none": None,
        }

    out, pushed = jvp(f, [x], [x])
    assert (pushed.pop("text"), pushed.pop("none")) == (None, None)
    assert_array_equal(pushed.pop("y"), 2 * x * x)
    for name, value in pushed.items():
        assert_array_equal(value, np.zeros(np.shape(out[name])), strict=False)
        own = name in ("float", "array")
        assert value.dtype == (np.float64 if own else dtype), name
        assert isinstance(value, np.ndarray if np.ndim(out[name]) else np.floating)
    _, pull = vjp(f, x)
    cotangent = dict.fromkeys(out) | {"y": np.ones(2, dtype)}
    assert_array_equal(pull(cotangent)[0], 2 * x)
    full = cotangent | {"argmax": 0, "order": np.zeros(2), "count": 0.0, "array": np.ones((2, 1))}
    assert_array_equal(pull(full)[0], 2 * x)
    with pytest.raises(ValueError, match=r"cotangent\['order'\] has shape \(3,\), \(2,\) expected"):
        pull(cotangent | {"order": np.ones(3)})
    for name, g in (
        ("argmax", 5),
        ("order", np.array([0.0, 1.0])),
        ("positive", Tensor([True, False])),
        ("count", 1.0),
        ("flag", np.nan),
        ("integers", np.arange(3)),
        ("none", 1.0),
    ):
        words = rf"vjp: the cotangent\['{name}'\] is .*, but the output there .* no derivative"
        with pytest.raises(ValueError, match=words):
            pull(cotangent | {name: g})


# --- what is no value ----------------------------------------------------------------------------


@dataclass
class Holder:
    value: Any


VALUES: dict[str, tuple[Callable[[Any], Any], type[Exception], list[str]]] = {
    "integers": (lambda x: (x > 0).sum(), TypeError, ["int64 ()", "floats"]),
    "an int": (lambda x: 3, TypeError, ["int", "floats", "astype(float)"]),
    "a boolean": (lambda x: x.sum() > 0, TypeError, ["bool ()", "no derivative"]),
    "a bool": (lambda x: True, TypeError, ["bool", "no derivative"]),
    "argmax": (lambda x: ag.argmax(x), TypeError, ["int64 ()"]),
    "a complex number": (lambda x: 1j, TypeError, ["complex"]),
    "nothing": (lambda x: None, TypeError, ["NoneType", "return"]),
    "text": (lambda x: "a", TypeError, ["str"]),
    "a list of tensors": (lambda x: [x[0], x[1]], TypeError, ["list", "stack"]),
    "a tuple": (lambda x: (x.sum(),), TypeError, ["tuple", "stack"]),
    "an array of tensors": (
        lambda x: np.array([Holder(x)], dtype=object),
        TypeError,
        ["object (1,)", "stack"],
    ),
    "a holder": (lambda x: Holder(x.sum()), TypeError, ["Holder"]),
    "a dict": (lambda x: {"loss": x.sum()}, TypeError, ["dict"]),
}


@pytest.mark.parametrize(("f", "error", "words"), VALUES.values(), ids=VALUES)
def test_what_is_no_value(
    f: Callable[[Any], Any], error: type[Exception], words: list[str]
) -> None:
    for transform, name, of in [
        (grad, "grad", "one number expected"),
        (value_and_grad, "grad", "one number expected"),
        (jacobian, "jacobian", "one tensor expected"),
        (hessian, "grad", "one number expected"),
    ]:
        with pytest.raises(error) as caught:
            transform(f)(np.ones(2))
        message = str(caught.value)
        assert message.startswith(f"{name}: {of}")
        assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    "result",
    [
        lambda x: np.ones(3),
        lambda x: Tensor(np.ones((1, 3))),
        lambda x: x * 1,
        lambda x: np.ones(0),
    ],
)
def test_a_value_of_several_numbers(result: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match=r"grad: .*shape \(.*one number expected.*jacobian"):
        grad(result)(np.ones(2))


@pytest.mark.parametrize(
    ("hidden", "named"),
    [
        (lambda x: Holder(x * x), "Holder"),
        (lambda x: [x, {"a": Holder(x)}], "Holder"),
        (lambda x: {x}, "set"),
        (lambda x: lambda: x, "function"),
        (lambda x: MappingProxyType({"a": x}), "mappingproxy"),
        (lambda x: np.array([Holder(x), None]), "an array of objects"),
    ],
)
def test_results_in_which_a_tensor_would_be_lost(hidden: Any, named: str) -> None:
    for call, name in [
        (lambda: vjp(hidden, 1.0), "vjp"),
        (lambda: jvp(hidden, [1.0], [1.0]), "jvp"),
        (lambda: ag.checkpoint(hidden)(Tensor(1.0, requires_grad=True)), "checkpoint"),
    ]:
        with pytest.raises(TypeError, match=rf"^{name}.* returned {named}; .*lose its gradient"):
            call()


def test_aux_may_be_anything_and_comes_in_a_pair() -> None:
    holder = Holder(3)
    slope, aux = grad(lambda x: (x * x, holder), has_aux=True)(2.0)
    assert slope == 4
    assert aux is holder
    for wrong in (lambda x: x * x, lambda x: (x, x, x), lambda x: {"a": x, "b": x}):
        with pytest.raises(TypeError, match=r"grad: .*has_aux a pair"):
            grad(wrong, has_aux=True)(2.0)


@pytest.mark.parametrize("argument", [{"a": 1.0}, [1.0, 2.0], 3, Holder(1.0)])
def test_a_hessian_is_of_one_array(argument: Any) -> None:
    with pytest.raises(TypeError, match=r"hessian: argument 0 is .*; a floating number, array"):
        hessian(lambda t: 1.0)(argument)


def test_what_is_no_array_is_named_by_its_class() -> None:
    class Series:
        dtype, shape = np.dtype(float), (2,)

    with pytest.raises(TypeError, match=r"argument 0 has no floating numbers.*; Series given"):
        grad(lambda s: s.sum())(Series())


def test_a_dataclass_is_no_tree() -> None:
    with pytest.raises(TypeError, match=r"argument 0 has no floating numbers.*Holder given.*dicts"):
        grad(lambda h: h.value * 2)(Holder(1.0))


def test_constant_results_are_arrays_of_their_own() -> None:
    w = np.ones(2)
    for result in (ag.vjp(lambda x: w, 1.0)[0], ag.jvp(lambda x: w, [1.0], [1.0])[0]):
        result[0] = 9
    np.testing.assert_array_equal(w, [1, 1])
