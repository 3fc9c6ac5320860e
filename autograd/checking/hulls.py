"""Whether a gradient is a convex combination of others, that are found one by one."""

from __future__ import annotations

import numpy as np

from autograd.engine.tensor import Array

_TINY = 1e-12
_CLOSER = 0.99  # of the distance: what counts as coming closer


class Hull:
    """The convex hull of gradients met so far, and how far `target` is from it.

    Attributes:
        points: the gradients, each once.
        closest: the point of the hull nearest to the target; NaN while there is none.
        distance: the largest element of what is between the two.
    """

    def __init__(self, target: Array) -> None:
        self.target = target
        self.points: list[Array] = []
        self._directions: list[Array] = []
        self.closest: Array = np.full(target.shape, np.nan)
        self.distance = float("inf")

    @property
    def size(self) -> float:
        """The largest element of all."""
        return float(np.abs([self.target, *self.points]).max())

    def add(self, gradient: Array, direction: Array) -> bool:
        """Add a gradient that was met in some direction. Whether the target is closer now."""
        self._directions.append(direction)
        self.points.append(gradient)
        gap = nearest(np.array(self.points) - self.target)
        before, self.distance = self.distance, float(np.abs(gap).max())
        self.closest = self.target + gap
        return self.distance < _CLOSER * before

    def towards(self) -> Array:
        """A direction in which to look for gradients on the target's side, of size 1 at most.

        Where gradients grow along a direction, as those of a maximum do, it is the one in which the
        target lies; where they fall, its opposite: which of both is learned, by elements.
        """
        if not self.points:
            return np.zeros(self.target.shape)
        gradients, directions = np.array(self.points), np.array(self._directions)
        growing = np.sign(((gradients - gradients.mean(axis=0)) * directions).sum(axis=0))
        growing[growing == 0] = np.sign(growing.sum()) or 1.0
        missing = self.target - self.closest
        return np.asarray(growing * missing / max(float(np.abs(missing).max()), 1e-300))


def nearest(points: Array) -> Array:
    """The point nearest to 0 in the convex hull of the rows of `points` (Wolfe 1976, "Finding the
    nearest point in a polytope")."""
    squares = np.square(points).sum(axis=1)
    enough = _TINY * float(squares.max())
    chosen = [int(squares.argmin())]
    weights = np.ones(1)
    for _ in range(10 * len(points)):
        x = weights @ points[chosen]
        best = int((points @ x).argmin())
        if best in chosen or points[best] @ x >= x @ x - enough:
            break
        chosen.append(best)
        weights = np.append(weights, 0.0)
        while True:
            affine = _in_plane(points[chosen])
            falling = affine <= _TINY
            if not falling.any():
                weights = affine
                break
            # Along the way to the point of the plane, the first weight that is used up goes.
            share = weights[falling] / np.maximum(weights[falling] - affine[falling], _TINY**2)
            weights = weights + min(float(share.min()), 1.0) * (affine - weights)
            last = np.flatnonzero(falling)[int(share.argmin())]
            kept = (np.arange(len(chosen)) != last) & (weights > 0)
            chosen = [c for c, keep in zip(chosen, kept, strict=True) if keep]
            weights = weights[kept] / weights[kept].sum()
    return np.asarray(weights @ points[chosen])


def _in_plane(points: Array) -> Array:
    """The weights, of sum 1, of the point nearest to 0 in the plane through the points."""
    gaps = (points[1:] - points[0]).T
    others = np.linalg.lstsq(gaps, -points[0], rcond=None)[0]
    return np.concatenate([[1 - others.sum()], others])
