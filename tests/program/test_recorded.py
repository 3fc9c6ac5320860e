"""What the tape knows besides values: arrays it let go, and the modules a record was made in."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd import Tensor, exp
from autograd.engine.keeping import LARGE, Dropped
from autograd.engine.tape import Record
from autograd.program.taping import calls_of_tape
from autograd.runtime.scopes import scope


def test_large_arrays_that_were_let_go_are_computed_again(rng: np.random.Generator) -> None:
    x = rng.standard_normal(LARGE // 8)
    leaf = Tensor(x, requires_grad=True)
    total = leaf
    for _ in range(2000):  # deeper than the interpreter's stack; add keeps none of its arguments
        total = total + 1e-3
    y = exp(total + 0).sum()
    records = calls_of_tape(y).records
    assert any(isinstance(record.out, Dropped) for record in records)
    taped = calls_of_tape(y)
    expected = x.copy()
    for record in records[:-2]:
        added = record.arrays[1]  # type: ignore[index]
        np.testing.assert_array_equal(taped.arrays(record)[0], expected)
        expected = expected + added
        np.testing.assert_array_equal(taped.out(record), expected)
    whole = taped.full(records[-1])
    assert not isinstance(whole.arrays[0], Dropped)  # type: ignore[index]
    np.testing.assert_array_equal(whole.arrays[0], np.exp(expected))  # type: ignore[index]


def test_a_freed_tape_has_no_values() -> None:
    x = Tensor(2.0, requires_grad=True)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match="freed"):
        calls_of_tape(y)


def test_records_carry_the_modules_they_were_made_in() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU())

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) * 2

    y = Twice()(Tensor(np.ones((1, 2), np.float32)))
    scopes = [r.scope for r in calls_of_tape(y).records if isinstance(r, Record)]
    assert ("Twice", "inner (Sequential)", "0 (Linear)") in scopes
    assert ("Twice", "inner (Sequential)", "1 (ReLU)") in scopes
    assert scopes[-1] == ("Twice",)


def test_a_scope_ends_with_its_block() -> None:
    x = Tensor(1.0, requires_grad=True)
    with pytest.raises(ZeroDivisionError), scope("outer"), scope("inner"):
        assert (x + 1)._place.scope == ("outer", "inner")  # type: ignore[union-attr]
        raise ZeroDivisionError
    assert (x + 1)._place.scope == ()  # type: ignore[union-attr]


def test_what_was_let_go_is_known_by_those_that_kept_it(rng: np.random.Generator) -> None:
    x = Tensor(rng.random(LARGE // 8), requires_grad=True)
    y = x + 1.0  # whose result add does not keep
    loss = (y * y).sum()
    taped = calls_of_tape(loss)
    record = y._place
    assert isinstance(record, Record)
    assert isinstance(record.out, Dropped)
    assert not taped.rebound
    assert taped.program.calls[1].reads() == [taped.slots[record.serial, 0]] * 2
    np.testing.assert_array_equal(taped.at(record), y.data)


def test_an_array_that_a_tensor_was_bound_to_since_is_a_constant(rng: np.random.Generator) -> None:
    x = Tensor(rng.random(3), requires_grad=True)
    before, first = x * x, x.data
    x.data = first + 1
    taped = calls_of_tape((before * x).sum())
    assert x._place is not None
    (slot, place), *others = taped.rebound.items()
    assert not others
    assert place == taped.slots[x._place.serial, 0]
    np.testing.assert_array_equal(taped.program.constants[slot].array, x.data)
    np.testing.assert_array_equal(taped.at(x._place), first)
