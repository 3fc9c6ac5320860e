"""What the engine asks of ops, and none has filled in: by default it changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from autograd import Tensor, primitive
from autograd.engine.needs import Needs, needs


@pytest.fixture(autouse=True)
def _not_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    unfilled = Needs()
    for name in ("stack", "clear", "settle", "refuse_options", "explain_forward", "explain_rule"):
        monkeypatch.setattr(needs, name, getattr(unfilled, name))


@primitive
def above(x: Any, y: Any) -> Any:
    return np.greater(x, y)


@primitive
def scaled(x: Any, y: Any, by: int = 1) -> Any:
    return x * y * by


scaled.defvjp(lambda g, out, x, y, by=1: 1 / 0, None)


def test_calls_are_taken_as_they_are() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert_array_equal(above(x, [1.5, 1.0]).data, [False, True])
    assert_array_equal(scaled(x, x, by=2).data, [2, 8])


def test_errors_are_raised_as_they_are() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"^operands could not be broadcast"):
        scaled(x, np.ones(3))
    with pytest.raises(ZeroDivisionError):
        scaled(x, 3).backward(np.ones(2))
