"""Optimizers and schedules against PyTorch: trajectories, rates, and state both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_beside_torch import (
    DTYPES,
    assert_agree,
    torch_dtype,
)

import autograd as ag
import nn
from autograd import Tensor
from nn.optim import SGD
from nn.schedule import OneCycleLR

pytestmark = pytest.mark.oracle

Array = NDArray[Any]
Generator = np.random.Generator


# Both take the same steps, each of four roundings of at most 2^-24 (6e-8) of the largest number.
# Where the loss is convex and the steps are short, differences do not grow on the way, so that 50
# steps add up to at most 50 * 4 * 6e-8 = 1.2e-5 of the largest, were all errors of one sign.
TRAJECTORY_TOLERANCE = {np.float32: 1.2e-5, np.float64: 1e-10}

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "decay": {"weight_decay": 0.05},
    "dampening": {"momentum": 0.8, "dampening": 0.4},
    "momentum-decay-dampening": {"momentum": 0.8, "dampening": 0.4, "weight_decay": 0.05},
    "nesterov-decay": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
}


@DTYPES
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_sgd_takes_torchs_trajectory(
    torch: Any, settings: dict[str, Any], dtype: Any, rng: Generator
) -> None:
    A, b = rng.standard_normal((6, 4)).astype(dtype), rng.standard_normal(6).astype(dtype)
    start = rng.standard_normal(4).astype(dtype)
    p, q = nn.Parameter(start.copy()), nn.Parameter(start.copy())
    p_, q_ = (torch.from_numpy(start.copy()).requires_grad_() for _ in range(2))
    optimizer = SGD([p, q], lr=0.02, **settings)
    optimizer_ = torch.optim.SGD([p_, q_], lr=0.02, **settings)
    for step in range(50):
        optimizer.zero_grad()
        optimizer_.zero_grad()
        # q has no gradient in two steps of three: its velocity and decay have to wait.
        for r, r_ in [(p, p_), (q, q_)][: 1 + (step % 3 == 0)]:
            residual, residual_ = A @ r - b, torch.from_numpy(A) @ r_ - torch.from_numpy(b)
            ag.sqrt(residual**2 + 1).sum().backward()  # convex and smooth
            torch.sqrt(residual_**2 + 1).sum().backward()
        optimizer.step()
        optimizer_.step()
        for name, r, r_ in (("p", p, p_), ("q", q, q_)):
            assert_agree(r, r_, TRAJECTORY_TOLERANCE[dtype], f"{name} at step {step}")
    assert not np.allclose(p.data, start)


# --- OneCycleLR ----------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("total_steps", [1, 2, 3, 4, 7, 10, 61])
@pytest.mark.parametrize("factors", [(25.0, 1e4), (3.0, 0.5)], ids=str)
def test_one_cycle_has_torchs_rates(
    torch: Any, strategy: Any, total_steps: int, factors: tuple[float, float]
) -> None:
    for pct_start in (0.0, 0.1, 0.3, 0.5, 0.85, 1.0):
        if total_steps * pct_start != 1:  # torch divides by zero where one step rises
            assert_same_cycle(torch, strategy, pct_start, total_steps, *factors)


def assert_same_cycle(
    torch: Any,
    strategy: Any,
    pct_start: float,
    total_steps: int,
    div_factor: float,
    final_div_factor: float,
) -> None:
    arguments: dict[str, Any] = {
        "max_lr": 0.07,
        "total_steps": total_steps,
        "pct_start": pct_start,
        "anneal_strategy": strategy,
        "div_factor": div_factor,
        "final_div_factor": final_div_factor,
    }
    optimizer = SGD([nn.Parameter([0.0])])
    optimizer_ = torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    schedule = OneCycleLR(optimizer, **arguments)
    schedule_ = torch.optim.lr_scheduler.OneCycleLR(optimizer_, cycle_momentum=False, **arguments)
    for step in range(total_steps):
        theirs = optimizer_.param_groups[0]["lr"]
        assert optimizer.lr == pytest.approx(theirs, rel=1e-12, abs=0), step
        optimizer_.step()  # torch warns of a schedule that steps before its optimizer
        schedule.step()
        if step < total_steps - 1:
            schedule_.step()


# --- all optimizers ------------------------------------------------------------------------------

# What each group has besides the defaults below.
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.05, "maximize": False}),
    ("SGD", {"lr": 1e-4, "maximize": True}),
    *(
        (name, {"lr": 0.02} | options)
        for name in ("Adam", "AdamW")
        for options in (
            {},
            {"betas": (0.7, 0.95)},
            {"eps": 0.1},
            {"weight_decay": 0.3},
            {"amsgrad": True, "betas": (0.7, 0.9)},
            {"maximize": True},
        )
    ),
    *(
        ("RMSprop", {"lr": 0.01} | options)
        for options in (
            {},
            {"alpha": 0.8},
            {"eps": 0.1},
            {"weight_decay": 0.3},
            {"momentum": 0.5},
            {"centered": True, "momentum": 0.5, "weight_decay": 0.3},
        )
    ),
    *(
        ("Adagrad", {"lr": 0.1} | options)
        for options in (
            {},
            {"lr_decay": 0.1},
            {"weight_decay": 0.3},
            {"initial_accumulator_value": 0.5, "eps": 0.1},
        )
    ),
]
every_optimizer = pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=str)


class Problem:
    """sum sqrt((A p - b)^2 + 1) of two parameters p, here and in torch."""

    def __init__(self, torch: Any, rng: Generator, dtype: Any) -> None:
        self.torch = torch
        self.A = [rng.standard_normal((6, 4)).astype(dtype) for _ in range(2)]
        self.b = [rng.standard_normal(6).astype(dtype) for _ in range(2)]
        starts = [rng.standard_normal(4).astype(dtype) for _ in range(2)]
        self.ours = [nn.Parameter(start.copy()) for start in starts]
        self.theirs = [torch.from_numpy(start.copy()).requires_grad_() for start in starts]

    def groups(self, options: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """A group for each parameter; the second has another rate and decay."""
        other = {"lr": options["lr"] / 2, "weight_decay": 0.1}
        return tuple(  # type: ignore[return-value]
            [{"params": [p]}, {"params": [q]} | other] for p, q in (self.ours, self.theirs)
        )

    def gradients(self, step: int) -> None:
        """The second parameter has a gradient in two of three steps."""
        for i, (p, p_) in enumerate(zip(self.ours, self.theirs, strict=True)):
            p.grad = p_.grad = None
            if i == 0 or step % 3:
                p.grad = Tensor(self.slope(i, p.data))
                p_.grad = self.torch.from_numpy(self.slope(i, p_.detach().numpy()))

    def slope(self, i: int, p: Array) -> Array:
        residual = self.A[i] @ p - self.b[i]
        return np.asarray(self.A[i].T @ (residual / np.sqrt(residual**2 + 1)))

    def assert_same_place(self, dtype: Any, step: int) -> None:
        for i, (p, p_) in enumerate(zip(self.ours, self.theirs, strict=True)):
            # Adaptive steps are of the length of their rates, some hundredths: their roundings add
            # less to that of the sum than SGD's.
            assert_agree(p, p_, TRAJECTORY_TOLERANCE[dtype], f"parameter {i} at step {step}")


@DTYPES
@every_optimizer
def test_optimizers_take_torchs_trajectory(
    torch: Any, name: str, options: dict[str, Any], dtype: Any, rng: Generator
) -> None:
    problem = Problem(torch, rng, dtype)
    groups, groups_ = problem.groups(options)
    optimizer = getattr(nn.optim, name)(groups, **options)
    optimizer_ = getattr(torch.optim, name)(groups_, **options)
    start = [p.data for p in problem.ours]
    for step in range(50):
        problem.gradients(step)
        optimizer.step()
        optimizer_.step()
        problem.assert_same_place(dtype, step)
    assert all(not np.allclose(p.data, s) for p, s in zip(problem.ours, start, strict=True))


@every_optimizer
@pytest.mark.parametrize("way", ["from torch", "to torch"])
def test_the_state_of_an_optimizer_moves_both_ways(
    torch: Any, name: str, options: dict[str, Any], way: str, rng: Generator
) -> None:
    problem = Problem(torch, rng, np.float64)

    def fresh() -> tuple[Any, Any]:
        groups, groups_ = problem.groups(options)
        ours, theirs = getattr(nn.optim, name), getattr(torch.optim, name)
        return ours(groups, **options), theirs(groups_, **options)

    optimizer, optimizer_ = fresh()
    for step in range(5):
        problem.gradients(step)
        optimizer.step()
        optimizer_.step()
    if way == "from torch":
        state = optimizer_.state_dict()
        optimizer, _ = fresh()
        optimizer.load_state_dict(state)
    else:
        state = optimizer.state_dict()
        for values in state["state"].values():
            for key, value in values.items():
                values[key] = torch.as_tensor(value, dtype=torch.float64)
        _, optimizer_ = fresh()
        optimizer_.load_state_dict(state)
    for step in range(5, 15):
        problem.gradients(step)
        optimizer.step()
        optimizer_.step()
        problem.assert_same_place(np.float64, step)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_defaults_are_torchs(torch: Any, name: str) -> None:
    ours = getattr(nn.optim, name)([nn.Parameter([0.0])]).defaults
    theirs = getattr(torch.optim, name)([torch.zeros(1, requires_grad=True)]).defaults
    assert ours == {key: theirs[key] for key in ours}


# --- all schedules -------------------------------------------------------------------------------

SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 1, "gamma": 0.9}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.05, "total_iters": 20}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 11}),
    ("CosineAnnealingLR", {"T_max": 40}),
    ("CosineAnnealingLR", {"T_max": 9, "eta_min": 0.01}),
    *(
        ("OneCycleLR", {"max_lr": [0.5, 0.1, 0.2], "total_steps": 40, **other})
        for other in (
            {},
            {"three_phase": True, "anneal_strategy": "linear"},
            {"three_phase": True, "pct_start": 0.4, "base_momentum": 0.8, "max_momentum": 0.99},
            {"total_steps": None, "epochs": 4, "steps_per_epoch": 10},
            {"base_momentum": [0.7, 0.8, 0.9], "anneal_strategy": "linear"},
        )
    ),
]


def three_groups(torch: Any, name: str) -> tuple[Any, Any]:
    """The same optimizer with three groups of other rates, here and in torch."""
    groups = [{"params": [nn.Parameter([0.0])], "lr": lr} for lr in (0.3, 0.05, 1.0)]
    groups_ = [group | {"params": [torch.zeros(1, requires_grad=True)]} for group in groups]
    options: dict[str, Any] = {"momentum": 0.9} if name == "SGD" else {}
    both_kinds = (getattr(nn.optim, name), groups), (getattr(torch.optim, name), groups_)
    ours, theirs = (kind(given, **options) for kind, given in both_kinds)
    return ours, theirs


def assert_same_rates(optimizer: Any, optimizer_: Any, step: int) -> None:
    for group, group_ in zip(optimizer.param_groups, optimizer_.param_groups, strict=True):
        # Relative to the largest rate: torch's recursions add up roundings on the way to 0.
        largest = group_.get("max_lr", group_["initial_lr"])
        assert abs(group["lr"] - group_["lr"]) <= 1e-12 * largest, step
        for key in ("momentum", "betas"):
            if key in group:
                assert group[key] == pytest.approx(group_[key], rel=1e-12), step


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES, ids=str)
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_schedules_have_torchs_rates(
    torch: Any, name: str, arguments: dict[str, Any], kind: str
) -> None:
    optimizer, optimizer_ = three_groups(torch, kind)
    own = {"cycle_momentum": True} if name == "OneCycleLR" else {}  # torch's default
    schedule = getattr(nn.schedule, name)(optimizer, **arguments, **own)
    schedule_ = getattr(torch.optim.lr_scheduler, name)(optimizer_, **arguments)
    seen = set()
    for step in range(40):
        assert_same_rates(optimizer, optimizer_, step)
        assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        seen.add(optimizer.lr)
        optimizer_.step()  # torch warns of a schedule that steps before its optimizer
        schedule.step()
        if step < 39:
            schedule_.step()
    assert len(seen) > 3


@pytest.mark.parametrize("milestones", [[5], [1], [12]])
@pytest.mark.parametrize("second", ["StepLR", "CosineAnnealingLR", "LinearLR"])
def test_sequences_have_torchs_rates(torch: Any, second: str, milestones: list[int]) -> None:
    known: dict[str, dict[str, Any]] = {
        "StepLR": {"step_size": 3, "gamma": 0.5},
        "CosineAnnealingLR": {"T_max": 20},
        "LinearLR": {"start_factor": 1.0, "end_factor": 0.2},
    }
    arguments = known[second]
    optimizer, optimizer_ = three_groups(torch, "SGD")
    schedules = [
        module.SequentialLR(
            given,
            [
                module.LinearLR(given, start_factor=0.1, total_iters=5),
                getattr(module, second)(given, **arguments),
            ],
            milestones=milestones,
        )
        for module, given in ((nn.schedule, optimizer), (torch.optim.lr_scheduler, optimizer_))
    ]
    for step in range(25):
        assert_same_rates(optimizer, optimizer_, step)
        optimizer_.step()
        for schedule in schedules:
            schedule.step()


# --- gradients within bounds ---------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, np.inf])
@pytest.mark.parametrize("max_norm", [0.5, 100.0, 0.0])
def test_clip_grad_norm(
    torch: Any, norm_type: float, max_norm: float, dtype: Any, rng: Generator
) -> None:
    shapes: list[tuple[int, ...]] = [(3, 4), (), (5,)]
    ours, theirs = [], []
    for shape in shapes:
        g = np.asarray(rng.standard_normal(shape), dtype)
        ours.append(nn.Parameter(np.zeros(shape, dtype)))
        theirs.append(torch.zeros(shape, dtype=torch_dtype(torch, dtype), requires_grad=True))
        ours[-1].grad, theirs[-1].grad = Tensor(g.copy()), torch.from_numpy(g.copy())
    ours.append(nn.Parameter(np.zeros(2)))  # without a gradient
    total = nn.utils.clip_grad_norm_(ours, max_norm, norm_type)
    total_ = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert total == pytest.approx(total_.item(), rel=1e-10 if dtype is np.float64 else 1e-6)
    for p, p_ in zip(ours, theirs, strict=False):
        assert_agree(p.grad, p_.grad)
    nn.utils.clip_grad_value_(ours, 0.1)
    torch.nn.utils.clip_grad_value_(theirs, 0.1)
    for p, p_ in zip(ours, theirs, strict=False):
        assert_agree(p.grad, p_.grad)
