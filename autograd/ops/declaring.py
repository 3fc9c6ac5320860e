"""Other ways to declare an op: of a composition with a gradient of its own, and rules on arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.engine.conforming import like
from autograd.engine.modes import mode, no_grad
from autograd.engine.primitives import Primitive, Rule
from autograd.engine.tape import Refusal
from autograd.engine.tensor import Tensor, wrap


def custom_vjp(function: Callable[..., Any]) -> Primitive:
    """Make one op of a function of tensors, whose gradient is then declared with `.defvjp`.

    The function is a composition of other ops; its own gradient is not taken. For gradients that
    are clipped, passed straight through, or computed in a stabler form.
    """

    @functools.wraps(function)
    def forward(*arrays: Any, **options: Any) -> Any:
        with no_grad():
            tensors = [wrap(a, None) if isinstance(a, np.ndarray) else a for a in arrays]
            return _plain(function(*tensors, **options))

    return Primitive(forward)


def on_arrays(rule: Callable[..., Any]) -> Rule:
    """Make a rule of a function of arrays. Its gradient refuses to be differentiated again."""

    def lifted(g: Any, out: Any, *args: Any, **options: Any) -> Tensor:
        plain = [_plain(arg) for arg in (g, out, *args)]
        result = np.asarray(rule(*plain, **{name: _plain(v) for name, v in options.items()}))
        if not mode.recording:
            return wrap(result, None)
        code = getattr(rule, "__code__", None)
        where = f" ({code.co_filename}, line {code.co_firstlineno})" if code else ""
        reason = (
            f"the derivative of a rule on arrays{where} was asked for; for second derivatives "
            "write it in primitives, without on_arrays"
        )
        return wrap(result, Refusal(reason))

    return lifted


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return like(value, [_plain(part) for part in value])
    return value.data if isinstance(value, Tensor) else value
