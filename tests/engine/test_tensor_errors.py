"""What tensors and backward refuse, and the words in which they do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, max


def ones(*shape: int) -> Tensor:
    return Tensor(np.ones(shape), requires_grad=True)


def assign() -> None:
    ones(2)[0] = 1


def forget() -> None:
    (ones(2) * 2).requires_grad = False


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "add": (lambda: ones(2, 3) + ones(4), ValueError, ["add(", "(2, 3)", "(4,)", "broadcast"]),
    "multiply an array": (lambda: np.ones(2) * ones(3), ValueError, ["multiply(", "(2,)", "(3,)"]),
    "matmul": (
        lambda: ones(2, 3) @ ones(2, 3),
        ValueError,
        ["matmul(float64 (2, 3), float64 (2, 3))", "(..., n, k) and y (..., k, m)"],
    ),
    "reshape": (lambda: ones(2, 3).reshape(4), ValueError, ["reshape(", "(2, 3)", "size 6", "4"]),
    "sum": (lambda: ones(2).sum(axis=1), ValueError, ["sum(", "(2,)", "axis 1"]),
    "getitem": (lambda: ones(2)[5], IndexError, ["getitem(", "(2,)", "5"]),
    **{
        f"complex numbers: {name}": (given, TypeError, ["complex128", "float64"])
        for name, given in {
            "backward": lambda: ones(2).backward(np.array([1j, 2])),
            "backward of a list": lambda: ones(2).backward([1j, 2]),
            "backward of a tensor": lambda: ones(2).backward(Tensor([1j, 2])),
            "Tensor": lambda: Tensor(1j, dtype=float),
            "Tensor of a tensor": lambda: Tensor(Tensor([1j]), dtype=float),
        }.items()
    },
    "backward of many": (
        lambda: ones(2, 3).backward(),
        ValueError,
        ["backward", "(2, 3)", "cotangent", "sum, mean", "gradient="],
    ),
    "backward of none": (lambda: ones(0).backward(), ValueError, ["backward", "(0,)", "gradient="]),
    "cotangent": (
        lambda: ones(2, 3).backward(np.ones(3)),
        ValueError,
        ["backward", "(3,)", "(2, 3)", "equal"],
    ),
    "backward of a constant": (
        lambda: Tensor(1.0).backward(),
        RuntimeError,
        ["backward", "requires_grad=True", "no_grad"],
    ),
    "retain_grad": (
        lambda: Tensor(1.0).retain_grad(),
        RuntimeError,
        ["retain_grad", "constant", "requires_grad"],
    ),
    "register_hook": (
        lambda: Tensor(1.0).register_hook(print),
        RuntimeError,
        ["register_hook", "constant", "requires_grad"],
    ),
    "integers": (
        lambda: Tensor([1, 2], requires_grad=True),
        TypeError,
        ["requires_grad", "int64", "floating", "dtype=float"],
    ),
    "booleans": (lambda: Tensor(True, requires_grad=True), TypeError, ["bool", "dtype=float"]),
    "strings": (lambda: Tensor("one"), TypeError, ["Tensor", "<U3", "numbers"]),
    "masked": (
        lambda: Tensor(np.ma.array([1.0, 2.0], mask=[0, 1])),
        TypeError,
        ["Tensor: a masked array of float64 given", "filled"],
    ),
    "forgetting": (forget, RuntimeError, ["requires_grad", "'multiply'", "detach()"]),
    "float": (lambda: float(ones(2)), ValueError, ["one element", "(2,)"]),
    "int": (lambda: int(ones(2, 2)), ValueError, ["one element", "(2, 2)"]),
    "item": (lambda: ones(0).item(), ValueError, ["item", "one element", "(0,)"]),
    "bool": (lambda: bool(ones(2)), ValueError, ["bool", "(2,)", "np.any", "np.all"]),
    "len": (lambda: len(ones()), TypeError, ["len", "()"]),
    "copying": (lambda: copy.copy(ones(2) * 2), RuntimeError, ["'multiply'", "detach()"]),
    "assignment": (assign, TypeError, ["assigned", "where", ".data"]),
    "keyword": (
        lambda: max(ones(2), axis=Tensor(0)),
        TypeError,
        ["max", "'axis'", "Tensor", "not differentiated", ".data"],
    ),
}


@pytest.mark.parametrize(("wrong", "error", "words"), ERRORS.values(), ids=ERRORS)
def test_errors_say_what_was_given_and_what_to_do(
    wrong: Callable[[], Any], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as caught:
        wrong()
    for word in words:
        assert word in str(caught.value)
