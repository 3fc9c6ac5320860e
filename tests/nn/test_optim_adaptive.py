"""Adam, AdamW, RMSprop and Adagrad against arithmetic by hand; and what holds of all optimizers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Tensor
from nn.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "SGD": SGD,
    "Adam": Adam,
    "AdamW": AdamW,
    "RMSprop": RMSprop,
    "Adagrad": Adagrad,
}
every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def slope(p: float) -> float:
    """The derivative of p^4 - p^2 + p."""
    return 4 * p**3 - 2 * p + 1


def adam(
    p: float,
    steps: int,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    maximize: bool = False,
    decoupled: bool = False,
) -> list[float]:
    m = v = largest = 0.0
    trajectory = []
    for t in range(1, steps + 1):
        g = -slope(p) if maximize else slope(p)
        if decoupled:
            p = p - lr * weight_decay * p
        else:
            g += weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        largest = max(largest, v)
        corrected = (largest if amsgrad else v) / (1 - betas[1] ** t)
        p = p - lr * m / (1 - betas[0] ** t) / (corrected**0.5 + eps)
        trajectory.append(p)
    return trajectory


def adamw(p: float, steps: int, weight_decay: float = 1e-2, **settings: Any) -> list[float]:
    return adam(p, steps, weight_decay=weight_decay, decoupled=True, **settings)


def rmsprop(
    p: float,
    steps: int,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
) -> list[float]:
    v = mean = u = 0.0
    trajectory = []
    for _ in range(steps):
        g = slope(p) + weight_decay * p
        v = alpha * v + (1 - alpha) * g * g
        mean = alpha * mean + (1 - alpha) * g
        u = momentum * u + g / ((v - mean * mean if centered else v) ** 0.5 + eps)
        p = p - lr * u
        trajectory.append(p)
    return trajectory


def adagrad(
    p: float,
    steps: int,
    lr: float = 1e-2,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
) -> list[float]:
    v = initial_accumulator_value
    trajectory = []
    for t in range(steps):
        g = slope(p) + weight_decay * p
        v += g * g
        p = p - lr / (1 + t * lr_decay) * g / (v**0.5 + eps)
        trajectory.append(p)
    return trajectory


BY_HAND: dict[str, Callable[..., list[float]]] = {
    "Adam": adam,
    "AdamW": adamw,
    "RMSprop": rmsprop,
    "Adagrad": adagrad,
}
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "Adam": [
        {},
        {"lr": 0.1},
        {"lr": 0.1, "betas": (0.5, 0.7)},
        {"lr": 0.1, "eps": 0.1},
        {"lr": 0.1, "weight_decay": 0.5},
        {"lr": 0.1, "betas": (0.5, 0.7), "amsgrad": True},
        {"lr": 0.01, "maximize": True},
    ],
    "AdamW": [{}, {"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.5}],
    "RMSprop": [
        {},
        {"lr": 0.02, "alpha": 0.5},
        {"lr": 0.02, "eps": 0.1},
        {"lr": 0.02, "weight_decay": 0.5},
        {"lr": 0.02, "momentum": 0.5},
        {"lr": 0.02, "momentum": 0.5, "centered": True},
    ],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.3},
        {"lr": 0.1, "weight_decay": 0.5},
        {"lr": 0.1, "initial_accumulator_value": 2.0},
        {"lr": 0.1, "eps": 0.5},
    ],
}
CASES = [(name, settings) for name, several in SETTINGS.items() for settings in several]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
@pytest.mark.parametrize("shape", [(), (2,)])
def test_optimizers_follow_the_loops_written_by_hand(
    name: str, settings: dict[str, Any], shape: tuple[int, ...]
) -> None:
    starts = np.broadcast_to([0.9, -0.4], (2,)) if shape else np.array(0.9)
    p = nn.Parameter(starts.copy())
    optimizer = OPTIMIZERS[name]([p], **settings)
    trajectory = []
    for _ in range(20):
        optimizer.zero_grad()
        (p**4 - p**2 + p).sum().backward()
        optimizer.step()
        trajectory.append(p.data)
    expected = [BY_HAND[name](float(start), 20, **settings) for start in starts.ravel()]
    found = np.array(trajectory).reshape(20, -1).T
    np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_lead_to_different_places(name: str) -> None:
    # Or the test above could pass for an optimizer that ignores an argument.
    ends = [BY_HAND[name](0.9, 20, **settings)[-1] for settings in SETTINGS[name]]
    assert np.diff(sorted(ends)).min() > 1e-4


# --- what holds of all optimizers ----------------------------------------------------------------


@every_optimizer
def test_numpys_numbers_keep_float32_and_scalars_stay_arrays(name: str) -> None:
    p, q = nn.Parameter(np.ones(2, np.float32)), nn.Parameter(np.ones((), np.float32))
    settings: dict[str, Any] = {"lr": np.float64(0.1), "weight_decay": np.float64(0.1)}
    if name.startswith("Adam"):
        settings |= {"betas": (np.float64(0.9), np.float64(0.99)), "amsgrad": True}
    if name in ("SGD", "RMSprop"):
        settings["momentum"] = np.float64(0.9)
    optimizer = OPTIMIZERS[name]([p, q], **settings)
    for _ in range(3):
        for each in (p, q):
            each.grad = Tensor(np.full(each.shape, 0.5, np.float32))
        optimizer.step()
        assert all(type(each.data) is np.ndarray for each in (p, q))
        assert {p.dtype, q.dtype} == {np.dtype(np.float32)}
        assert q.shape == ()
    arrays = [v for state in optimizer.state.values() for k, v in state.items() if k != "step"]
    assert arrays
    assert {(type(a), a.dtype) for a in arrays} == {(np.ndarray, np.dtype(np.float32))}


@every_optimizer
def test_no_array_is_written_into(name: str) -> None:
    settings = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    p = nn.Parameter(np.array([1.0, 2.0]))
    optimizer = OPTIMIZERS[name]([p], lr=0.1, weight_decay=0.1, **settings)
    arrays = []
    for _ in range(3):
        p.grad = Tensor(np.array([1.0, -0.5]))
        arrays += [(a, a.copy()) for a in (p.data, p.grad.data)]
        optimizer.step()
    for array, before in arrays:
        np.testing.assert_array_equal(array, before)
    assert not np.shares_memory(arrays[0][0], p.data)


@every_optimizer
def test_a_gradient_cleared_in_place_is_not_forgotten(name: str) -> None:
    # What the optimizer remembers shares no memory with it.
    settings = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    ends = []
    for cleared in (False, True):
        p = nn.Parameter(np.array([1.0]))
        optimizer = OPTIMIZERS[name]([p], **settings)
        p.grad = Tensor(np.array([1.0]))
        optimizer.step()
        if cleared:
            p.grad.data[...] = 7.0
        p.grad = Tensor(np.array([0.5]))
        optimizer.step()
        ends.append(p.data)
    np.testing.assert_array_equal(ends[0], ends[1])


@every_optimizer
def test_a_parameter_without_a_gradient_waits(name: str) -> None:
    p, idle = nn.Parameter(np.array([1.0])), nn.Parameter(np.array([2.0]))
    optimizer = OPTIMIZERS[name]([p, idle], lr=0.1, weight_decay=0.1)
    before = idle.data
    p.grad = Tensor(np.array([1.0]))
    optimizer.step()
    assert idle.data is before  # no weight decay either
    assert list(optimizer.state_dict()["state"]) in ([0], [])
    # Its first step is a first step, however many the others took.
    alone = nn.Parameter(np.array([2.0]))
    fresh = OPTIMIZERS[name]([alone], lr=0.1, weight_decay=0.1)
    for each, stepping in ((idle, optimizer), (alone, fresh)):
        each.grad = Tensor(np.array([3.0]))
        stepping.step()
    np.testing.assert_array_equal(idle.data, alone.data)
    assert not np.array_equal(idle.data, before)


@every_optimizer
def test_maximize_is_the_way_up(name: str) -> None:
    ends = []
    for maximize, sign in ((True, 1.0), (False, -1.0)):
        p = nn.Parameter(np.array([1.0]))
        optimizer = OPTIMIZERS[name]([p], lr=0.1, maximize=maximize)
        for g in (1.0, -0.25):
            p.grad = Tensor(np.array([sign * g]))
            optimizer.step()
        ends.append(p.data)
    np.testing.assert_array_equal(ends[0], ends[1])


@every_optimizer
def test_a_closure_computes_the_loss_anew(name: str) -> None:
    p = nn.Parameter(np.array([1.0]))
    optimizer = OPTIMIZERS[name]([p], lr=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    losses = [optimizer.step(closure) for _ in range(3)]
    values = [loss.item() for loss in losses if loss is not None]
    assert values[0] == 1.0
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 3
    assert optimizer.step() is None


@every_optimizer
def test_a_copy_of_model_and_optimizer_goes_its_own_way(name: str) -> None:
    p = nn.Parameter(np.array([1.0]))
    optimizer = OPTIMIZERS[name]([p])
    p.grad = Tensor(np.array([1.0]))
    optimizer.step()
    before = p.data
    twin, twins_p = copy.deepcopy((optimizer, p))
    assert twin.params[0] is twins_p
    twins_p.grad = Tensor(np.array([1.0]))
    twin.step()
    assert p.data is before
    p.grad = Tensor(np.array([1.0]))
    optimizer.step()
    np.testing.assert_array_equal(twins_p.data, p.data)  # it went on from the same state


BAD_SETTINGS: list[tuple[str, dict[str, Any], str]] = [
    *((name, {"lr": -1.0}, "lr=-1.0 given") for name in OPTIMIZERS),
    *((name, {"weight_decay": float("nan")}, "weight_decay=nan given") for name in OPTIMIZERS),
    *((name, {"eps": -1e-8}, "eps=-1e-08 given") for name in OPTIMIZERS if name != "SGD"),
    ("Adam", {"betas": (0.9, 1.0)}, r"betas=\(0.9, 1.0\) given, two from 0 to below 1"),
    ("AdamW", {"betas": (0.9,)}, r"betas=\(0.9,\) given, two from 0"),
    ("RMSprop", {"alpha": -0.1}, "alpha=-0.1 given"),
    ("RMSprop", {"momentum": -0.1}, "momentum=-0.1 given"),
    ("Adagrad", {"lr_decay": -0.1}, "lr_decay=-0.1 given"),
    ("Adagrad", {"initial_accumulator_value": -1.0}, "initial_accumulator_value=-1.0 given"),
]


@pytest.mark.parametrize(("name", "settings", "said"), BAD_SETTINGS, ids=str)
def test_options_out_of_range_are_refused(name: str, settings: dict[str, Any], said: str) -> None:
    p = nn.Parameter(np.ones(2))
    with pytest.raises(ValueError, match=f"{name}: {said}"):
        OPTIMIZERS[name]([p], **settings)
    with pytest.raises(ValueError, match=f"{name}: {said}"):
        OPTIMIZERS[name]([{"params": [p]} | settings])
