"""Parameters keep their dtype, whatever that of gradients, options and remembered numbers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import nn
from autograd import Tensor
from nn.optim import SGD, Adagrad, Adam, AdamW, RMSprop

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": SGD,
    "momentum": lambda p, lr: SGD(p, lr, momentum=0.9, weight_decay=0.1, nesterov=True),
    "Adam": lambda p, lr: Adam(p, lr, weight_decay=0.1, amsgrad=True),
    "AdamW": AdamW,
    "RMSprop": lambda p, lr: RMSprop(p, lr, momentum=0.5, centered=True),
    "Adagrad": lambda p, lr: Adagrad(p, lr, lr_decay=0.1),
}
each = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
RATES = [
    *(Tensor(0.125), Tensor([0.125]), np.float64(0.125), np.float32(0.125), np.array(0.125)),
    *(np.array([[0.125]]), Fraction(1, 8), Decimal("0.125"), Tensor(0.125, dtype=np.float32)),
]


def moved(optimizer: Callable[..., Any], lr: Any, dtype: Any = np.float32, g: Any = None) -> Any:
    p = nn.Parameter(np.array([1.0, -2.0], dtype))
    for step in range(3):
        p.grad = Tensor(np.array([0.5, step], dtype))
        if g is not None:
            p.grad.data = g(p.grad.data)
        if step == 0:
            made = optimizer([p], lr)
        made.step()
    return p.data, made


@each
@pytest.mark.parametrize("lr", RATES, ids=lambda lr: f"{type(lr).__name__}{np.shape(lr)}")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_rate_of_any_kind(optimizer: Callable[..., Any], lr: Any, dtype: Any) -> None:
    data, made = moved(optimizer, lr, dtype)
    assert type(data) is np.ndarray
    assert data.dtype == dtype
    assert type(made.lr) is float
    assert_array_equal(data, moved(optimizer, 0.125, dtype)[0])
    for state in made.state.values():
        assert {v.dtype for v in state.values() if isinstance(v, np.ndarray)} <= {np.dtype(dtype)}


@each
@pytest.mark.parametrize("wide", [np.float64, np.longdouble])
def test_a_wider_gradient(optimizer: Callable[..., Any], wide: Any) -> None:
    data, _ = moved(optimizer, 0.125, g=lambda g: g.astype(wide))
    assert data.dtype == np.float32
    assert_array_equal(data, moved(optimizer, 0.125)[0])


@each
def test_remembered_numbers_of_another_dtype(optimizer: Callable[..., Any]) -> None:
    model = nn.Linear(2, 2, rng=np.random.default_rng(0)).to(np.float64)
    made = optimizer(model.parameters(), 0.1)
    for dtype in (np.float64, np.float32, np.float64):
        model.zero_grad().to(dtype)
        model(Tensor(np.ones((1, 2), dtype))).sum().backward()
        made.step()
        assert {p.dtype for p in model.parameters()} == {np.dtype(dtype)}


@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.1, "momentum": np.float64(0.5)},
        {"lr": 0.1, "momentum": Tensor(0.5), "dampening": Tensor(0.25)},
        {"lr": 0.1, "weight_decay": np.array(0.5)},
        {"lr": Tensor(0.1), "weight_decay": Fraction(1, 2)},
    ],
)
def test_options_of_any_kind(options: dict[str, Any]) -> None:
    plain = {k: float(v.item() if hasattr(v, "item") else v) for k, v in options.items()}
    found, expected = (
        moved(lambda p, lr, o=o: SGD(p, **o), None)[0]  # type: ignore[misc]
        for o in (options, plain)
    )
    assert found.dtype == np.float32
    assert_array_equal(found, expected)
    betas = moved(lambda p, lr: Adam(p, lr, betas=(Tensor(0.9), np.float64(0.99))), 0.1)[0]
    assert_array_equal(betas, moved(lambda p, lr: Adam(p, lr, betas=(0.9, 0.99)), 0.1)[0])


def test_options_that_change_between_steps() -> None:
    p = nn.Parameter(np.ones(2, np.float32))
    made = SGD([p], 0.1)
    p.grad = Tensor(np.ones(2, np.float32))
    made.param_groups[0]["lr"] = Tensor(0.5)
    made.step()
    made.lr = np.float64(0.25)  # type: ignore[assignment]
    made.step()
    assert_array_equal(p.data, np.float32([0.25, 0.25]))
    assert p.dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (
            lambda p: SGD(p, Tensor(0.1, requires_grad=True)),
            TypeError,
            "^SGD: the option 'lr'",
        ),
        (
            lambda p: Adam(p, Tensor(0.1, requires_grad=True) * 2),
            TypeError,
            "^Adam: the option 'lr'",
        ),
        (lambda p: SGD(p, 0.1, momentum=nn.Parameter(0.5)), TypeError, "^SGD: the option 'mom"),
        (
            lambda p: Adam(p, betas=(Tensor(0.9, requires_grad=True), 0.9)),
            TypeError,
            "^Adam: the option 'betas'",
        ),
        (lambda p: SGD(p, np.ones(2)), ValueError, r"^SGD: lr: shape \(2,\) given, one number"),
        (lambda p: SGD(p, Tensor([0.1, 0.2])), ValueError, r"^SGD: lr: shape \(2,\) given"),
        (lambda p: SGD(p, 0.1, weight_decay=np.ones((2, 1))), ValueError, "^SGD: weight_decay: "),
    ],
)
def test_options_that_are_refused(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong([nn.Parameter(np.ones(2, np.float32))])


@pytest.mark.parametrize("shape", [(), (1,), (2, 1), (3,)])
def test_a_gradient_of_another_shape_is_not_broadcast(shape: tuple[int, ...]) -> None:
    p = nn.Parameter(np.ones(2, np.float32))
    p.grad = Tensor(np.ones(2, np.float32))
    p.grad.data = np.ones(shape, np.float32)
    with pytest.raises(ValueError, match=r"SGD: a parameter of shape \(2,\) has a gradient of sh"):
        SGD([p], 0.1).step()
    assert_array_equal(p.data, [1, 1])
