"""Directions that are arrays by their own word, and trees and lists that hold themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad as grad_of

import autograd as ag
import nn
from autograd import Tensor, grad, hvp, jvp, vjp


class Labelled:
    """As a Series of pandas: an array, by its own word."""

    def __init__(self, *values: float) -> None:
        self.values = np.array(values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.values, dtype=dtype)


def test_directions_that_are_arrays_by_their_own_word() -> None:
    x, g = np.array([1.0, 2.0]), Labelled(3.0, 4.0)
    assert_array_equal(vjp(lambda x: x * x, x)[1](g)[0], [6, 16])
    assert_array_equal(vjp(lambda x: {"y": x * x}, x)[1]({"y": g})[0], [6, 16])
    assert_array_equal(jvp(lambda x: x * x, [x], [g])[1], [6, 16])
    assert_array_equal(hvp(lambda x: (x**3).sum(), [x], [g]), [18, 48])
    t = Tensor(x, requires_grad=True)
    (t * t).backward(g)
    assert_array_equal(grad_of(t), [6, 16])
    for wrong in (Labelled(3.0), Labelled("a", "b")):  # type: ignore[arg-type]
        with pytest.raises((ValueError, TypeError), match="vjp: the cotangent"):
            vjp(lambda x: x * x, x)[1](wrong)


# --- trees without end ---------------------------------------------------------------------------


def _endless() -> dict[str, Any]:
    own: list[Any] = [1.0]
    own.append(own)
    twice: list[Any] = []
    twice += [twice, twice]
    tensors: list[Any] = [Tensor(1.0, requires_grad=True)]
    tensors.append((tensors,))
    deep: list[Any] = [Tensor(1.0, requires_grad=True)]
    for _ in range(5000):
        deep = [deep]
    return {"own": own, "twice": twice, "tensors": tensors, "deep": deep}


@pytest.mark.parametrize("name", _endless())
def test_what_holds_itself_is_refused(name: str) -> None:
    endless, x = _endless()[name], Tensor([1.0, 2.0], requires_grad=True)
    a_dict: dict[str, Any] = {}
    a_dict["again"] = [a_dict, endless]
    module = nn.Linear(2, 2)
    for use in (
        lambda: Tensor(endless),
        lambda: ag.sum(endless),
        lambda: x + endless,
        lambda: np.multiply(endless, x),
        lambda: ag.stack([endless, endless]),
        lambda: ag.where(endless, x, 0.0),
        lambda: x[endless],
        lambda: x.backward(endless),
        lambda: grad(lambda t: 1.0)(endless),
        lambda: grad(lambda t: 1.0)(a_dict),
        lambda: vjp(lambda t: endless, x),
        lambda: ag.checkpoint(lambda t: a_dict)(x),
        lambda: ag.stop_gradient(a_dict),
        lambda: setattr(module, "state", endless),
        lambda: nn.functional.linear(endless, module.weight),
        lambda: nn.optim.SGD([x], lr=endless),
    ):
        with pytest.raises(ValueError, match="holds itself, or is nested deeper than"):
            use()


def test_trees_of_many_levels_are_no_trees_without_end() -> None:
    deep: Any = 3.0
    for _ in range(150):
        deep = [deep]
    assert str(ag.stop_gradient(deep)) == str(deep)
    assert str(grad(lambda t: 1.0)(deep)).count("[") == 150


@pytest.mark.parametrize(
    "transform",
    [ag.grad, ag.value_and_grad, ag.jacobian, ag.hessian, ag.checkpoint, ag.vjp],
    ids=lambda f: f.__name__,
)
def test_what_is_no_function_is_told_at_once(transform: Any) -> None:
    for given in (3.0, Tensor(2.0, requires_grad=True) * 2, None):
        with pytest.raises(TypeError, match=f"{type(given).__name__} given, a function expected"):
            transform(given)


@pytest.mark.parametrize("transform", [ag.jvp, ag.hvp])
def test_primals_that_are_in_no_list_are_told(transform: Any) -> None:
    for primals, tangents, what in ((3.0, 1.0, "primals"), ((3.0,), 1.0, "tangents")):
        with pytest.raises(TypeError, match=f"{transform.__name__}: {what}.*a list or tuple of"):
            transform(lambda x: x**3, primals, tangents)


def test_a_pullback_is_differentiated_by_one_of_its_cotangents() -> None:
    """The other is constant, and first or last; nothing else here wants a gradient."""
    _, pull = vjp(lambda x: (x**2, x**3), 2.0)
    for wanted, slope in ((0, 4.0), (1, 12.0)):
        u = Tensor(3.0, requires_grad=True)
        pull(tuple(u * u if i == wanted else 1.0 for i in range(2)))[0].backward()
        assert grad_of(u) == pytest.approx(6.0 * slope)
