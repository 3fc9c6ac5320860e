"""Schedules against their formulas, and their state. OneCycleLR's rates: test_optim.py."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from nn.optim import SGD, Adagrad, Adam
from nn.schedule import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
    StepLR,
)


def sgd(*rates: float, **options: Any) -> SGD:
    """One group for each rate."""
    return SGD([{"params": [nn.Parameter([0.0])], "lr": lr} for lr in rates], **options)


def rates(schedule: LRScheduler, steps: int) -> list[list[float]]:
    """The rates of all groups at each step."""
    found = [schedule.get_last_lr()]
    for _ in range(steps - 1):
        schedule.step()
        found.append(schedule.get_last_lr())
    return found


# A schedule, and the factor of the rate of the start at step t.
FACTORS: dict[str, tuple[Callable[[SGD], LRScheduler], Callable[[int], float]]] = {
    "step": (lambda o: StepLR(o, 4), lambda t: 0.1 ** (t // 4)),
    "step-half": (lambda o: StepLR(o, 1, 0.5), lambda t: 0.5**t),
    "cosine": (lambda o: CosineAnnealingLR(o, 8), lambda t: (1 + math.cos(math.pi * t / 8)) / 2),
    "linear": (LinearLR, lambda t: 1 / 3 + 2 / 3 * min(t, 5) / 5),
    "linear-down": (lambda o: LinearLR(o, 1.0, 0.0, 3), lambda t: 1 - min(t, 3) / 3),
    "sequence": (
        lambda o: SequentialLR(
            o, [LinearLR(o, 0.5, 1.0, 3), StepLR(o, 2), StepLR(o, 1, 0.5)], [4, 9]
        ),
        lambda t: (
            0.5 + 0.5 * min(t, 3) / 3
            if t < 4
            else 0.1 ** ((t - 4) // 2)
            if t < 9
            else 0.5 ** (t - 9)
        ),
    ),
}


@pytest.mark.parametrize("name", FACTORS)
def test_schedules_follow_their_formulas(name: str) -> None:
    make, factor = FACTORS[name]
    optimizer = sgd(0.3, 2.0)
    found = np.array(rates(make(optimizer), 20))
    factors = np.array([factor(t) for t in range(20)])
    np.testing.assert_allclose(found, np.outer(factors, [0.3, 2.0]), rtol=1e-12, atol=1e-16)
    assert [group["lr"] for group in optimizer.param_groups] == found[-1].tolist()
    assert len(set(factors)) > 1


def test_cosine_annealing_ends_at_its_floor() -> None:
    found = rates(CosineAnnealingLR(sgd(1.0, 0.1), 4, eta_min=0.1), 9)
    assert [lr for lr, _ in found] == pytest.approx(
        [1, 0.868198, 0.55, 0.231802, 0.1, 0.231802, 0.55, 0.868198, 1], rel=1e-6
    )
    assert [lr for _, lr in found] == pytest.approx([0.1] * 9)


def test_one_cycle_of_each_group() -> None:
    optimizer = sgd(1.0, 1.0)
    schedule = OneCycleLR(optimizer, [1.0, 0.2], total_steps=10, pct_start=0.5)
    found = np.array(rates(schedule, 10))
    np.testing.assert_allclose(found[:, 1], 0.2 * found[:, 0], rtol=1e-12)
    assert found.max(axis=0).tolist() == [1.0, 0.2]
    assert [schedule.lr_at(4, group) for group in (0, 1)] == [1.0, 0.2]
    of_epochs = OneCycleLR(sgd(1.0), 1.0, epochs=5, steps_per_epoch=2, pct_start=0.5)
    np.testing.assert_array_equal(np.array(rates(of_epochs, 10))[:, 0], found[:, 0])


def test_one_cycle_in_three_phases() -> None:
    schedule = OneCycleLR(
        sgd(1.0), 1.0, 21, pct_start=0.3, div_factor=10.0, final_div_factor=100.0, three_phase=True,
        anneal_strategy="linear",
    )  # fmt: skip
    found = [lr for (lr,) in rates(schedule, 21)]
    # 0.3 * 21 - 1 = 5.3 steps up, as many down, 9.4 from the start's rate to its hundredth.
    up = [0.1 + 0.9 * t / 5.3 for t in range(6)]
    down = [1 - 0.9 * (t - 5.3) / 5.3 for t in range(6, 11)]
    out = [0.1 - 0.099 * (t - 10.6) / 9.4 for t in range(11, 21)]
    np.testing.assert_allclose(found, [*up, *down, *out], rtol=1e-12)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_momentum_goes_the_other_way(kind: Any) -> None:
    group = {"params": [nn.Parameter([0.0])]}
    optimizer = kind([group | {"params": [nn.Parameter([0.0])]}, group], lr=1.0)
    schedule = OneCycleLR(
        optimizer, 1.0, 11, pct_start=0.5, cycle_momentum=True, anneal_strategy="linear",
        base_momentum=[0.5, 0.6], max_momentum=0.9,
    )  # fmt: skip
    found = []
    for _ in range(10):
        groups = optimizer.param_groups
        found.append([g["betas"][0] if kind is Adam else g["momentum"] for g in groups])
        schedule.step()
    up = [t / 4.5 for t in range(5)]
    down = [1 - (t - 4.5) / 5.5 for t in range(5, 10)]
    expected = [[0.9 - 0.4 * part, 0.9 - 0.3 * part] for part in up + down]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    if kind is Adam:
        assert optimizer.param_groups[0]["betas"][1] == 0.999


def test_momentum_is_left_alone_unless_asked_for() -> None:
    optimizer = sgd(1.0, momentum=0.7)
    rates(OneCycleLR(optimizer, 1.0, 5), 5)
    assert optimizer.param_groups[0]["momentum"] == 0.7
    with pytest.raises(ValueError, match=r"OneCycleLR: cycle_momentum=True given for Adagrad"):
        OneCycleLR(Adagrad([nn.Parameter([0.0])]), 1.0, 5, cycle_momentum=True)


def test_momentum_is_cycled_within_a_sequence_too() -> None:
    optimizer = sgd(1.0, momentum=0.7)
    cycle = OneCycleLR(optimizer, 1.0, 10, cycle_momentum=True)
    expected = [cycle.momentum_at(t) for t in range(10)]
    schedule = SequentialLR(optimizer, [StepLR(optimizer, 1), cycle], [3])
    found = []
    for _ in range(13):
        found.append(optimizer.param_groups[0]["momentum"])
        schedule.step()
    assert found[3:] == expected


# --- state ---------------------------------------------------------------------------------------

MAKERS: dict[str, Callable[[SGD], LRScheduler]] = {
    **{name: make for name, (make, _) in FACTORS.items()},
    "one-cycle": lambda o: OneCycleLR(o, 0.5, 20, cycle_momentum=True),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("done", [0, 3, 4, 11])
def test_a_schedule_goes_on_from_its_state(name: str, done: int) -> None:
    schedule = MAKERS[name](sgd(0.3, 2.0, momentum=0.1))
    for _ in range(done):
        schedule.step()
    state = json.loads(json.dumps(schedule.state_dict()))  # numbers and strings alone
    expected = rates(schedule, 8)
    other = sgd(7.0, 8.0, momentum=0.2)
    resumed = MAKERS[name](other)
    resumed.load_state_dict(state)
    assert rates(resumed, 8) == expected
    if name == "one-cycle":
        assert other.param_groups[0]["momentum"] == schedule.optimizer.param_groups[0]["momentum"]


def test_settings_are_part_of_the_state() -> None:
    schedule, other = StepLR(sgd(1.0), 3, 0.5), StepLR(sgd(2.0), 7, 0.1)
    other.load_state_dict(schedule.state_dict())
    assert rates(other, 10) == rates(schedule, 10)


def test_the_state_is_a_copy() -> None:
    for schedule in (StepLR(sgd(1.0), 3), SequentialLR(o := sgd(1.0), [StepLR(o, 1)] * 2, [4])):
        state = schedule.state_dict()
        schedule.load_state_dict(state)
        state["base_lrs"][0] = 9.0
        if "milestones" in state:
            state["milestones"][0] = 0
            state["schedulers"][0]["base_lrs"][0] = 9.0
        assert rates(schedule, 3)[0] == [1.0]


def test_a_training_goes_on_with_last_epoch() -> None:
    first = StepLR(sgd(0.4), 3)
    expected = rates(first, 9)
    optimizer = sgd(0.1)
    with pytest.raises(KeyError, match=r"StepLR: last_epoch=4 given, an 'initial_lr' in group 0"):
        StepLR(optimizer, 3, last_epoch=4)
    optimizer.param_groups[0]["initial_lr"] = 0.4
    assert rates(StepLR(optimizer, 3, last_epoch=4), 4) == expected[5:9]


def test_states_that_do_not_fit_change_nothing() -> None:
    step = StepLR(sgd(1.0), 3)
    before = step.state_dict()
    with pytest.raises(
        KeyError, match=r"StepLR: a state with \['T_max', .* 'step_size'\] expected"
    ):
        step.load_state_dict(CosineAnnealingLR(sgd(1.0), 3).state_dict())
    for name, value in (("last_epoch", "5"), ("gamma", None), ("gamma", 1j), ("base_lrs", 0.1)):
        with pytest.raises(TypeError, match=rf"StepLR: '{name}' is .* in the state, .*number"):
            step.load_state_dict(before | {name: value})
    with pytest.raises(TypeError, match=r"StepLR: 'base_lrs' is \['1'\] in the state, numbers"):
        step.load_state_dict(before | {"base_lrs": ["1"]})
    with pytest.raises(ValueError, match=r"StepLR: a state of 2 groups given, 1 expected"):
        step.load_state_dict(StepLR(sgd(1.0, 2.0), 3).state_dict())
    assert step.state_dict() == before
    sequence = SequentialLR(o := sgd(1.0), [StepLR(o, 3)], [])
    with pytest.raises(KeyError, match=r"SequentialLR: a state with .*'step_size'\] given"):
        sequence.load_state_dict(before)
    state = SequentialLR(o := sgd(1.0), [StepLR(o, 3)] * 2, [5]).state_dict()
    with pytest.raises(ValueError, match=r"SequentialLR: a state of 2 schedules given, 1 expected"):
        sequence.load_state_dict(state)
    state["schedulers"] = [CosineAnnealingLR(sgd(1.0), 3).state_dict()]
    before = sequence.state_dict()
    with pytest.raises(KeyError, match=r"StepLR: a state with \['T_max'"):
        sequence.load_state_dict(state)
    assert sequence.state_dict() == before


def test_a_group_that_joins_later_is_an_error_of_the_schedule() -> None:
    optimizer = sgd(1.0)
    schedule = StepLR(optimizer, 3)
    optimizer.add_param_group({"params": [nn.Parameter([0.0])]})
    with pytest.raises(ValueError, match=r"StepLR: the optimizer has 2 groups, 1 expected"):
        schedule.step()


REFUSED: list[tuple[Callable[[SGD], object], str]] = [
    (lambda o: StepLR(o, 0), "StepLR: step_size=0 given"),
    (lambda o: LinearLR(o, 0.0), "LinearLR: start_factor=0.0 given"),
    (lambda o: LinearLR(o, 1.5), "LinearLR: start_factor=1.5 given"),
    (lambda o: LinearLR(o, end_factor=-0.1), "LinearLR: end_factor=-0.1 given"),
    (lambda o: LinearLR(o, total_iters=0), "LinearLR: total_iters=0 given"),
    (lambda o: CosineAnnealingLR(o, 0), "CosineAnnealingLR: T_max=0 given"),
    (lambda o: CosineAnnealingLR(o, 5, -1.0), "CosineAnnealingLR: eta_min=-1.0 given"),
    (lambda o: OneCycleLR(o, 1.0), "OneCycleLR: total_steps=None, epochs=None"),
    (lambda o: OneCycleLR(o, 1.0, epochs=3), "OneCycleLR: total_steps=None, epochs=3"),
    (lambda o: OneCycleLR(o, [1.0, 2.0], 5), r"OneCycleLR: max_lr=\[1.0, 2.0\] given"),
    (lambda o: OneCycleLR(o, 1.0, 5, max_momentum=1.0), "OneCycleLR: max_momentum=1.0 given"),
    (lambda o: SequentialLR(o, [], []), "SequentialLR: 0 schedules and 0 milestones"),
    (lambda o: SequentialLR(o, [StepLR(o, 1)], [3]), "SequentialLR: 1 schedules and 1"),
    (
        lambda o: SequentialLR(o, [StepLR(o, 1)] * 3, [3, 2]),
        r"SequentialLR: milestones \[3, 2\] given, ascending",
    ),
    (
        lambda o: SequentialLR(o, [StepLR(sgd(1.0), 1)], []),
        "SequentialLR: a schedule of another optimizer",
    ),
]


@pytest.mark.parametrize(("make", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_schedules_refuse(make: Callable[[SGD], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(sgd(1.0))
