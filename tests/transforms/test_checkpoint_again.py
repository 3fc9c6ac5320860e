"""A checkpointed function that does something else when it runs again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, checkpoint

Function = Callable[[Tensor], Any]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (
            lambda x: x * 2,
            lambda x: Tensor(np.ones(3)) * x,
            r"returns float64 \(3,\) where",
        ),
        (lambda x: x * 2, lambda x: 4.0, "returns float where"),
        (lambda x: x * 2, lambda x: (x * 2, x), r"float64 \(\), float64 \(\) where"),
        (lambda x: (x * 2, x), lambda x: x * 2, r"float64 \(\) where it returned float64 \(\), fl"),
        (lambda x: x * 2, lambda x: (x * 2).astype(np.float32), r"float32 \(\) where"),
    ],
)
def test_another_result_is_an_error(first: Function, second: Function, told: str) -> None:
    runs = iter([first, second])
    x = Tensor(2.0, requires_grad=True)
    out = checkpoint(lambda x: next(runs)(x))(x)
    with pytest.raises(RuntimeError, match=told):
        (out[0] if isinstance(out, tuple) else out).backward()
    assert x.grad is None


def test_the_same_results_are_not() -> None:
    x = Tensor(2.0, requires_grad=True)
    for f in (lambda x: (x * 2, 3, "a", None), lambda x: [x * 2, np.ones(3), Tensor(1)]):
        x.grad = None
        checkpoint(f)(x)[0].backward()
        assert x.grad is not None and x.grad.item() == 2
