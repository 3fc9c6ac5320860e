"""Options of ops that are tensors and want a gradient; errors that name the op that was called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, primitive

X = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
ONE = Tensor(1.0, requires_grad=True)
BYTES = Tensor(np.zeros(3, np.uint8))

OPTIONS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "roll": (ag.roll, "shift"),
    "pinv": (ag.pinv, "rcond"),
    "var": (lambda x, t: ag.var(x, None, t), "ddof"),
    "std": (lambda x, t: ag.std(x, None, t), "ddof"),
    "sum": (ag.sum, "axis"),
    "cumsum": (ag.cumsum, "axis"),
    "nan_to_num": (lambda x, t: ag.nan_to_num(x, True, t), "nan"),
    "norm": (ag.norm, "ord"),
    "diag": (ag.diag, "k"),
    "diagonal": (ag.diagonal, "offset"),
    "tril": (ag.tril, "k"),
    "tile": (ag.tile, "reps"),
    "repeat": (ag.repeat, "repeats"),
    "rot90": (ag.rot90, "k"),
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("t", [ONE, ONE * 2, Tensor(2.0, requires_grad=True)])
@pytest.mark.parametrize("x", [X, X.detach()], ids=["with x", "alone"])
def test_an_option_that_wants_a_gradient_is_refused_at_the_call(name: str, t: Any, x: Any) -> None:
    call, option = OPTIONS[name]
    with pytest.raises(TypeError, match=f"^{name}: the option '{option}' is a Tensor that wants"):
        call(x, t)


def test_options_of_a_users_op_are_refused_where_the_gradient_is_asked_for() -> None:
    @primitive
    def scaled(x: Any, by: Any) -> Any:
        return x * by

    scaled.defvjp(lambda g, out, x, by: g * by)
    y = scaled(X, ONE).sum()
    with pytest.raises(RuntimeError, match="'scaled' has no rule for argument 1"):
        y.backward()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ag.stack([ONE, None]), TypeError, "stack: argument 1 is None"),
        (lambda: ag.concatenate([X, None]), TypeError, "concatenate: argument 1 is None"),
        (lambda: X.ravel(1), TypeError, r"Tensor\.ravel\(\)"),
        (lambda: X.flatten(1), TypeError, r"Tensor\.flatten\(\)"),
        (lambda: ag.sort(X, True), TypeError, "^sort: "),
        (lambda: ag.sort(X, 5), np.exceptions.AxisError, "^sort: .*out of bounds"),
        (lambda: ag.median(X, True), TypeError, "^median: axis=True"),
        (lambda: ag.squeeze(X, True), TypeError, "^squeeze: "),
        (lambda: ag.squeeze(X, 7), np.exceptions.AxisError, "^squeeze: "),
        (lambda: ag.norm(Tensor([]), np.inf), ValueError, "^norm: "),
        (lambda: ag.hstack([ONE, X]), ValueError, "^hstack: "),
        (lambda: ag.vstack([X, np.ones(2)]), ValueError, "^vstack: "),
        (
            lambda: ag.index_update(BYTES, 0, 300),
            OverflowError,
            r"index_update\(uint8 \(3,\), 0, 3",
        ),
        (lambda: ag.index_add(BYTES, 0, 300), OverflowError, r"index_add\(uint8"),
        (lambda: BYTES + 300, OverflowError, r"add\(uint8 \(3,\), 300\)"),
        (lambda: ag.maximum(BYTES, -1), OverflowError, r"maximum\(uint8"),
        (lambda: primitive("x"), TypeError, "primitive: 'x' given, a function"),  # type: ignore[call-overload]
        (lambda: primitive(kind="view")(3), TypeError, "primitive: 3 given"),  # type: ignore[arg-type]
    ],
)
def test_errors_name_the_op_that_was_called(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_primitive_has_the_name_that_it_is_given() -> None:
    op = primitive(lambda x: x, name="q")  # type: ignore[call-overload]
    assert op.name == "q" and primitive(name="r")(lambda x: x).name == "r"
