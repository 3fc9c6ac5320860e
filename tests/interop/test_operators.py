"""Operators of Tensor take a shorter way than calls of their ops, and have to give the same."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor
from autograd.engine.keeping import LARGE
from autograd.engine.modes import mode
from autograd.engine.tape import Record
from autograd.runtime.scopes import scope

PAIRS = [
    (operator.add, ag.add),
    (operator.sub, ag.subtract),
    (operator.mul, ag.multiply),
    (operator.truediv, ag.divide),
]
SCALARS = [
    2,
    2.5,
    True,
    300,
    10**400,
    1j,
    np.float32(2),
    np.float64(2),
    np.int8(3),
    [1.0, 2.0, 3.0],
]


def tensors(rng: np.random.Generator) -> list[Tensor]:
    """Of every kind of dtype, of shapes that broadcast and of some that do not, also large."""
    found = []
    for dtype, shape in product(("f2", "f4", "f8", "i4", "u1", "?"), ((), (3,), (2, 3), (5,))):
        array = (5 + 3 * rng.standard_normal(shape)).astype(dtype)
        found += [Tensor(array, requires_grad=wants) for wants in {False, dtype[0] == "f"}]
    return [*found, Tensor(np.ones((LARGE, 1), np.float32), requires_grad=True)]


def described(call: Callable[[], Tensor]) -> Any:
    try:
        result = call()
    except (ValueError, TypeError, OverflowError) as error:
        return type(error), str(error)
    record = result._place
    recorded = None
    if isinstance(record, Record):
        assert record.arrays is not None
        sizes = [np.shape(a) for a in record.arrays]
        recorded = (record.op, sizes, record.parents, record.options, record.scope)
    array = result.data
    return type(array), array.dtype, array.shape, array.tobytes(), recorded


@pytest.mark.parametrize(("sign", "op"), PAIRS)
def test_an_operator_gives_and_records_what_its_op_does(
    sign: Any, op: Any, rng: np.random.Generator
) -> None:
    given = tensors(rng)
    outcomes = set()
    with np.errstate(all="ignore"), warnings.catch_warnings(), scope("layer"):
        warnings.simplefilter("ignore")  # of overflow in casts
        for x, y in product(given, [*given, *SCALARS]):
            short, whole = described(lambda: sign(x, y)), described(lambda: op(x, y))  # noqa: B023
            assert short == whole, (x, y)
            outcomes.add(len(short) if len(short) == 2 else short[-1] is not None)
    assert outcomes == {2, False, True}  # errors, constants and records


def test_an_operator_is_not_recorded_in_no_grad_and_is_seen_by_an_observer() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    with ag.no_grad():
        assert not (x * x).requires_grad
    with ag.debug():
        place = (x * x)._place
        assert isinstance(place, Record)
        assert place.line is not None
    assert mode.observer is None


def test_a_rule_gets_tensors_where_it_reads_more_than_their_shape() -> None:
    seen: list[Any] = []

    @ag.primitive
    def scaled(x: Any, y: Any) -> Any:
        return x * y

    def rule(g: Any, out: Any, x: Any, y: Any) -> Any:
        seen.append(y)
        return g * y if g.shape == x.shape else g

    scaled.defvjp(rule, None)
    x = Tensor([1.0, 2.0], requires_grad=True)
    scaled(x, Tensor([3.0, 4.0])).sum().backward()
    assert isinstance(seen[0], Tensor)
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, [3.0, 4.0])


# --- what is on the other side -------------------------------------------------------------------


class Length:
    """A class whose operators take whatever is on the other side; NumPy can make nothing of it."""

    def __init__(self, metres: float) -> None:
        self.metres = metres

    def __radd__(self, other: Any) -> Any:
        return "length", other

    __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __rmatmul__ = __rmod__ = __rfloordiv__ = (
        __radd__
    )
    __add__ = __sub__ = __mul__ = __radd__

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Tensor)

    def __gt__(self, other: Any) -> Any:
        return "longer", other

    __hash__ = None  # type: ignore[assignment]


class Aloof(Length):
    """The same of an array, which tells NumPy to leave its operators alone."""

    __array_ufunc__ = None

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.ones(3)


BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.pow),
    *(operator.matmul, operator.mod, operator.floordiv),
]


@pytest.mark.parametrize("other", [Length(2.0), Aloof(2.0)])
@pytest.mark.parametrize("sign", BINARY)
def test_a_class_with_operators_of_its_own_is_asked(sign: Any, other: Any) -> None:
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    name, given = sign(x, other)
    assert (name, given is x) == ("length", True)
    if sign in BINARY[:3]:
        assert sign(other, x)[1] is x


def test_a_class_with_comparisons_of_its_own_is_asked() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    for other in (Length(2.0), Aloof(2.0)):
        assert (x == other) is True
        assert (x < other)[0] == "longer"


@pytest.mark.parametrize(
    "other", [None, "a", b"a", object(), {1.0}, {"a": 1.0}, iter([1.0]), print]
)
@pytest.mark.parametrize("sign", BINARY)
def test_what_is_no_number_is_pythons_own_error(sign: Any, other: Any) -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    for left, right in ((x, other), (other, x)):
        if isinstance(left, str | bytes) and sign in (operator.add, operator.mod, operator.mul):
            continue  # text is formatted, repeated and joined
        if isinstance(right, str | bytes) and sign is operator.mul:
            continue
        with pytest.raises(TypeError, match="unsupported operand type"):
            sign(left, right)


@pytest.mark.parametrize("sign", [operator.lt, operator.le, operator.gt, operator.ge])
def test_what_is_no_number_is_neither_less_nor_greater(sign: Any) -> None:
    for other in (None, "a", object()):
        with pytest.raises(TypeError, match="not supported between"):
            sign(Tensor([1.0, 2.0]), other)


@pytest.mark.parametrize("other", [None, "a", b"a", object(), {1.0}, Tensor])
def test_what_is_no_number_equals_none(other: Any) -> None:
    for x in (Tensor([1.0, 2.0], requires_grad=True), Tensor(1), Tensor(np.ones(100_000))):
        assert (x == other, x != other, other == x, other != x) == (False, True, False, True)
        assert other not in [x]
    with pytest.raises(TypeError, match=r"^(not_)?equal: argument 1 is"):
        ag.equal(x, other)
    with pytest.raises(TypeError, match="not_equal: argument 0 is"):
        ag.not_equal(other, x)


def test_lists_and_tuples_are_arrays_on_either_side() -> None:
    a, b = Tensor(2.0, requires_grad=True), Tensor(3.0, requires_grad=True)
    x = Tensor([5.0, 7.0], requires_grad=True)
    for sign in BINARY:
        for left, right in ((x, [a, b]), ([a, b], x), (x, (a, 4.0)), ([1.0, 4.0], x)):
            result = sign(left, right)
            stacked = sign(
                *[ag.stack(v) if isinstance(v, list | tuple) else v for v in (left, right)]
            )
            np.testing.assert_array_equal(result.data, stacked.data)
            assert result.requires_grad == (sign is not operator.floordiv)
    np.testing.assert_array_equal((x > [a, 8.0]).data, [True, False])
    np.testing.assert_array_equal(([a, b] == x - 3).data, [True, False])
    np.testing.assert_array_equal((x @ [[a, 1.0], [b, 2.0]]).data, [31.0, 19.0])
    np.testing.assert_array_equal(([[a, 1.0], [b, 2.0]] @ x).data, [17.0, 29.0])
    x += [a, b]
    (x * x).sum().backward()
    assert (a.grad, b.grad) != (None, None)
    np.testing.assert_array_equal([float(a.grad or 0), float(b.grad or 0)], [14.0, 20.0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: x - [x[0], None], "subtract: argument 1: .* is NoneType"),
        (lambda x: ["a", x[0]] * x, "multiply: argument 0: .* is str"),
        (lambda x: x == [x[0], {1}], "equal: argument 1: .* is set"),
        (lambda x: x - [1.0, [2.0]], "subtract: argument 1: .*inhomogeneous"),
        (lambda x: pow(x, 2, 3), r"Tensor.__pow__\(\) takes"),
    ],
)
def test_what_is_wrong_in_a_list_is_named(call: Callable[[Any], Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        call(Tensor([1.0, 2.0], requires_grad=True))


def test_numbers_are_formatted_as_numpys() -> None:
    x = Tensor(2.5, requires_grad=True)
    assert f"{x * 2:.3f} {Tensor(3):d} {Tensor(3)}" == f"5.000 3 {Tensor(3)!s}"
    assert f"{x:>8.1e}" == f"{np.array(2.5):>8.1e}"
    with pytest.raises(TypeError, match=r"a tensor of shape \(1,\) was given the format '.3f'"):
        f"{Tensor([1.0]):.3f}"
