"""Whether a gradient is a convex combination of others, that are found one by one."""

from __future__ import annotations

import numpy as np

from autograd.engine.tensor import Array

_TINY = 1e-12
_CLOSER = 0.99  # of the distance: what counts as coming closer
_SAME = 1e-6  # of the largest element: gradients no farther apart are one


class Hull:
    """The convex hull of gradients met so far, and how far `target` is from it.

    Attributes:
        points: the gradients, each once.
        closest: the point of the hull nearest to the target; NaN while there is none.
        distance: the largest element of what is between the two.
        idle: how many gradients were added since one brought the target closer.
    """

    def __init__(self, target: Array) -> None:
        self.target = target
        self.points: list[Array] = []
        self.closest: Array = np.full(target.shape, np.nan)
        self.distance, self.idle = float("inf"), 0
        self._growth: Array = np.zeros(target.shape)

    @property
    def size(self) -> float:
        """The largest element of all."""
        return float(np.abs([self.target, *self.points]).max())

    def add(self, gradient: Array, direction: Array | None = None) -> bool:
        """Add a gradient that was met in some direction. Whether the target is closer now."""
        if direction is not None and self.points:
            self._growth += (gradient - np.mean(self.points, axis=0)) * direction
        self.idle += 1
        gaps = np.abs(np.array(self.points).reshape(-1, gradient.size) - gradient)
        if (gaps.max(axis=1) <= _SAME * self.size).any():
            return False
        self.points.append(gradient)
        gap = nearest(np.array(self.points) - self.target)
        before, self.distance = self.distance, float(np.abs(gap).max())
        self.closest = self.target + gap
        closer = self.distance < _CLOSER * before
        self.idle = 0 if closer else self.idle
        return closer

    def towards(self) -> Array:
        """A direction in which to look for gradients on the target's side, of size 1 at most.

        Where gradients grow along a direction, as those of a maximum do, it is the one in which the
        target lies; where they fall, its opposite: which of both is learned, by elements, and tried
        in turn where nothing is known.
        """
        if not self.points:
            return np.zeros(self.target.shape)
        growing = np.sign(self._growth)
        growing[growing == 0] = np.sign(growing.sum()) or (1.0 if self.idle // 2 % 2 else -1.0)
        missing = self.target - self.closest
        return np.asarray(growing * missing / max(float(np.abs(missing).max()), 1e-300))


def nearest(points: Array) -> Array:
    """The point nearest to 0 in the convex hull of the rows of `points` (Wolfe 1976, "Finding the
    nearest point in a polytope")."""
    # Rotated into as many axes as there are points, at most; not by their products, which would
    # lose half of the digits.
    rotated = points
    if points.shape[1] > len(points):
        rotated = np.asarray(np.linalg.qr(points.T, mode="r")).T
    squares = np.square(rotated).sum(axis=1)
    largest = float(np.sqrt(squares.max()))
    chosen = [int(squares.argmin())]
    weights = np.ones(1)
    for _ in range(10 * len(rotated)):
        x = weights @ rotated[chosen]
        best = int((rotated @ x).argmin())
        if best in chosen or rotated[best] @ x >= x @ x - _TINY * largest * np.sqrt(x @ x):
            break
        chosen.append(best)
        weights = np.append(weights, 0.0)
        while True:
            affine = _in_plane(rotated[chosen])
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
