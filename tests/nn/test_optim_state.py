"""Groups of parameters, the state of optimizers, and gradients kept within bounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Tensor
from nn.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from nn.schedule import CosineAnnealingLR, LRScheduler, OneCycleLR
from nn.utils import clip_grad_norm_, clip_grad_value_

MAKERS: dict[str, Callable[..., Optimizer]] = {
    "SGD": lambda params: SGD(params, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda params: Adam(params, lr=0.1, amsgrad=True, weight_decay=0.01),
    "AdamW": lambda params: AdamW(params, lr=0.1),
    "RMSprop": lambda params: RMSprop(params, lr=0.1, momentum=0.5, centered=True),
    "Adagrad": lambda params: Adagrad(params, lr=0.1, lr_decay=0.1),
}
every_optimizer = pytest.mark.parametrize("name", MAKERS)


def parameters(*values: Any) -> list[nn.Parameter]:
    return [nn.Parameter(np.array(value, np.float64)) for value in values]


def set_gradients(given: list[nn.Parameter], value: float) -> None:
    for p in given:
        p.grad = Tensor(np.full_like(p.data, value))


# --- groups --------------------------------------------------------------------------------------


def test_each_group_has_options_of_its_own() -> None:
    p, q, r = parameters([1.0], [2.0], [3.0])
    groups = [{"params": [p, q], "weight_decay": 0.5}, {"params": r, "lr": 1.0}]
    optimizer = SGD(groups, lr=0.1)
    assert optimizer.params == [p, q, r]
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 1.0]
    set_gradients([p, q, r], 1.0)
    optimizer.step()
    np.testing.assert_allclose(p.data, [1 - 0.1 * 1.5])
    np.testing.assert_allclose(q.data, [2 - 0.1 * 2.0])
    np.testing.assert_allclose(r.data, [2.0])
    optimizer.param_groups[1]["lr"] = 0.5
    optimizer.step()
    np.testing.assert_allclose(r.data, [1.5])


def test_the_rate_is_that_of_the_first_group_and_set_for_all() -> None:
    p, q = parameters([1.0], [2.0])
    optimizer = SGD([{"params": [p]}, {"params": [q], "lr": 3.0}], lr=0.1)
    assert optimizer.lr == 0.1
    optimizer.lr = 0.2
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 0.2]


def test_a_group_joins_later() -> None:
    p, q = parameters([1.0], [2.0])
    optimizer = SGD([p], lr=0.1)
    optimizer.add_param_group({"params": [q], "lr": 1.0})
    set_gradients([p, q], 1.0)
    optimizer.step()
    np.testing.assert_allclose([p.data[0], q.data[0]], [0.9, 1.0])
    optimizer.zero_grad()
    assert (p.grad, q.grad) == (None, None)


def test_groups_that_are_refused() -> None:
    p, q = parameters([1.0], [2.0])
    with pytest.raises(ValueError, match=r"SGD: a parameter is given twice"):
        SGD([{"params": [p]}, {"params": [q, p]}])
    with pytest.raises(TypeError, match=r"SGD: options \['betas'\] given, some of \['dampening'"):
        SGD([{"params": [p], "betas": (0.9, 0.9)}])
    with pytest.raises(TypeError, match=r"SGD: list given for a group of parameters, a dict"):
        SGD([{"params": [p]}, [q]])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"SGD: dict given for a group .*'params'"):
        SGD([{"lr": 1.0}])
    with pytest.raises(TypeError, match=r"SGD: str given, a Parameter expected"):
        SGD(nn.Linear(2, 2).state_dict())  # type: ignore[arg-type]  # its names


# --- state ---------------------------------------------------------------------------------------


def noisy_steps(
    model: nn.Module, optimizer: Optimizer, schedule: LRScheduler | None, seed: int, steps: int
) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        x = Tensor(rng.standard_normal((4, 3), np.float32))
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), np.ones((4, 2))).backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()


def net(rng: np.random.Generator) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 5, rng=rng), nn.Tanh(), nn.Linear(5, 2, rng=rng))


def groups_of(model: nn.Sequential) -> list[dict[str, Any]]:
    return [{"params": list(layer.parameters())} for layer in (model[2], model[0])]


@every_optimizer
@pytest.mark.parametrize("scheduled", [None, CosineAnnealingLR, OneCycleLR])
def test_a_training_goes_on_from_its_state_with_the_same_bytes(
    name: str, scheduled: Any, rng: np.random.Generator
) -> None:
    def schedule_of(optimizer: Optimizer) -> LRScheduler | None:
        if scheduled is None:
            return None
        if scheduled is CosineAnnealingLR:
            return CosineAnnealingLR(optimizer, 12)
        cycled = name not in ("Adagrad",)
        return OneCycleLR(optimizer, [0.1, 0.2], total_steps=12, cycle_momentum=cycled)

    model, other = net(rng), net(rng)
    optimizer = MAKERS[name](groups_of(model))
    schedule = schedule_of(optimizer)
    noisy_steps(model, optimizer, schedule, 1, 5)
    saved = (
        model.state_dict(),
        optimizer.state_dict(),
        None if schedule is None else json.loads(json.dumps(schedule.state_dict())),
    )
    noisy_steps(model, optimizer, schedule, 2, 7)  # what is saved is not touched by it

    optimizer = MAKERS[name](groups_of(other))
    schedule = schedule_of(optimizer)
    other.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    if schedule is not None and saved[2] is not None:
        schedule.load_state_dict(saved[2])
    noisy_steps(other, optimizer, schedule, 2, 7)
    for key, array in model.state_dict().items():
        assert other.state_dict()[key].tobytes() == array.tobytes(), key


@every_optimizer
def test_the_state_is_copies_of_plain_numbers_and_arrays(name: str) -> None:
    p, q = parameters([1.0, 2.0], 3.0)
    optimizer = MAKERS[name]([{"params": [p]}, {"params": [q], "lr": 0.5}])
    set_gradients([p, q], 1.0)
    optimizer.step()
    state = optimizer.state_dict()
    assert sorted(state) == ["param_groups", "state"]
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in state["param_groups"]] == [0.1, 0.5]
    assert sorted(state["state"]) == [0, 1]
    arrays = [v for s in state["state"].values() for v in s.values() if isinstance(v, np.ndarray)]
    numbers = [
        v for s in state["state"].values() for v in s.values() if not isinstance(v, np.ndarray)
    ]
    assert arrays
    assert all(type(number) is int for number in numbers)
    before = [v.copy() for s in optimizer.state.values() for v in s.values() if np.ndim(v)]
    fresh = MAKERS[name]([{"params": parameters([0.0, 0.0])}, {"params": parameters(0.0)}])
    fresh.load_state_dict(state)
    for array in arrays:
        array[...] = 7
    state["param_groups"][0]["lr"] = 9.0
    for each in (optimizer, fresh):
        after = [v for s in each.state.values() for v in s.values() if np.ndim(v)]
        for a, b in zip(after, before, strict=True):
            np.testing.assert_array_equal(a, b)
        assert [group["lr"] for group in each.param_groups] == [0.1, 0.5]


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    p, q = parameters([1.0, 2.0], [3.0])
    optimizer = SGD([p, q], lr=0.1, momentum=0.9)
    set_gradients([p, q], 1.0)
    optimizer.step()
    state = optimizer.state_dict()
    other_groups = SGD([{"params": [r]} for r in parameters([1.0, 2.0], [3.0])], lr=0.3)
    with pytest.raises(ValueError, match=r"SGD: a state with groups of \[2\] .* \[1, 1\] expected"):
        other_groups.load_state_dict(state)
    others = SGD(parameters([1.0, 2.0], [3.0, 4.0]), lr=0.3)
    with pytest.raises(
        ValueError, match=r"'momentum_buffer' of parameter 1 has shape \(1,\) .* \(2,\) expected"
    ):
        others.load_state_dict(state)
    for name, value, words in (
        ("momentum_buffer", None, None),  # as PyTorch has it before the first step
        ("momentum_buffer", "12", "str; a number"),
        ("momentum_buffer", np.array([1j, 2]), "complex128; real numbers of float64"),
        ("momentum_buffer", np.array([None, 2]), "object"),
        ("step", None, "NoneType; a number"),
        ("step", "3", "str"),
        ("step", 2.5, "float64, of numbers that int64 does not have"),
        ("step", np.nan, "int64 does not have"),
    ):
        state["state"][0] = {name: value}
        state["state"].pop(1, None)
        fresh = SGD(parameters([1.0, 2.0], [3.0]), lr=0.3)
        if words is None:
            fresh.load_state_dict(state)
            continue
        with pytest.raises(TypeError, match=rf"SGD: '{name}' of parameter 0 is .*{words}"):
            fresh.load_state_dict(state)
        assert not fresh.state
    state["state"].clear()
    state["param_groups"][0]["lr"] = -1.0
    with pytest.raises(ValueError, match=r"SGD: lr=-1.0 given"):
        SGD([p, q], lr=0.3).load_state_dict(state)
    for untouched in (other_groups, others):
        assert untouched.lr == 0.3
        assert not untouched.state


def test_repr_shows_the_groups() -> None:
    p, q = parameters([1.0], [2.0])
    optimizer = Adagrad([{"params": [p, q]}, {"params": parameters([1.0]), "lr": 0.5}])
    first, second, third, last = repr(optimizer).splitlines()
    assert (first, last) == ("Adagrad(", ")")
    assert second.startswith("  group 0: 2 parameters, lr=0.01, lr_decay=0.0, weight_decay=0.0")
    assert third.startswith("  group 1: 1 parameters, lr=0.5")


# --- gradients within bounds ---------------------------------------------------------------------


def with_gradients(*gradients: Any, dtype: Any = np.float64) -> list[nn.Parameter]:
    given = []
    for g in gradients:
        p = nn.Parameter(np.zeros(np.shape(g), dtype))
        p.grad = Tensor(np.array(g, dtype))
        given.append(p)
    return given


def gradients(given: list[nn.Parameter]) -> list[Any]:
    return [p.grad.data.tolist() for p in given if p.grad is not None]


@pytest.mark.parametrize(
    ("norm_type", "norm"), [(2.0, 13.0), (1.0, 19.0), (np.inf, 12.0), (3.0, 1819 ** (1 / 3))]
)
def test_gradients_are_scaled_to_a_norm(norm_type: float, norm: float) -> None:
    given = with_gradients([[3.0], [-4.0]], 12.0)
    found = clip_grad_norm_(given, norm / 2, norm_type)
    assert type(found) is float
    assert found == pytest.approx(norm, rel=1e-12)
    scaled = np.concatenate([np.ravel(g) for g in gradients(given)])
    # 1e-6 is added to the norm that is divided by.
    np.testing.assert_allclose(scaled, np.array([1.5, -2, 6]) * norm / (norm + 1e-6), rtol=1e-12)


def test_small_gradients_stay_and_no_array_is_written_into() -> None:
    given = with_gradients([3.0, -4.0])
    assert given[0].grad is not None
    array = given[0].grad.data
    assert clip_grad_norm_(iter(given), 6.0) == 5.0
    assert given[0].grad.data is array
    clip_grad_norm_(given[0], 1.0)
    clip_grad_value_(given[0], 0.1)
    np.testing.assert_array_equal(array, [3.0, -4.0])
    np.testing.assert_allclose(gradients(given), [[0.1, -0.1]])


def test_gradients_are_limited_one_by_one() -> None:
    given = with_gradients([[3.0, -0.5], [-4.0, 1.0]], 12.0)
    clip_grad_value_(given, 1.0)
    assert gradients(given) == [[[1.0, -0.5], [-1.0, 1.0]], 1.0]


def test_parameters_without_a_gradient_are_left_out() -> None:
    idle = nn.Parameter(np.ones(2))
    assert clip_grad_norm_([idle], 1.0) == 0.0
    clip_grad_value_([idle], 1.0)
    assert idle.grad is None


def test_clipping_keeps_float32() -> None:
    given = with_gradients([3e20, -4e20], 1.0, dtype=np.float32)  # squares overflow float32
    assert clip_grad_norm_(given, np.float64(1.0)) == pytest.approx(5e20)
    clip_grad_value_(given, np.float64(0.5))
    found = [p.grad for p in given if p.grad is not None]
    assert {g.dtype for g in found} == {np.dtype(np.float32)}
    assert all(type(g.data) is np.ndarray for g in found)
    np.testing.assert_allclose(found[0].data, [0.5, -0.5])


@pytest.mark.parametrize(
    ("size", "norm_type", "norm"),
    [(1e200, 2.0, 5e200), (1e-200, 2.0, 5e-200), (1e120, 3.0, 91 ** (1 / 3) * 1e120)],
)
def test_norms_whose_powers_leave_the_range(size: float, norm_type: float, norm: float) -> None:
    given = with_gradients([3 * size], [-4 * size, 0.0])
    assert clip_grad_norm_(given, 2.0, norm_type) == pytest.approx(norm, rel=1e-12, abs=0)
    factor = 2 / (norm + 1e-6) if size > 1 else 1.0
    expected = np.array([3, -4, 0]) * size * factor
    np.testing.assert_allclose(np.concatenate(gradients(given)), expected, rtol=1e-12)


def test_factors_that_the_dtype_of_a_gradient_does_not_have() -> None:
    given = with_gradients([3e38, 0.0], dtype=np.float32)  # 1e-3 / 3e38 is denormal in float32
    clip_grad_norm_(given, 1e-3)
    np.testing.assert_allclose(gradients(given), [[1e-3, 0]], rtol=1e-6)
    given = with_gradients([6e4, 0.0], dtype=np.float16)
    clip_grad_norm_(given, 1e-3)
    np.testing.assert_allclose(gradients(given), [[1e-3, 0]], rtol=1e-3)


def test_norms_that_are_not_finite() -> None:
    given = with_gradients([1.0, np.inf], [2.0])
    with pytest.raises(RuntimeError, match=r"clip_grad_norm_: the norm of the gradients is inf"):
        clip_grad_norm_(given, 1.0, error_if_nonfinite=True)
    assert gradients(given) == [[1.0, np.inf], [2.0]]
    assert clip_grad_norm_(given, 1.0) == np.inf
    np.testing.assert_array_equal(gradients(given)[0], [0.0, np.nan])
    assert np.isnan(clip_grad_norm_(given, 1.0))
    assert np.isnan(np.concatenate(gradients(given))).all()


def test_bounds_that_are_refused() -> None:
    given = with_gradients([1.0])
    with pytest.raises(ValueError, match=r"clip_grad_norm_: max_norm=-1.0 given"):
        clip_grad_norm_(given, -1.0)
    with pytest.raises(ValueError, match=r"clip_grad_norm_: norm_type=0 given"):
        clip_grad_norm_(given, 1.0, 0)
    with pytest.raises(ValueError, match=r"clip_grad_value_: clip_value=nan given"):
        clip_grad_value_(given, float("nan"))
