"""Hooks on gradients: their order, what they may return, how they are removed; and retain_grad."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad, identity, leaf, records

import nn
from autograd import Tensor, compare, exp, split, sweep_hook
from autograd.engine.modes import mode
from autograd.ops import add
from autograd.program.running import run
from autograd.program.watching import program_of


def computed() -> tuple[Tensor, Tensor]:
    x = leaf(3.0)
    return x, x * 2


def doubled(g: Tensor) -> Tensor:
    return g * 2


# --- retain_grad ---------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [2, 5])
def test_asked_for_twice_it_is_retained_once(times: int) -> None:
    x, y = computed()
    for _ in range(times):
        y.retain_grad()
    (y * y).backward(retain_graph=True)
    assert grad(y) == 12
    (y * y).backward()
    assert (grad(y), grad(x)) == (24, 48)


REGISTER: dict[str, Callable[[Tensor], Any]] = {
    "retain": lambda y: y.retain_grad(),
    "double": lambda y: y.register_hook(doubled),
    "add one": lambda y: y.register_hook(lambda g: g + 1),
    "look": lambda y: y.register_hook(lambda g: None),
}


@pytest.mark.parametrize("order", list(itertools.permutations(REGISTER)))
def test_what_is_retained_is_what_goes_on(order: tuple[str, ...]) -> None:
    """After all hooks, in whatever order they and retain_grad came; the others keep theirs."""
    x, y = computed()
    for name in order:
        REGISTER[name](y)
    y.backward(Tensor(5.0))
    expected = 11 if order.index("double") < order.index("add one") else 12
    assert (grad(y), grad(x)) == (expected, 2 * expected)


def test_a_hook_that_comes_after_another_was_removed() -> None:
    x, y = computed()
    y.retain_grad()
    remove = y.register_hook(doubled)
    y.retain_grad()
    remove()
    y.register_hook(lambda g: g * 10)
    y.backward()
    assert (grad(y), grad(x)) == (10, 20)


def test_a_leaf_is_asked_in_vain_and_without_harm() -> None:
    x = leaf(3.0)
    x.retain_grad()
    x.register_hook(doubled)
    x.retain_grad()
    (x * x).backward()
    assert grad(x) == 12


def test_retained_with_its_history() -> None:
    x, y = computed()
    y.retain_grad()
    y.retain_grad()
    (y * y * y).backward(create_graph=True)
    assert y.grad is not None
    assert y.grad.item() == 108
    x.grad = None
    y.grad.backward()  # 3 y^2 = 12 x^2
    assert grad(x) == 72


def test_one_of_several_outputs() -> None:
    x = leaf(1.0, 2.0, 3.0)
    first, second = split(x, [1])
    second.retain_grad()
    second.register_hook(doubled)
    second.retain_grad()
    (first.sum() + second.sum()).backward()
    assert_array_equal(grad(second), [2, 2])
    assert_array_equal(grad(x), [1, 2, 2])


# --- removal -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("removed", "left"), [([0], 2), ([1], 2), ([0, 1], 1), ([0, 0, 0], 2)])
def test_one_of_equal_hooks_is_removed(removed: list[int], left: int) -> None:
    """Each registration has a way to remove itself, which does no more the second time."""
    for register in (doubled, doubled), (Tensor(2.0).__mul__, Tensor(2.0).__mul__):
        x = leaf(1.0)
        removals = [x.register_hook(hook) for hook in (*register, doubled)]
        for number in removed:
            removals[number]()
        x.backward()
        assert grad(x) == 2**left


def test_a_hook_that_removes_itself_or_another_or_adds_one() -> None:
    x = leaf(1.0)
    seen: list[str] = []

    def once(g: Tensor) -> None:
        seen.append("once")
        remove()
        remove_last()
        x.register_hook(lambda g: seen.append("new"))

    remove = x.register_hook(once)
    remove_last = x.register_hook(lambda g: seen.append("last"))
    (x * 1).backward()
    (x * 1).backward()
    assert seen == ["once", "last", "new"]  # what runs was settled before the first began


def test_a_rule_that_removes_a_hook_while_gradients_are_looked_at() -> None:
    """`compare` sets hooks aside for its sweeps."""
    x, y = computed()
    remove = y.register_hook(doubled)

    def rule(g: Tensor, out: Tensor, y: Tensor) -> Tensor:
        remove()
        return g

    assert compare(identity(rule)(y), dx=(x, 2.0))


def test_hooks_run_while_a_function_is_watched() -> None:
    def hooked(x: Tensor) -> Tensor | None:
        start = Tensor(x, requires_grad=True)
        y = start * start
        y.register_hook(doubled)
        y.backward()
        return start.grad

    assert run(program_of(hooked, np.array(3.0)), [np.array(5.0)]) == 20


# --- what they return ----------------------------------------------------------------------------

WRONG: dict[str, tuple[Callable[[Tensor], Any], type[Exception], str]] = {
    "array": (lambda g: g.data, TypeError, "returned ndarray; a Tensor of float64 (2,) expected"),
    "float": (lambda g: 2.0, TypeError, "returned float; a Tensor"),
    "NumPy's number": (lambda g: np.float64(2.0), TypeError, "returned float64; a Tensor"),
    "False": (lambda g: False, TypeError, "returned bool; a Tensor of float64 (2,) expected"),
    "True": (lambda g: True, TypeError, "returned bool"),
    "list": (lambda g: [g], TypeError, "returned list"),
    "tuple": (lambda g: (), TypeError, "returned tuple"),
    "shape": (lambda g: g.sum(), ValueError, "returned float64 () for a gradient of float64 (2,)"),
    "column": (lambda g: g.reshape(2, 1), ValueError, "returned float64 (2, 1)"),
    "dtype": (lambda g: g.astype(np.float32), TypeError, "returned float32 (2,) for a gradient"),
    "integers": (lambda g: Tensor([1, 2]), TypeError, "returned int64 (2,)"),
}


@pytest.mark.parametrize(("hook", "error", "message"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("on_leaf", [False, True])
def test_what_is_no_gradient_is_refused(
    hook: Callable[[Tensor], Any], error: type[Exception], message: str, early: bool, on_leaf: bool
) -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    (x if on_leaf else y).register_hook(hook)
    with pytest.raises(error) as caught:
        y.sum().backward(early=early)
    assert message in str(caught.value)
    assert "hook" in str(caught.value)
    assert x.grad is None
    assert records()


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_hook_that_raises(create_graph: bool) -> None:
    """Nothing is left in .grad or in the mode, and the graph is there where it was to be kept."""
    x = leaf(0.5)
    y = exp(x)
    y.retain_grad()
    failing = True

    def hook(g: Tensor) -> None:
        if failing:
            raise ZeroDivisionError("in a hook")

    y.register_hook(hook)
    z = y * y
    with pytest.raises(ZeroDivisionError, match="in a hook"):
        z.backward(retain_graph=True, create_graph=create_graph)
    assert (x.grad, y.grad) == (None, None)
    assert records()
    failing = False
    z.backward(create_graph=create_graph)
    np.testing.assert_allclose(grad(x), 2 * np.exp(1.0))
    np.testing.assert_allclose(grad(y), 2 * np.exp(0.5))


def test_a_gradient_that_a_hook_gives_keeps_its_history_where_the_sweep_is_recorded() -> None:
    x, w = leaf(2.0), leaf(3.0)
    x.register_hook(lambda g: g * w)
    add(x * x, 0.0).backward(create_graph=True)
    assert x.grad is not None
    first, x.grad = x.grad, None
    assert first.item() == 12
    first.backward()
    assert grad(w) == 4


# --- what is no hook -----------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [3, None, "f", [doubled]])
def test_what_cannot_be_called_is_no_hook(wrong: Any) -> None:
    x, y = computed()
    module = nn.Linear(1, 1)
    for register in (
        x.register_hook,
        y.register_hook,
        module.register_forward_hook,
        module.register_forward_pre_hook,
        lambda hook: sweep_hook(hook).__enter__(),
    ):
        with pytest.raises(TypeError, match=f"hook.*: {re.escape(repr(wrong))} given, a function"):
            register(wrong)
    y.backward()
    assert (grad(x), mode.sweep_hooks) == (2, ())
    assert module(Tensor([[1.0]])).shape == (1, 1)
