"""What the array ops refuse, and the words in which they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, ops

NAN, INF = np.nan, np.inf

X = np.arange(24.0).reshape(2, 3, 4)
I = np.array([1, 0, 1])  # noqa: E741
M = np.arange(24).reshape(2, 3, 4) % 5 < 2
NOTHING = np.zeros((0, 3))
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: ag.argmax(NOTHING, 0),
        ValueError,
        r"argmax\(float64 \(0, 3\), 0\).*at least one element",
    ),
    (lambda: ag.argmin(NOTHING), ValueError, r"argmin\(float64 \(0, 3\)\).*at least one element"),
    (lambda: ag.max(NOTHING, 0), ValueError, r"max\(float64 \(0, 3\), 0\).*at least one element"),
    (lambda: ag.min(NOTHING, 0), ValueError, r"min\(float64 \(0, 3\), 0\).*at least one element"),
    (lambda: ag.sum(X, 3), ValueError, r"sum\(float64 \(2, 3, 4\), 3\): axis 3 is out of bounds"),
    (lambda: ag.prod(X, (0, 0)), ValueError, "prod.*duplicate|prod.*repeated"),
    (
        lambda: ag.split(np.ones(7), 3),
        ValueError,
        "length 7 cannot be cut into 3 equal.*array_split",
    ),
    (lambda: ag.split(np.ones(7), 0), ValueError, "cannot be cut into 0"),
    (lambda: ag.split(np.ones(7), [3, 1]), ValueError, r"before \[3, 1\].*overlap.*ascending"),
    (lambda: ag.array_split(np.ones(7), 0), ValueError, "array_split: 0 parts given"),
    (
        lambda: ag.vsplit(np.ones(4), 2),
        ValueError,
        r"vsplit: a tensor of shape \(4,\) given, 2 axes",
    ),
    (
        lambda: ag.dsplit(np.ones((4, 4)), 2),
        ValueError,
        r"dsplit: a tensor of shape \(4, 4\) given, 3 axes",
    ),
    (lambda: ag.diff(X, -1), ValueError, "diff: n=-1 given"),
    (lambda: ag.diff(X, 1, 3), ValueError, "axis 3 is out of bounds"),
    (lambda: ag.diff(X, 1, 0, X[0]), ValueError, "concatenate.*shapes are equal but along"),
    (lambda: ag.column_stack([]), ValueError, "column_stack: no arrays given"),
    *(
        (
            lambda part=part: part(Tensor(1.0, requires_grad=True) * 1j),
            TypeError,
            "a tensor of complex128 that wants a gradient given, a real one expected",
        )
        for part in (ag.real, ag.imag, ag.conj, np.real, np.conj)
    ),
    (lambda: ag.concatenate([]), ValueError, "concatenate: no arrays given"),
    (lambda: ag.stack([]), ValueError, "stack: no arrays given"),
    (lambda: ag.stack([np.ones(2), np.ones(3)]), ValueError, "float64 .3,.*expected arrays of one"),
    (lambda: ag.concatenate([np.ones((2, 3)), np.ones((2, 4))]), ValueError, "equal but along"),
    (lambda: ag.squeeze(X, 1), ValueError, r"axis 1 of shape \(2, 3, 4\) given, axes of length 1"),
    (lambda: ag.squeeze(X, 3), ValueError, "axis 3 is out of bounds"),
    (lambda: ag.rot90(X, 1, (0, 3)), ValueError, "axis 3 is out of bounds"),
    (lambda: ag.rot90(X, 1, (0, -3)), ValueError, "two different axes expected"),
    (lambda: ag.rot90(X[0, 0]), ValueError, "axis 1 is out of bounds"),
    (lambda: ag.repeat(X, [1, 2], 1), ValueError, r"\[1, 2\] given for axis 1 .*3 of them"),
    (lambda: ag.repeat(X, 1.5), ValueError, "1.5 given.*a whole number"),
    (lambda: ag.repeat(X, -1), ValueError, "-1 given, numbers of at least 0"),
    (lambda: ag.tile(X, (2, -1)), ValueError, r"\(2, -1\) given, numbers of at least 0"),
    (lambda: ag.pad(X, 1, "mirror"), ValueError, "mode 'mirror' given, one of constant, edge"),
    (lambda: ag.pad(X, (1, 2, 3)), ValueError, "for 3 axes; a pair"),
    (lambda: ag.pad(X, 1.5, "edge"), ValueError, "pad_width 1.5 given"),
    (lambda: ag.pad(X, -1), ValueError, "at least 0 expected, -1 given"),
    (lambda: ag.tril(X[0, 0]), ValueError, r"tril: a tensor of shape \(4,\) given, matrices"),
    (lambda: ag.diag(X), ValueError, r"diag: .*\(2, 3, 4\) given, a vector or a matrix"),
    (lambda: ag.trace(X[0, 0]), ValueError, "matrices"),
    (lambda: ag.take(X, M), TypeError, "indices of dtype bool given, integers expected"),
    (lambda: ag.take(X, [0.5]), TypeError, "indices of dtype float64 given"),
    (lambda: ag.take(X, 24), IndexError, "index 24 is out of bounds"),
    (lambda: ag.take_along_axis(X, I, 0), ValueError, r"shape \(3,\) given for .*as many axes"),
    (lambda: ag.index_add(X, 5, 1), IndexError, "index_add.*index 5 is out of bounds"),
    (lambda: ag.index_update(X, 0, np.ones(3)), ValueError, "y that broadcasts to"),
    (lambda: Tensor(X)[0.5], IndexError, "getitem.*only integers, slices"),
    (lambda: Tensor(X)[Tensor([0.5])], IndexError, "must be of integer"),
    (lambda: ops.linear_recurrence(X, X[0]), ValueError, "expected two arrays of one shape"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=range(len(ERRORS)))
def test_errors_say_what_was_expected(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("dtype", "number"),
    [
        (int, NAN),
        (np.int8, INF),
        (np.uint8, -1),
        (np.uint8, 256),
        (bool, 2),
        (bool, NAN),
        (int, 0.5),
    ],
)
def test_a_border_of_a_number_that_the_dtype_does_not_have(dtype: Any, number: float) -> None:
    with pytest.raises(ValueError, match=r"pad\(.*constant_values .* which has no such number"):
        ag.pad(np.ones(2, dtype), 1, constant_values=number)


@pytest.mark.parametrize("number", [None, "a"])
def test_a_border_of_no_number(number: Any) -> None:
    with pytest.raises(TypeError, match=r"constant_values .* given, one number expected"):
        ag.pad(np.ones(2), 1, constant_values=number)
