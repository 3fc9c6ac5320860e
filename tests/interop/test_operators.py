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
