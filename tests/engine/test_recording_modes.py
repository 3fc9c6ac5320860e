"""Where ops are recorded and where not: no_grad, enable_grad, detach, integers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad, identity, leaf, records

from autograd import Tensor, enable_grad, no_grad


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
