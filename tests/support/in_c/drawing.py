"""What a random graph is drawn from: its nodes, and what steps ask for."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from autograd import Tensor

Shape = tuple[int, ...]

MOST = 6000  # elements of a node


class MisfitError(Exception):
    """The step that was drawn has no nodes that fit."""


class Graph:
    """A graph while it is drawn.

    Args:
        rng: draws it.
        inputs: its first nodes, of one float dtype.
        empty: whether axes of no elements are drawn too.
    """

    def __init__(self, rng: np.random.Generator, inputs: list[Tensor], empty: bool) -> None:
        self.rng, self.nodes, self.empty = rng, list(inputs), empty
        self.dtype = inputs[0].dtype

    # --- what steps ask for ----------------------------------------------------------------------

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, fits: Callable[[Tensor], bool] = lambda x: True, ints: bool = False) -> Tensor:
        """One of the nodes, rather a late one."""
        kind = "i" if ints else "f"
        found = [x for x in self.nodes if x.dtype.kind == kind and fits(x)]
        if not found:
            raise MisfitError
        late = found if self.chance(0.4) else found[-3:]
        return late[self.integer(0, len(late))]

    def axes(self, x: Tensor, least: int = 1) -> tuple[int, ...]:
        if x.ndim < least:
            raise MisfitError
        count = self.integer(least, x.ndim + 1)
        return tuple(sorted(int(a) for a in self.rng.permutation(x.ndim)[:count]))

    def axis(self, x: Tensor) -> int:
        if not x.ndim:
            raise MisfitError
        return self.integer(0, x.ndim)

    def number(self) -> float:
        return float(self.rng.choice([0.5, -1.0, 2.0, 1.5, -0.25]))

    def slice(self, n: int) -> Any:
        """A slice of an axis, or a place on it."""
        drawn = self.integer(0, 6)
        if drawn == 0 or n == 0:
            return slice(None)
        if drawn == 1:
            return self.integer(-n, n)
        if drawn == 2:
            return slice(None, None, -1)
        step = int(self.rng.choice([1, 1, 2, 3, -1, -2]))
        a, b = sorted(int(i) for i in self.rng.integers(0, n + 1, 2))
        if a == b and not self.empty:
            a, b = 0, n
        return slice(a, b, step) if step > 0 else slice(b - 1 if b else None, None, step)

    def index(self, shape: Shape) -> tuple[Any, ...]:
        """Slices, places, new axes, and an ellipsis."""
        parts: list[Any] = [self.slice(n) for n in shape]
        if self.chance(0.3):
            parts.insert(self.integer(0, len(parts) + 1), None)
        if self.chance(0.2) and parts and shape:
            k = self.integer(0, len(parts))
            kept = [p for p in parts[k:] if p is None]
            parts = [*parts[:k], ..., *kept] if not kept else parts
        return tuple(parts)

    def places(self, n: int, shape: Shape) -> Tensor:
        """Integers that are places on an axis: drawn, or those of a node that is small enough."""
        if not n:
            raise MisfitError
        kind = self.rng.choice(["i1", "i4", "i8"]) if n < 100 else "i8"
        return Tensor(self.rng.integers(-n, n, shape).astype(kind))

    def regrouped(self, size: int) -> Shape:
        """A shape of as many elements."""
        left, found = size, list[int]()
        while left > 1 and len(found) < 4:
            factors = [k for k in range(2, left + 1) if left % k == 0][:6]
            found.append(int(self.rng.choice(factors)))
            left //= found[-1]
        if left != 1:
            found.append(left)
        self.rng.shuffle(found)
        for _ in range(self.integer(0, 2)):
            found.insert(self.integer(0, len(found) + 1), 1)
        return tuple(found)

    def partner(self, x: Tensor) -> Tensor:
        """A node that broadcasts with another."""

        def fits(y: Tensor) -> bool:
            try:
                return prod(np.broadcast_shapes(x.shape, y.shape)) <= MOST
            except ValueError:
                return False

        return self.pick(fits)
