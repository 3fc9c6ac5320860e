"""The methods of tensors that arrays have too, and those of them whose results are constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad

import autograd as ag
from autograd import Tensor, no_grad

METHODS: list[tuple[str, tuple[Any, ...]]] = [
    *((name, ()) for name in ("all", "any", "argmax", "argmin", "cumprod", "cumsum", "flatten")),
    *((name, ()) for name in ("max", "mean", "min", "prod", "ravel", "squeeze", "std", "sum")),
    *((name, ()) for name in ("argsort", "diagonal", "trace", "var")),
    *((name, (1,)) for name in ("all", "any", "argmax", "argmin", "cumprod", "cumsum", "argsort")),
    *((name, (1,)) for name in ("max", "mean", "min", "prod", "repeat", "std", "take", "var")),
    *(("repeat", (2, 0)), ("take", ([1, 0], 1)), ("squeeze", (2,)), ("diagonal", (1, 1, 0))),
]


@pytest.mark.parametrize(("name", "args"), METHODS)
def test_methods_are_those_of_arrays(name: str, args: tuple[Any, ...]) -> None:
    x = np.array([[[0.5], [2], [0]], [[-1], [3], [0.25]]])
    out = getattr(Tensor(x), name)(*args)
    expected = np.asarray(getattr(x, name)(*args))
    assert_allclose(out.data, expected, 1e-15)
    assert out.dtype == expected.dtype
    assert_array_equal(Tensor(x).T.data, x.T)


def test_constants_have_no_gradient() -> None:
    x = Tensor([[1.0, 0.0], [3.0, 4.0]], requires_grad=True)
    for out in (x.argmax(), x.argsort(), ag.count_nonzero(x), x.all(), x.any(0), *ag.nonzero(x)):
        assert isinstance(out, Tensor)
        assert not out.requires_grad


def test_a_tensor_prints_as_what_it_holds_and_how_it_was_computed() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert repr(Tensor([1.5, 2.0])) == "Tensor([1.5, 2. ])"
    assert repr(Tensor([1, 2])) == "Tensor([1, 2])"
    assert repr(Tensor(True)) == "Tensor(True)"
    assert repr(Tensor([1.0], dtype=np.float32)) == "Tensor([1.], dtype=float32)"
    assert repr(x) == "Tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "Tensor([2., 4.], op=multiply)"
    assert repr(ag.split(x, 2)[1]) == "Tensor([2.], op=split)"  # one of several outputs
    assert repr(Tensor([[1, 2], [3, 4]])) == "Tensor([[1, 2],\n        [3, 4]])"


def test_a_tensor_of_one_element_is_a_number_where_one_is_asked_for() -> None:
    for x in (Tensor(2.5), Tensor([[2.5]])):
        assert (float(x), int(x), bool(x), x.item()) == (2.5, 2, True, 2.5)
    assert bool(Tensor([0.0])) is False
    assert (len(Tensor([[1, 2], [3, 4], [5, 6]])), [x.item() for x in Tensor([7, 8])]) == (
        3,
        [7, 8],
    )
    assert np.array([10, 20, 30])[int(Tensor(1))] == 20


def test_a_tensor_of_a_tensor_keeps_its_history() -> None:
    constant = Tensor([1.0, 2.0])
    assert Tensor(constant).data is constant.data
    assert not Tensor(constant).requires_grad
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    assert Tensor(y).data is y.data
    (Tensor(y) * Tensor(x) + Tensor(y, dtype=np.float32)).sum().backward()
    np.testing.assert_array_equal(grad(x), 6 * x.data + 3)
    assert Tensor(3).data == Tensor(Tensor(3)).data
    with no_grad():
        assert not Tensor(y).requires_grad
        assert Tensor(y, requires_grad=False).is_leaf


def test_a_leaf_is_not_made_of_what_has_a_history() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    for data in (x, x * 2, [x[0], 1.0], [[x[0]], [x[1]]]):
        with pytest.raises(ValueError, match=r"requires_grad=True asks for a leaf.*detach\(\)"):
            Tensor(data, requires_grad=True)
    assert Tensor(x.detach(), requires_grad=True).is_leaf


def test_what_wants_a_gradient() -> None:
    x = Tensor(2.0)
    x.requires_grad = True
    y = x * x
    y.requires_grad = True  # as it does already
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == 4
    x.requires_grad = False
    assert not (x * x).requires_grad
    assert [t.is_leaf for t in (x, y, y.detach())] == [True, False, True]
