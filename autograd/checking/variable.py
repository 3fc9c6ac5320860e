"""A floating argument under test: where it is, how far it is moved, and what bounds it."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.checking.differences import Steps
from autograd.engine.tensor import Array, Tensor

LONGEST = 1.5  # random directions are that much longer than a unit, at most

Bounds = tuple[Any, Any]  # lo and hi, each a number, an array, or None


class Variable:
    """A tensor whose array is bound anew for every call.

    A leaf tensor that the caller gave stays the same object, so a function that closes over it
    (a model over its parameters) sees it move; the caller gets it back as it was.

    Args:
        steps: how far it is moved, in units; see `unit`.
        bounds: what it must stay within.
        symbol: how it is called in formulas.

    Attributes:
        at: the point, in float64.
        stretch: makes units longer, for arguments so small beside what they are added to that it
            does not show.
        least: the unit of elements near 0, beside the size of all; elements that are 0 have it too.
        inward: for each element the sign by which alone it is moved, being at a bound; elsewhere 0.

    Raises ValueError where it is out of bounds, or these are none; TypeError where they are no
    numbers.
    """

    def __init__(
        self,
        name: str,
        given: Any,
        steps: Steps | None = None,
        bounds: Bounds | None = None,
        symbol: str = "",
    ) -> None:
        self.name, self.bounds, self.symbol = name, bounds, symbol or name
        own = isinstance(given, Tensor) and given.is_leaf
        self.tensor: Tensor = given if own else Tensor(np.array(array_of(given)))
        self.given: Array = self.tensor.data
        self.at: Array = np.array(self.given, np.float64)
        self.steps = steps or Steps()
        self.stretch = 1.0
        self.least = 1e-3
        self._requires_grad = self.tensor.requires_grad
        self._given_grad = self.tensor.grad
        low, high = bounds or (None, None)
        self._low = -np.inf if low is None else _bound(name, low, self.shape)
        self._high = np.inf if high is None else _bound(name, high, self.shape)
        if np.any(self._low > self._high):
            raise ValueError(
                f"domain={bounds} given for {name}, whose lower bound is above the upper one; "
                "(lo, hi) expected"
            )
        below, above = self.at - self._low, self._high - self.at
        outside = (below < 0) | (above < 0) | (below + above <= 0)
        if outside.any():
            index = tuple(int(i) for i in np.argwhere(outside)[0])
            raise ValueError(
                f"{name} is {self.at[index]} at {list(index)}, outside of its domain {bounds}, or "
                "that has no room in it"
            )
        at_bound = np.minimum(below, above) == 0
        self.inward: Array = np.where(at_bound, np.where(above >= below, 1.0, -1.0), 0.0)
        room = np.where(at_bound, np.maximum(below, above), np.minimum(below, above))
        self._reach = room / (2 * LONGEST * self.steps.widest)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.given.shape

    @property
    def size(self) -> int:
        return self.given.size

    def restore(self) -> None:
        self.tensor.rebind(self.given)
        self.tensor.grad = self._given_grad
        if self.tensor.requires_grad != self._requires_grad:
            self.tensor.requires_grad = self._requires_grad

    def unit(self) -> Array:
        """What a step of 1 is for each element: its own size, or for those near 0 a little; or such
        that no step is longer than the caller's. Not so long that it leads out of the domain."""
        if self.steps.given is not None:
            units = np.full(self.shape, self.steps.given / (LONGEST * self.steps.widest))
        else:
            sizes = np.abs(self.at)
            scale = float(np.sqrt(np.mean(np.square(sizes)))) if self.size else 0.0
            units = np.maximum(sizes, self.least * scale) if scale > 0 else np.ones(self.shape)
            units = self.stretch * units
        return np.asarray(np.minimum(units, self._reach))

    def moves(self, lengths: Array) -> Array:
        """So many units for each element, in the direction in which it may go."""
        signed = np.where(self.inward, self.inward * np.abs(lengths), lengths)
        return np.asarray(self.unit() * signed)

    def rounding(self, gradient: Array) -> Array:
        """What the rounding of each moved element does, where a domain makes steps short."""
        if self.bounds is None:
            return np.zeros(gradient.shape)
        return np.asarray(float(np.finfo(float).eps) * np.abs(gradient * self.at))

    def within(self, array: Array) -> Array:
        """An array whose rounding may have led out of the domain, back in it."""
        return array if self.bounds is None else np.asarray(np.clip(array, self._low, self._high))


def _bound(name: str, bound: Any, shape: tuple[int, ...]) -> Array:
    """One side of a domain: a number, or an array that broadcasts to the shape of its argument."""
    try:
        array = np.asarray(array_of(bound))
    except ValueError as error:
        raise ValueError(f"domain: a bound of {name} is no array: {error}") from error
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"domain: a bound of {name} is {bound!r}; a real number expected, an array of them, or "
            "None on a side without a bound"
        )
    if np.isnan(array).any():
        raise ValueError(
            f"domain: a bound of {name} is NaN; None stands for a side without a bound"
        )
    if array.ndim > len(shape) or any(
        n not in (1, m) for n, m in zip(array.shape[::-1], shape[::-1], strict=False)
    ):
        raise ValueError(
            f"domain: a bound of shape {array.shape} given for {name} of shape {shape}; a number "
            "expected, or an array that broadcasts to that shape"
        )
    return array.astype(np.float64)


def array_of(value: Any) -> Array:
    return np.asarray(value.data if isinstance(value, Tensor) else value)
