"""functional_call: a module with other tensors in the places of its own, which it keeps."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, grad, hessian, jit
from nn import functional as F
from nn import functional_call


def net(seed: int = 0) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(3, 4, rng=rng), nn.Tanh(), nn.Linear(4, 2, rng=rng))


def points(count: int = 5) -> Tensor:
    return Tensor(np.random.default_rng(9).standard_normal((count, 3)).astype(np.float32))


def test_runs_with_the_tensors_given_and_keeps_its_own() -> None:
    model, other, x = net(0), net(1), points()
    before = model.state_dict()
    given = other.state_dict()
    np.testing.assert_array_equal(functional_call(model, given, x).data, other(x).data)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    part = {"0.weight": given["0.weight"]}
    mixed = functional_call(model, (part, {"2.bias": given["2.bias"]}), (x,))
    model.load_state_dict(before | part | {"2.bias": given["2.bias"]})
    np.testing.assert_array_equal(mixed.data, model(x).data)


def test_gradients_go_to_the_tensors_given() -> None:
    model, x = net(), points()
    given = {name: Tensor(p.data, requires_grad=True) for name, p in model.named_parameters()}
    (functional_call(model, given, x) ** 2).sum().backward()
    assert all(p.grad is None for p in model.parameters())
    (model(x) ** 2).sum().backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and given[name].grad is not None
        np.testing.assert_array_equal(p.grad.data, given[name].grad.data)


class Tied(nn.Module):
    def __init__(self) -> None:
        self.first = nn.Linear(3, 3, bias=False, rng=np.random.default_rng(0))
        self.second = nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))  # type: ignore[no-any-return]


def test_what_is_tied_is_replaced_everywhere() -> None:
    model, x, w = Tied(), points(), np.eye(3, dtype=np.float32) * 2
    for name in ("first.weight", "second.weight"):
        out = functional_call(model, {name: w}, x)
        np.testing.assert_array_equal(out.data, 4 * x.data)
    with pytest.raises(ValueError, match=r"different tensors .* \['first.weight', 'second.weight"):
        functional_call(model, {"first.weight": w, "second.weight": w * 2}, x)
    apart = {"first.weight": w, "second.weight": np.eye(3, dtype=np.float32)}
    out = functional_call(model, apart, x, tie_weights=False)
    np.testing.assert_array_equal(out.data, 2 * x.data)


def test_what_is_wrong_is_refused() -> None:
    model, x = net(), points()
    for name in ("0.wieght", "7.weight", "weight", "", "0"):
        with pytest.raises(KeyError, match="unexpected"):
            functional_call(model, {name: np.zeros(2)}, x)
    with pytest.raises(KeyError, match="missing"):
        functional_call(model, {"0.bias": np.zeros(4)}, x, strict=True)
    with pytest.raises(ValueError, match="in two of the dicts"):
        functional_call(model, ({"0.bias": np.zeros(4)}, {"0.bias": np.zeros(4)}), x)
    with pytest.raises(TypeError, match=r"float given for '0.bias'"):
        functional_call(model, {"0.bias": 3.0}, x)
    with pytest.raises(TypeError, match="int given for the parameters"):
        functional_call(model, 3, x)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="function given, a Module expected"):
        functional_call(test_what_is_wrong_is_refused, {}, x)  # type: ignore[arg-type]


def test_buffers_move_where_they_were_given() -> None:
    model, x = nn.BatchNorm1d(3), points()
    own = model.state_dict()
    mean = Tensor(np.zeros(3, np.float32))
    given: dict[str, Any] = {"running_mean": mean, "running_var": np.ones(3, np.float32)}
    first = given["running_var"]
    functional_call(model, given, x)
    assert given["running_mean"] is mean
    np.testing.assert_array_equal(first, 1)  # the array is not written into
    assert model.running_mean is not None and model.num_batches_tracked is not None
    np.testing.assert_array_equal(model.running_mean.data, own["running_mean"])
    assert model.num_batches_tracked.item() == 1  # it was not given, and so the module's own moves
    model.load_state_dict(own)
    model(x)
    np.testing.assert_array_equal(mean.data, model.running_mean.data)
    np.testing.assert_array_equal(given["running_var"], model.state_dict()["running_var"])


class Odd(nn.Module):
    """Holds functions that are made of it, keeps what it sees, and fails where it is told to."""

    def __init__(self) -> None:
        self.w = nn.Parameter(np.ones(3, np.float32))
        self.inner = net()
        self.calls = 0
        self.closing = lambda x: x * self.w
        self.bound = self.times
        self.part = partial(self.times, again=2)

    def times(self, x: Tensor, again: int = 1) -> Tensor:
        return x * self.w * again

    def forward(self, x: Tensor, fail: bool = False) -> Tensor:
        self.calls += 1
        self.seen = self.w
        self.last = self.inner
        if fail:
            raise RuntimeError("told to")
        penalty = sum((p**2).sum() for name, p in self.named_parameters() if name == "w")
        return self.closing(x) + self.bound(x) + self.part(x) + penalty


def test_functions_made_of_the_module_see_what_was_given() -> None:
    model, x = Odd(), points()
    w = Tensor(np.full(3, 2, np.float32))
    out = functional_call(model, {"w": w}, x)
    np.testing.assert_array_equal(out.data, 8 * x.data + 12)
    assert model.calls == 1 and model.seen is w and model.last is model.inner
    assert set(vars(model)) - {"seen", "last"} == set(vars(Odd()))
    np.testing.assert_array_equal(model(x).data, 4 * x.data + 3)


def test_it_keeps_its_own_where_it_raises() -> None:
    model, x = Odd(), points()
    own = model.w
    with pytest.raises(RuntimeError, match="told to"):
        functional_call(model, {"w": np.zeros(3)}, x, fail=True)
    assert model.w is own and model.calls == 1


def test_nested_calls_and_hooks() -> None:
    model, x, seen = net(), points(), list[Any]()

    class Outer(nn.Module):
        def __init__(self) -> None:
            self.inner = model
            self.scale = nn.Parameter(np.ones((), np.float32))

        def forward(self, x: Tensor) -> Tensor:
            zero = {"2.weight": np.zeros((2, 4), np.float32)}
            return functional_call(self.inner, zero, x) * self.scale + self.inner(x)  # type: ignore[no-any-return]

    with model[2].register_forward_hook(lambda module, args, out: seen.append(module.bias.data)):
        bias = np.array([5, 7], np.float32)
        out = functional_call(
            Outer(), {"inner.2.bias": bias, "scale": np.full((), 2, np.float32)}, x
        )
    assert len(seen) == 2 and all((each == bias).all() for each in seen)
    model[2].bias.data = bias
    np.testing.assert_allclose(out.data, (2 * bias + model(x).data), rtol=1e-6)


def test_other_threads_use_the_module_meanwhile() -> None:
    model, x, wrong = net(), points(), list[int]()
    inside, go_on = threading.Event(), threading.Event()

    def waits(module: Any, args: Any, out: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            assert go_on.wait(10)

    expected = model(x).data
    given = {"0.weight": np.zeros((4, 3), np.float32), "0.bias": np.zeros(4, np.float32)}
    alone = functional_call(model, given, x).data

    def other() -> None:
        out = functional_call(model, given, x)
        wrong.append(int((out.data != alone).sum()))

    with model[0].register_forward_hook(waits):
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(10)
        np.testing.assert_array_equal(model(x).data, expected)
        go_on.set()
        thread.join()
    assert wrong == [0]


def loss_of(model: nn.Module, x: Tensor, given: Any) -> Tensor:
    return F.mse_loss(functional_call(model, given, x), np.ones((x.shape[0], 2), np.float32))


def test_transforms_go_through_it() -> None:
    model, x = net(), points()
    model.to(np.float64)
    state = {name: p.data.copy() for name, p in model.named_parameters()}
    slopes = grad(lambda given: loss_of(model, x, given))(state)
    loss_of(model, x, {}).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None
        np.testing.assert_allclose(slopes[name], p.grad.data, rtol=1e-12)
    bias = state["2.bias"]
    H = hessian(lambda b: loss_of(model, x, {"2.bias": b}))(bias)
    np.testing.assert_allclose(H, np.eye(2), rtol=1e-12)


def test_jit_of_it_makes_one_program() -> None:
    model, x = net(), points()
    model.train()

    def step(given: Any, x: Tensor) -> Any:
        slopes = grad(lambda own: loss_of(model, x, own))(given)
        return {name: given[name] - 0.1 * slopes[name] for name in given}

    jitted = jit(step)
    ours = theirs = {name: Tensor(p.data) for name, p in model.named_parameters()}
    for _ in range(5):
        ours, theirs = jitted(ours, x), step(theirs, x)
        for name in ours:
            np.testing.assert_array_equal(ours[name].data, theirs[name].data)
    assert "program 2" not in jitted.report()  # type: ignore[attr-defined]


def test_jit_of_it_sees_buffers_move_and_the_mode_change() -> None:
    model, x = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5)), points()
    f = jit(lambda given, x: functional_call(model, given, x))
    ours, theirs = (
        {"0.running_mean": Tensor(np.zeros(3, np.float32)), "0.weight": Tensor(np.ones(3))}
        for _ in range(2)
    )
    for training in (True, True, True, False, False, True):
        model.train(training)
        state = model.state_dict()
        ag.random.seed(1)
        a = f(ours, x)
        after = model.state_dict()
        model.load_state_dict(state)
        ag.random.seed(1)
        b = functional_call(model, theirs, x)
        np.testing.assert_array_equal(a.data, b.data)
        np.testing.assert_array_equal(ours["0.running_mean"].data, theirs["0.running_mean"].data)
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(after[name], value)
