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
