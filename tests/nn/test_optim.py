"""SGD and the one-cycle schedule against arithmetic written out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import nn
from autograd import Tensor
from nn.optim import SGD
from nn.schedule import OneCycleLR

Array = NDArray[Any]

# --- SGD -----------------------------------------------------------------------------------------

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "decay": {"weight_decay": 0.1},
    "momentum": {"momentum": 0.9},
    "dampened": {"momentum": 0.8, "dampening": 0.3},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "momentum-decay": {"momentum": 0.7, "weight_decay": 0.05, "dampening": 0.5},
    "nesterov-decay": {"momentum": 0.7, "weight_decay": 0.05, "nesterov": True},
}


def slope(p: float) -> float:
    """The derivative of `loss`."""
    return 4 * p**3 - 2 * p + 1


def loss(p: Tensor) -> Tensor:
    """p^4 - p^2 + p: neither constant nor linear slopes."""
    return (p**4 - p**2 + p).sum()


def trajectory_by_hand(
    p: float,
    steps: int,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> list[float]:
    trajectory = []
    v = 0.0
    for step in range(steps):
        g = slope(p) + weight_decay * p
        v = g if step == 0 else momentum * v + (1 - dampening) * g
        if momentum == 0:
            move = g
        elif nesterov:
            move = g + momentum * v
        else:
            move = v
        p = p - lr * move
        trajectory.append(p)
    return trajectory


def parameters(*values: Any, dtype: Any = np.float64) -> list[nn.Parameter]:
    return [nn.Parameter(np.array(value, dtype)) for value in values]


def set_gradients(parameters: Iterable[nn.Parameter], value: float) -> None:
    for p in parameters:
        p.grad = Tensor(np.full_like(p.data, value))


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("shape", [(), (2,)])
def test_sgd_follows_the_loop_written_by_hand(
    settings: dict[str, Any], shape: tuple[int, ...]
) -> None:
    starts = np.broadcast_to([0.9, -0.4], (2,)) if shape else np.array(0.9)
    (p,) = parameters(starts)
    optimizer = SGD([p], lr=0.05, **settings)
    trajectory = []
    for _ in range(20):
        optimizer.zero_grad()
        loss(p).backward()
        optimizer.step()
        trajectory.append(p.data)
    expected = [trajectory_by_hand(float(start), 20, 0.05, **settings) for start in starts.ravel()]
    found = np.array(trajectory).reshape(20, -1).T
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_settings_lead_to_different_places() -> None:
    # Or the test above could pass for an optimizer that ignores an argument.
    ends = [trajectory_by_hand(0.9, 20, 0.05, **settings)[-1] for settings in SETTINGS.values()]
    assert np.diff(sorted(ends)).min() > 1e-4


def test_a_parameter_without_a_gradient_is_left_alone() -> None:
    p, idle = parameters([1.0], [2.0])
    before = idle.data
    optimizer = SGD([p, idle], lr=0.1, momentum=0.9, weight_decay=0.1)
    set_gradients([p], 1.0)
    optimizer.step()
    assert idle.data is before  # no weight decay either
    np.testing.assert_allclose(p.data, [1 - 0.1 * 1.1])
    # Its velocity starts with its own first gradient, however many steps the others took.
    set_gradients([idle], 3.0)
    optimizer.step()
    np.testing.assert_allclose(idle.data, [2 - 0.1 * 3.2])


def test_velocities_pause_where_a_gradient_is_missing() -> None:
    (p,) = parameters([0.0])
    optimizer = SGD([p], lr=1.0, momentum=0.5)
    set_gradients([p], 1.0)
    optimizer.step()
    p.grad = None
    optimizer.step()
    np.testing.assert_array_equal(p.data, [-1.0])
    set_gradients([p], 1.0)
    optimizer.step()
    np.testing.assert_array_equal(p.data, [-2.5])  # v = 0.5 * 1 + 1


def test_a_frozen_parameter_is_left_alone() -> None:
    layer = nn.Linear(2, 2, rng=np.random.default_rng(0))
    layer.weight.requires_grad = False
    optimizer = SGD(layer.parameters(), lr=0.1, weight_decay=1.0)
    before = layer.state_dict()
    layer(Tensor(np.ones((1, 2), np.float32))).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(layer.weight.data, before["weight"])
    assert not np.array_equal(layer.state_dict()["bias"], before["bias"])


def test_sgd_zero_grad_forgets() -> None:
    p, q = parameters([1.0], [2.0])
    optimizer = SGD([p, q])
    set_gradients([p, q], 1.0)
    optimizer.zero_grad()
    assert (p.grad, q.grad) == (None, None)


@pytest.mark.parametrize("lr", [0.1, np.float64(0.1)], ids=["float", "np.float64"])
def test_sgd_keeps_float32(lr: float) -> None:
    # A rate that NumPy computed is a float64 which, unlike Python's, would win over float32.
    (p,) = parameters([1.0, 2.0], dtype=np.float32)
    optimizer = SGD([p], lr, momentum=0.9, weight_decay=0.1, nesterov=True)
    for _ in range(2):
        set_gradients([p], 1.0)
        optimizer.step()
        assert p.dtype == np.float32


def test_sgd_keeps_a_scalar_an_array() -> None:
    # NumPy makes scalars of sums of 0-d arrays, and the tape knows arrays only.
    (p,) = parameters(2.0)
    optimizer = SGD([p], lr=0.5)
    set_gradients([p], 2.0)
    optimizer.step()
    assert isinstance(p.data, np.ndarray)
    (p * p * p).backward(create_graph=True)
    first, p.grad = p.grad, None
    assert first is not None
    first.backward()
    assert p.grad is not None
    assert float(p.grad) == 6.0  # of x^3 at 1


def test_sgd_never_writes_into_an_array() -> None:
    (p,) = parameters([1.0, 2.0])
    optimizer = SGD([p], lr=0.1, momentum=0.9, weight_decay=0.1)
    arrays = []
    for _ in range(3):
        set_gradients([p], 1.0)
        assert p.grad is not None
        arrays += [(a, a.copy()) for a in (p.data, p.grad.data)]
        optimizer.step()
    for array, before in arrays:
        np.testing.assert_array_equal(array, before)


def test_velocities_share_no_memory_with_gradients() -> None:
    # Gradients may be cleared or clipped in place between two steps.
    (p,) = parameters([0.0])
    optimizer = SGD([p], lr=1.0, momentum=0.5)
    set_gradients([p], 1.0)
    optimizer.step()
    assert p.grad is not None
    p.grad.data[...] = 0
    optimizer.step()
    np.testing.assert_array_equal(p.data, [-1.5])


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "weight_decay": 0.1}])
def test_a_step_between_two_backwards_leaves_the_recorded_values(
    settings: dict[str, Any], rng: np.random.Generator
) -> None:
    model = nn.Sequential(nn.Linear(3, 4, rng=rng), nn.ReLU(), nn.Linear(4, 2, rng=rng))
    optimizer = SGD(model.parameters(), lr=0.5, **settings)
    y = model(Tensor(rng.standard_normal((5, 3), np.float32)))
    error = (y * y).sum()
    gradients = []
    for _ in range(3):
        optimizer.zero_grad()
        error.backward(retain_graph=True)
        gradients.append([p.grad.data.copy() for p in model.parameters() if p.grad is not None])
        optimizer.step()
    assert len(gradients[0]) == 4
    assert all(g.any() for g in gradients[0])
    for later in gradients[1:]:
        for g, first in zip(later, gradients[0], strict=True):
            np.testing.assert_array_equal(g, first)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lr": -0.1}, r"lr=-0\.1 given, at least 0"),
        ({"lr": float("nan")}, "lr=nan given, at least 0"),
        ({"momentum": -1.0}, r"momentum=-1\.0 given, at least 0"),
        ({"weight_decay": -1.0}, r"weight_decay=-1\.0 given, at least 0"),
        ({"nesterov": True}, r"nesterov needs momentum above 0 .* 0\.0 and 0\.0 given"),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            r"nesterov needs .* dampening 0, 0\.9 and 0\.1 given",
        ),
    ],
)
def test_sgd_refuses(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=rf"SGD: {said}"):
        SGD(parameters([1.0]), **settings)


def test_sgd_without_parameters_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"SGD: no parameters"):
        SGD([])


def test_sgd_of_one_parameter_outside_a_list_is_an_error() -> None:
    # Iterating over a tensor makes new ones that nothing else refers to: no step would do a thing.
    (p,) = parameters([1.0, 2.0])
    with pytest.raises(TypeError, match=r"SGD: "):
        SGD(p)  # type: ignore[arg-type]


def test_sgd_refuses_a_parameter_given_twice() -> None:
    # It would move twice a step.
    (p,) = parameters([1.0])
    with pytest.raises(ValueError, match=r"SGD: "):
        SGD([p, p])


# --- OneCycleLR ----------------------------------------------------------------------------------


def rates(total_steps: int, **arguments: Any) -> list[float]:
    """The rate of each step."""
    optimizer = SGD(parameters([1.0]), lr=123.0)
    schedule = OneCycleLR(optimizer, total_steps=total_steps, **arguments)
    found = [optimizer.lr]
    for _ in range(total_steps - 1):
        schedule.step()
        found.append(optimizer.lr)
    return found


STRATEGIES = pytest.mark.parametrize("strategy", ["cos", "linear"])


@STRATEGIES
def test_one_cycle_starts_peaks_and_ends_where_it_should(strategy: str) -> None:
    lr = rates(
        20,
        max_lr=0.6,
        pct_start=0.3,
        anneal_strategy=strategy,
        div_factor=12.0,
        final_div_factor=50.0,
    )
    assert lr[0] == pytest.approx(0.05, rel=1e-12)
    assert lr[5] == pytest.approx(0.6, rel=1e-12)  # the last of 0.3 * 20 steps
    assert lr[-1] == pytest.approx(0.001, rel=1e-12)
    assert (np.diff(lr[:6]) > 0).all()
    assert (np.diff(lr[5:]) < 0).all()


def test_linear_phases_are_straight_and_cosines_symmetric() -> None:
    arguments = {"max_lr": 1.0, "pct_start": 0.25, "div_factor": 10.0, "final_div_factor": 10.0}
    straight = np.diff(rates(36, anneal_strategy="linear", **arguments))
    np.testing.assert_allclose(straight[:8], (1 - 0.1) / 8, rtol=1e-12)
    np.testing.assert_allclose(straight[8:], (0.01 - 1) / 27, rtol=1e-12)
    curved = np.array(rates(36, anneal_strategy="cos", **arguments))
    assert curved[4] == pytest.approx((0.1 + 1) / 2, rel=1e-12)  # halfway up
    # A half cosine is symmetric about its middle, flat at its ends, and steeper there than a line.
    np.testing.assert_allclose(curved[:9] + curved[8::-1], 1.1, rtol=1e-12)
    np.testing.assert_allclose(curved[8:] + curved[:7:-1], 1.01, rtol=1e-12)
    assert np.diff(curved)[0] < 0.5 * straight[0] < straight[0] < np.diff(curved)[4]


@STRATEGIES
def test_one_cycle_that_only_rises_or_only_falls(strategy: str) -> None:
    rising = rates(10, max_lr=1.0, pct_start=1.0, anneal_strategy=strategy)
    assert rising[0] == pytest.approx(1 / 25)
    assert rising[-1] == pytest.approx(1.0)
    assert (np.diff(rising) > 0).all()
    falling = rates(10, max_lr=1.0, pct_start=0.0, anneal_strategy=strategy)
    assert falling[-1] == pytest.approx(1 / 25 / 1e4)
    assert (np.diff(falling) < 0).all()


@STRATEGIES
@pytest.mark.parametrize("pct_start", [0.0, 0.25, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("total_steps", [1, 2, 3, 4])
def test_short_cycles_stay_in_range(strategy: str, pct_start: float, total_steps: int) -> None:
    # Among them those whose rising phase has no length: 0.25 * 4 - 1 = 0 steps.
    lr = rates(total_steps, max_lr=1.0, pct_start=pct_start, anneal_strategy=strategy)
    assert all(1 / 25 / 1e4 * (1 - 1e-12) <= rate <= 1 for rate in lr)
    if pct_start < 1:
        assert lr[-1] == pytest.approx(1 / 25 / 1e4)


def test_one_cycle_past_its_end() -> None:
    optimizer = SGD(parameters([1.0]))
    schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=3)
    for _ in range(2):
        schedule.step()
    last = optimizer.lr
    schedule.step()  # follows the last step of the optimizer, so it is no error
    assert optimizer.lr == last
    with pytest.raises(ValueError, match=r"OneCycleLR: step 4 of a cycle of 3"):
        schedule.step()
    assert optimizer.lr == last


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("total_steps", 0),
        ("total_steps", -3),
        ("pct_start", -0.1),
        ("pct_start", 1.1),
        ("pct_start", float("nan")),
        ("anneal_strategy", "cosine"),
        ("max_lr", -1.0),
        ("max_lr", float("nan")),
        ("div_factor", 0.0),
        ("final_div_factor", 0.0),
    ],
)
def test_one_cycle_refuses(argument: str, value: Any) -> None:
    arguments: dict[str, Any] = {"max_lr": 1.0, "total_steps": 10, argument: value}
    optimizer = SGD(parameters([1.0]), lr=0.5)
    with pytest.raises(ValueError, match=rf"OneCycleLR: {argument}.*{value}"):
        OneCycleLR(optimizer, **arguments)
    assert optimizer.lr == 0.5
