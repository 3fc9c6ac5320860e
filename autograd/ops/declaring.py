"""Other ways to declare an op: of a composition with a gradient of its own, and rules on arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.engine.conforming import like
from autograd.engine.modes import array_within, mode
from autograd.engine.primitives import Primitive, primitive, registry
from autograd.engine.rules import Rule
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.ops.arguments import expect_plain
from autograd.runtime.scopes import tracer
from autograd.runtime.trees import flatten


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
    """Make a rule of a function of arrays. Its gradient refuses to be differentiated again.

    As it is linear in the gradient g that it gets, `jvp` knows its transpose all the same: it calls
    the rule once for each element of g.
    """
    return OnArrays(rule)


class OnArrays:
    """A rule of a function of arrays."""

    def __init__(self, rule: Callable[..., Any]) -> None:
        self.rule = rule

    def __call__(self, g: Any, out: Any, *args: Any, **options: Any) -> Tensor:
        trace = tracer()
        # What runs again must be an op; a program of what is over has what came out.
        again = trace is not None and not trace.frozen
        if not (mode.recording or again):
            plain = [_plain(arg) for arg in (g, out, *args)]
            return wrap(_plain_array(self.rule(*plain, **_plain(options))), None)
        leaves, rebuild = flatten((g, out, args, options))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]

        def of(*arrays: Array) -> Array:
            given = iter(arrays)
            g, out, args, options = rebuild(
                [next(given) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
            )
            return _plain_array(self.rule(g, out, *args, **options))

        count = len(g) if isinstance(g, tuple) else 1
        return linear_in_first(*tensors, of=of, count=count, rule=self)

    def __repr__(self) -> str:
        return f"on_arrays({self.rule!r})"

    def told(self) -> str:
        """Which rule of which op it is."""
        for op in tuple(registry.values()):
            for position, rule in enumerate((*op.rules, op.rule_for_each)):
                if rule is self:
                    number = position if position < len(op.rules) else "for each argument"
                    return f"rule {number} of '{op.name}'"
        return "one"  # of no op, or called by a rule

    def refusal(self) -> RuntimeError:
        """The error of its derivative."""
        code = getattr(self.rule, "__code__", None)
        where = f" ({code.co_filename}, line {code.co_firstlineno})" if code else ""
        return RuntimeError(
            f"the derivative of a rule on arrays, {self.told()}{where}, was asked for; for second "
            "derivatives write it in primitives, without on_arrays"
        )


@primitive(name="rule_on_arrays")
def linear_in_first(*arrays: Array, of: Callable[..., Array], count: int, rule: OnArrays) -> Array:
    """of(*arrays): a rule on arrays, linear in the first `count` of them, the gradients."""
    return of(*arrays)


@primitive(name="transposed_rule_on_arrays")
def transposed(
    t: Array,
    *arrays: Array,
    of: Callable[..., Array],
    zeros: Sequence[Array],
    position: int,
    rule: OnArrays,
) -> Array:
    """The gradient of sum(t * of(*gradients, *arrays)) by the gradient at `position`, of which
    `zeros` has the shapes; it is the same wherever it is taken."""
    units = [zero.copy() for zero in zeros]
    found: Array = np.empty_like(units[position])
    for place in np.ndindex(found.shape):
        units[position][place] = 1
        found[place] = np.sum(t * of(*units, *arrays))
        units[position][place] = 0
    return found


def _pull_linear(
    position: int, g: Tensor, out: Tensor, *arrays: Tensor, of: Any, count: int, rule: OnArrays
) -> Tensor:
    if position >= count:
        raise rule.refusal()
    zeros = [np.zeros_like(array_within(a)) for a in arrays[:count]]
    return transposed(g, *arrays[count:], of=of, zeros=zeros, position=position, rule=rule)


def _pull_transposed(
    own: int,
    g: Tensor,
    out: Tensor,
    t: Tensor,
    *arrays: Tensor,
    of: Any,
    zeros: Sequence[Array],
    position: int,
    rule: OnArrays,
) -> Tensor:
    if own:
        raise rule.refusal()
    gradients = [wrap(zero, None) for zero in zeros]
    gradients[position] = g
    return linear_in_first(*gradients, *arrays, of=of, count=len(zeros), rule=rule)


linear_in_first.defvjp_each(_pull_linear)
transposed.defvjp_each(_pull_transposed)


def _plain_array(pulled: Any) -> Array:
    expect_plain("a rule on arrays returned", pulled)
    return np.asarray(pulled)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return like(value, [_plain(part) for part in value])
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return array_within(value) if isinstance(value, Tensor) else value
