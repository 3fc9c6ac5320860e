"""What hooks of modules may return, and what optimizers take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from autograd import Tensor

X = Tensor(np.ones((1, 2), np.float32))


@pytest.mark.parametrize("value", [np.ones((1, 2)), False, 3.0])
def test_a_hook_returns_tensors_for_tensors(value: Any) -> None:
    name = type(value).__name__
    after, before = nn.Linear(2, 2), nn.Linear(2, 2)
    after.register_forward_hook(lambda *_: value)
    before.register_forward_pre_hook(lambda *_: value)
    with pytest.raises(TypeError, match=f"Linear: a forward hook returned {name}"):
        after(X)
    with pytest.raises(TypeError, match=f"Linear: a forward pre-hook returned {name}"):
        before(X)


def test_a_hook_that_returns_a_tensor_takes_its_place() -> None:
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda module, args, out: out * 0)
    assert not layer(X).data.any()


@pytest.mark.parametrize("kind", [nn.optim.SGD, nn.optim.Adam])
def test_what_no_step_can_move_is_refused(kind: Any) -> None:
    weight = nn.Linear(2, 2).weight
    assert weight is not None
    with pytest.raises(ValueError, match=r"a computed tensor of shape \(2, 2\)"):
        kind([weight * 1], lr=0.1)
    with pytest.raises(ValueError, match=r"a constant tensor of shape \(3,\)"):
        kind([Tensor(np.ones(3))], lr=0.1)
    weight.requires_grad = False  # frozen: it may be thawed
    kind([weight], lr=0.1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"lr": "a"}, "lr='a' given, a number expected"),
        ({"lr": None}, "lr=None given, a number expected"),
        ({"lr": 0.1, "dampening": float("nan")}, "dampening=nan given, at least 0 expected"),
        ({"lr": 0.1, "momentum": "b"}, "momentum='b' given, a number expected"),
        ({"lr": 0.1, "nesterov": None}, "nesterov=None given, a bool expected"),
        ({"lr": 0.1, "maximize": "no"}, "maximize='no' given, a bool expected"),
    ],
)
def test_options_of_another_type_are_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"SGD: {told}"):
        nn.optim.SGD(nn.Linear(2, 2).parameters(), **options)


@pytest.mark.parametrize("betas", [0.9, None, ("a", 0.9)])
def test_betas_of_another_type_are_named(betas: Any) -> None:
    with pytest.raises(TypeError, match=r"Adam: betas=.* given, two numbers expected"):
        nn.optim.Adam(nn.Linear(2, 2).parameters(), betas=betas)


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(2), nn.GroupNorm(1, 2)])
def test_normalisations_take_lists_of_tensors(layer: Any) -> None:
    rows = [Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 5.0], requires_grad=True)]
    out = layer(rows)
    assert out.shape == (2, 2)
    (out * out.data).sum().backward()
    assert all(row.grad is not None for row in rows)
