"""The forward in plain NumPy, differentiated by central differences: what the tape is held against.

The tape knows nothing of what a forward does with a number that it took out of a tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.checking.backward.holders import Holders, plain
from autograd.engine.tensor import Array
from autograd.runtime.trees import flatten

_DIRECTIONS = 3
_CLOSE = 1e-5
_KINK = 1e-3
_STEP = float(np.cbrt(np.finfo(np.float64).eps))
_LARGEST = 2000  # of arrays that are differentiated element by element


class Differences:
    """Slopes of the sum of some results, each times its cotangent.

    Args:
        cotangents: place in what the forward returned -> the gradient of that.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        holders: Holders,
        cotangents: dict[int, Array],
    ) -> None:
        self._forward, self._holders, self._cotangents = forward, holders, cotangents
        self._args, self._rebuild = flatten(args)

    def agree(self, array: Array, g: Array) -> bool:
        """Whether the slopes along a few directions at an array are those of a gradient."""
        rng = np.random.default_rng(0)
        size = float(np.linalg.norm(g))
        for _ in range(_DIRECTIONS if g.shape == array.shape else 0):
            along = rng.standard_normal(array.shape)
            slope, given = self._slope(array, along), float(np.vdot(g, along))
            if not abs(slope - given) <= _CLOSE * (size + abs(slope)):
                here, step = self._value(array, array), self._step(array)
                ahead = (self._value(array, array + step * along) - here) / step
                apart = abs(ahead - slope)  # at a kink any slope between is right
                if not _KINK * abs(slope) < apart >= abs(slope - given):
                    return False
        return g.shape == array.shape

    def gradient(self, array: Array) -> Array | None:
        """That of every element; None where there are too many, or slopes do not add up."""
        if array.size > _LARGEST:
            return None
        found = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            along = np.zeros(array.shape)
            along[index] = 1.0
            found[index] = self._slope(array, along)
        return found if self.agree(array, found) else None

    def _slope(self, array: Array, along: Array) -> float:
        step = self._step(array)
        values = [self._value(array, array + side * step * along) for side in (1, -1)]
        return (values[0] - values[1]) / (2 * step)

    def _step(self, array: Array) -> float:
        return _STEP * max(1.0, float(np.abs(array).max(initial=0.0)))

    def _value(self, array: Array, other: Array) -> float:
        def there(part: Any) -> Any:
            if part is array:
                return other
            return part.copy() if isinstance(part, np.ndarray) else part

        with self._holders.kept(), np.errstate(all="ignore"):
            self._holders.put(array, other)
            parts = whole(plain(self._forward(*self._rebuild(list(map(there, self._args))))))
            return sum(float(np.vdot(g, parts[at])) for at, g in self._cotangents.items())


def whole(value: Any) -> list[Any]:
    """The parts of what a function returned."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, tuple | list) else [value]
