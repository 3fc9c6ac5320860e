"""Debug mode: what a checkpoint's function read and was written to, and numbers that hooks made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad, leaf

import autograd as ag
import nn
from autograd import LostGradientWarning, Tensor

Function = Callable[[Tensor], Tensor]

# --- what a checkpoint's function reads ----------------------------------------------------------

plain = np.array([1.0, 2.0])
constant = Tensor(np.array([1.0, 2.0]))
index = np.array([1, 0])


def backward_after(f: Function, write: Callable[[], object], debug: bool = True) -> Any:
    """The gradient of a checkpointed f, where `write` runs between its forward and its backward."""
    x = leaf(3.0, 4.0)
    before = plain.copy(), constant.data.copy(), index.copy()
    try:
        with ag.debug() if debug else ag.enable_grad():
            y = ag.checkpoint(f)(x)  # called here
            write()
            y.sum().backward()
    finally:
        plain[:], constant.data[:], index[:] = before
    return grad(x)


FUNCTIONS: dict[str, tuple[Function, Callable[[], object], str]] = {
    "array": (lambda x: ag.exp(x * plain), lambda: plain.fill(9), "1 of 'multiply'"),
    "constant": (lambda x: constant / x, lambda: constant.data.fill(9), "0 of 'divide'"),
    "view": (lambda x: x**2 * plain[::-1], lambda: plain.__setitem__(0, 9), "1 of 'multiply'"),
    "index": (lambda x: x[index] ** 2, lambda: index.fill(0), "1 of 'getitem'"),
    "in another": (
        lambda x: ag.checkpoint(lambda x: ag.exp(x * plain))(x * 2),
        lambda: plain.fill(9),
        "1 of 'multiply'",
    ),
    "reshaped tensor": (
        lambda x: ag.exp(constant.reshape(2, 1) @ x[None]),
        lambda: constant.data.fill(9),
        "0 of 'reshape'",
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_write_into_what_a_checkpoint_read_is_named(name: str) -> None:
    f, write, what = FUNCTIONS[name]
    with pytest.raises(RuntimeError) as caught:
        backward_after(f, write)
    for word in (f"argument {what} in it", "of 'checkpoint(<lambda>)'", "called here"):
        assert word in str(caught.value)
    assert_array_equal(backward_after(f, lambda: None), backward_after(f, lambda: None, False))


def test_what_is_written_beside_it_or_by_the_function_itself_is_not() -> None:
    buffer = np.ones((3, 2))
    state = np.zeros(2)

    def f(x: Tensor) -> Tensor:
        state[:] += 1
        return ag.exp(x * buffer[1]) + state

    assert_array_equal(backward_after(f, lambda: buffer[0].fill(7)), np.exp([3.0, 4.0]))
    with ag.debug():
        x = leaf(3.0, 4.0)
        y = ag.checkpoint(f)(x)
        y.sum().backward(retain_graph=True)
        y.sum().backward()
        buffer[1] = 5  # nobody reads it any more
    assert_array_equal(grad(x), 2 * np.exp([3.0, 4.0]))


# --- what hooks make -----------------------------------------------------------------------------


def lost(g: Tensor) -> Tensor:
    return g * np.nan


def test_a_hook_on_a_tensor_is_named() -> None:
    for make in (leaf, lambda *values: leaf(*values) * 2):
        for hook, number in ((lost, "nan"), (lambda g: Tensor([0.0, np.inf]), "inf")):
            x = make(1.0, 2.0)
            x.register_hook(lambda g: g * 2)
            x.register_hook(hook)
            words = rf"the hook .*{hook.__name__}.* line \d+ made the first {number}"
            with pytest.raises(FloatingPointError, match=words), ag.debug():
                (x * 3).sum().backward()
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g * 2)
    with ag.debug():
        (x * 3).sum().backward()
    assert_array_equal(grad(x), 6)


def test_a_hook_of_a_transform_is_named() -> None:
    def f(x: Tensor) -> Tensor:
        x.register_hook(lost)
        return (x * x).sum()

    with pytest.raises(FloatingPointError, match="the hook lost"), ag.debug():
        ag.grad(f)(np.ones(2))


def spoils(module: Any, args: Any, *out: Any) -> Any:
    return Tensor(np.full((1, 2), np.nan))


def pair(module: Any, args: Any, kwargs: Any) -> Any:
    return (Tensor(np.full((1, 2), np.inf)),), kwargs


def test_a_hook_of_a_module_is_named() -> None:
    for register, hook, options in (
        (nn.Module.register_forward_hook, spoils, {}),
        (nn.Module.register_forward_pre_hook, spoils, {}),
        (nn.Module.register_forward_pre_hook, pair, {"with_kwargs": True}),
    ):
        module = nn.Linear(2, 2)
        register(module, lambda *given: None)
        register(module, hook, **options)  # type: ignore[operator]
        words = f"the hook {hook.__name__} .*test_runs_and_hooks.*made the first"
        with pytest.raises(FloatingPointError, match=words), ag.debug():
            module(Tensor(np.ones((1, 2))))
        with ag.debug():  # what it is given is not its doing
            register(nn.Identity(), hook, **options)  # type: ignore[operator]
            nn.Identity()(Tensor(np.full((1, 2), np.nan)))


# --- tensors that NumPy's types and functions make numbers of ------------------------------------


def test_types_and_functions_that_keep_but_the_number() -> None:
    t, buffer = leaf(2.0), np.zeros(3)
    from array import array

    for convert in (
        lambda: np.float64(t),  # type: ignore[arg-type]
        lambda: buffer.dtype.type(t),
        lambda: buffer.fill(t),  # type: ignore[arg-type]
        lambda: np.fromiter([t], float),  # type: ignore[arg-type]
        lambda: array("d", [t]),  # type: ignore[list-item]
    ):
        with pytest.warns(LostGradientWarning, match="became a number"), ag.debug():
            convert()
    for refused in (np.float32, np.int64, np.complex128):
        with pytest.raises(RuntimeError, match=r"detach\(\)"):
            refused(t)
    with ag.debug():
        assert (float(t), complex(t), np.float64(t.detach()), np.float64(float(t))) == (2,) * 4
