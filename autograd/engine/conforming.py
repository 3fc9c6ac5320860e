"""What goes into a forward and what comes out of a rule, made to conform: dtypes and shapes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autograd.engine.needs import needs
from autograd.engine.tape import Record
from autograd.engine.tensor import Tensor

# Types of arguments that are passed on as they are. Python's scalars are weak (NEP 50): they take
# the dtype of the array they meet. What broadcasts takes numbers alone.
NUMBERS = frozenset({np.ndarray, int, float, bool, complex})
CLEAR = NUMBERS | {slice, type(None), type(...), str, type}

_warned: dict[Any, Any] = {}  # as Python keeps one for each module, to warn once of a rule


class BroadcastWarning(UserWarning):
    """A rule of an op that declares no broadcasting gave a gradient that had to be summed."""


def like(several: tuple[Any, ...], parts: list[Any]) -> Any:
    """The parts in a tuple of the same kind, with the same names if it has any."""
    return type(several)(*parts) if hasattr(several, "_fields") else tuple(parts)


def conformed(g: Any, record: Record, position: int, broadcasts: bool) -> Tensor:
    """The one place that checks what a rule returned, and sums it over broadcast axes.

    Args:
        g: what rule `position` returned: the gradient of that argument of the record.
        broadcasts: whether the op declares that its arguments broadcast.

    Raises:
        TypeError: g is no Tensor, or has another dtype than the argument.
        ValueError: g has a shape that the argument's does not broadcast to.
    """
    name, out = record.op.name, record.out
    arrays: Any = record.arrays
    array = arrays[position]
    if not isinstance(g, Tensor):
        raise TypeError(
            f"rule {position} of '{name}' returned {type(g).__name__}, "
            "a Tensor made by primitives expected; stack() makes one of a list, on_arrays() a rule"
        )
    gradient: Tensor = g
    if gradient._array.shape != array.shape:
        gradient = _summed_back(gradient, array.shape, record.op, position, broadcasts)
    if gradient._array.dtype != array.dtype:
        mixed = any(isinstance(a, np.ndarray) and a.dtype.kind in "biu" for a in arrays)
        made = {a.dtype for a in (out if isinstance(out, tuple) else (out,))}
        wide = any(np.can_cast(gradient._array.dtype, d) for d in made - {array.dtype})
        if array.dtype in made and not wide and not mixed:
            raise TypeError(
                f"rule {position} of '{name}' returned {gradient.dtype} for an argument of "
                f"{array.dtype}: a constant in the rule has drifted; use Python numbers, or "
                "arrays of the argument's dtype"
            )
        if array.dtype.kind == "f" and gradient._array.dtype.kind == "c":
            raise TypeError(
                f"rule {position} of '{name}' returned {gradient.dtype} for an argument of "
                f"{array.dtype}: the gradient of a real argument is real; take its real part"
            )
        return needs.astype(gradient, array.dtype)  # the adjoint of the promotion in the forward
    return gradient


def _summed_back(
    g: Tensor, shape: tuple[int, ...], op: Any, position: int, broadcasts: bool
) -> Tensor:
    extra = len(g.shape) - len(shape)
    padded = (1,) * extra + shape
    if extra < 0 or any(n not in (1, m) for n, m in zip(padded, g.shape, strict=True)):
        raise ValueError(
            f"rule {position} of '{op.name}' returned a gradient of shape {g.shape} for an "
            f"argument of shape {shape}; the two must be equal"
        )
    if not broadcasts:
        axes = broadcast_axes(g.shape, shape)
        at = getattr(op.rule(position), "__code__", conformed.__code__)
        warnings.warn_explicit(
            f"rule {position} of '{op.name}' returned shape {g.shape} for an argument of "
            f"shape {shape}: summed over {'axis' if len(axes) == 1 else 'axes'} "
            f"{', '.join(map(str, axes))}. Sum in the rule, or declare "
            "@primitive(broadcasts=True) where the op broadcasts its arguments",
            BroadcastWarning,
            at.co_filename,
            at.co_firstlineno,
            registry=_warned,
        )
    return needs.sum_to(g, shape)


def broadcast_axes(long: tuple[int, ...], short: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of `long` along which an array of shape `short` is repeated to fill it."""
    extra = len(long) - len(short)
    return tuple(i for i, n in enumerate(long) if i < extra or short[i - extra] != n)
