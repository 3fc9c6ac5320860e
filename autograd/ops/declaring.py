"""Other ways to declare an op: of a composition with a gradient of its own, and rules on arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.engine.conforming import like
from autograd.engine.modes import mode
from autograd.engine.primitives import Primitive, Rule
from autograd.engine.tape import Refusal
from autograd.engine.tensor import Tensor, wrap


def custom_vjp(function: Callable[..., Any]) -> Primitive:
    """Make one op of a function of tensors, whose gradient is then declared with `.defvjp`.

    The function is a composition of other ops; its own gradient is not taken. For gradients that
    are clipped, passed straight through, or computed in a stabler form.

    Raises RuntimeError, when called, where the result hangs on a tensor that wants a gradient and
    that the function closes over, or finds inside an argument: no rule could give it one.
    """

    @functools.wraps(function)
    def forward(*arrays: Any, **options: Any) -> Any:
        tensors = [wrap(a, None) if isinstance(a, np.ndarray) else a for a in arrays]
        result = function(*tensors, **options)
        # Arguments are constants here, of which nothing is recorded: what wants a gradient is
        # another tensor's doing.
        for out in result if isinstance(result, tuple) else (result,):
            if isinstance(out, Tensor) and out.requires_grad:
                raise RuntimeError(
                    f"custom_vjp: '{forward.__name__}' computes from a tensor that wants a "
                    "gradient and is no argument of it, so that it would get none; make it an "
                    "argument, with a rule, or use its detach()"
                )
        return _plain(result)

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
