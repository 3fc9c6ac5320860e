"""Where ops are recorded and where not: no_grad, enable_grad, detach, integers."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad, identity, leaf, records

from autograd import Tensor, enable_grad, exp, no_grad, value_and_grad, vjp
from autograd import grad as grad_of
from autograd.engine.modes import Observer, mode
from autograd.engine.tape import Record


def test_recording_nests_and_is_restored() -> None:
    assert records()
    with no_grad():
        assert not records()
        with enable_grad():
            assert records()
            with no_grad():
                assert not records()
            assert records()
        assert not records()
    assert records()


def test_one_manager_can_be_entered_again() -> None:
    off = no_grad()
    with off:
        with off:
            assert not records()
        assert not records()
    assert records()


def test_recording_is_restored_after_an_exception() -> None:
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert records()


def test_recording_is_restored_after_an_exception_in_a_rule() -> None:
    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        raise KeyError

    with pytest.raises(KeyError):
        identity(rule)(leaf(1.0)).backward()
    assert records()


def test_recording_as_decorator() -> None:
    @no_grad()
    def off(n: int) -> list[bool]:
        """Docstring."""
        return [records(), *(off(n - 1) if n else on())]

    @enable_grad()
    def on() -> list[bool]:
        return [records()]

    assert off(2) == [False, False, False, True]
    assert records()
    assert (off.__name__, off.__doc__) == ("off", "Docstring.")


def test_a_task_keeps_what_held_where_it_began() -> None:
    """As asyncio's tasks do: they go on after whoever began them has left the block."""
    with no_grad():
        begun = copy_context()
    assert records()
    assert not begun.run(records)


def test_a_mode_that_there_is_not_is_told_as_of_any_object() -> None:
    assert not hasattr(mode, "recordings")


def test_what_was_computed_in_no_grad_is_a_constant() -> None:
    x = leaf(2.0)
    with no_grad():
        y = x * x
        assert y.is_leaf
    (y * x).backward()
    assert grad(x) == 4


def test_detach() -> None:
    x = leaf(2.0, 3.0)
    y = x * x
    cut = y.detach()
    assert cut.data is y.data
    assert not cut.requires_grad
    (cut * x).sum().backward()
    assert_array_equal(grad(x), [4, 9])


def test_an_integer_tensor_carries_no_gradient() -> None:
    """The derivative of truncation is zero almost everywhere; a gradient cast to integers is not
    anything."""
    x = leaf(1.7, -2.2)
    y = x.astype(np.int64)
    assert not y.requires_grad
    (y * x).sum().backward()
    assert_array_equal(grad(x), [1, -2])


class Recorded(Observer):
    def __init__(self) -> None:
        self.ops: list[str] = []

    def recorded(self, record: Record) -> None:
        self.ops.append(record.op.name)


def test_a_derivative_that_nobody_differentiates_is_not_recorded() -> None:
    def recorded(transform: Callable[[], Any]) -> list[str]:
        observer = Recorded()
        mode.observer = observer
        try:
            transform()
        finally:
            mode.observer = None
        return observer.ops

    def f(x: Any) -> Tensor:
        return exp(x * x).sum()

    x, forward = np.array([0.5, 1.0]), ["multiply", "exp", "sum"]
    assert recorded(lambda: grad_of(f)(x)) == forward
    assert recorded(lambda: value_and_grad(f)(Tensor(x))) == forward
    assert recorded(lambda: vjp(f, x)[1](1.0)) == forward
    assert len(recorded(lambda: grad_of(lambda x: grad_of(f)(x).sum())(x))) > 2 * len(forward)
