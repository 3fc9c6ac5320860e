"""Whether a gradient is a convex combination of others, that are found one by one."""

from __future__ import annotations

import numpy as np

from autograd.engine.tensor import Array

_TINY = 1e-12
_CLOSER = 0.99  # of the distance: what counts as coming closer


class Hull:
    """The convex hull of gradients met so far, and how far `target` is from it.

    Args:
        same: gradients no farther apart than this part of the largest element are one.
        near: a distance that is as good as none.

    Attributes:
        points: the gradients, each once, in rows.
        closest: the point of the hull nearest to the target; NaN while there is none.
        distance: the largest element of what is between the two.
        idle: how often gradients were added since that brought the target closer.
    """

    def __init__(self, target: Array, same: float, near: float = 0.0) -> None:
        self.target, self._same, self._near = target, same, near
        self.points: Array = np.empty((0, target.size))
        self.closest: Array = np.full(target.shape, np.nan)
        self.distance, self.idle = float("inf"), 0
        self._sums = np.zeros((3, target.size))  # of gradients, directions, and their products
        self._count = 0

    @property
    def size(self) -> float:
        """The largest element of all."""
        return float(max(np.abs(self.target).max(), np.abs(self.points).max(initial=0.0)))

    def add(self, gradients: Array, directions: Array) -> bool:
        """Add gradients, in rows, that were met in some directions. Whether the target is closer
        now."""
        self._count += len(gradients)
        self._sums += [x.sum(axis=0) for x in (gradients, directions, gradients * directions)]
        self.idle += 1
        before, known = self.distance, len(self.points)
        same = self._same * max(self.size, float(np.abs(gradients).max())) + 0.01 * self._near
        for gradient in gradients:
            if not (np.abs(self.points - gradient).max(axis=1) <= same).any():
                self.points = np.vstack([self.points, gradient])
        if len(self.points) > known:
            gap = nearest(self.points - self.target, self._near)
            self.distance = float(np.abs(gap).max())
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
        if not len(self.points):
            return np.zeros(self.target.shape)
        gradients, directions, products = self._sums
        growing = np.sign(products - gradients * directions / self._count)
        growing[growing == 0] = np.sign(growing.sum()) or (1.0 if self.idle // 2 % 2 else -1.0)
        missing = self.target - self.closest
        return np.asarray(growing * missing / max(float(np.abs(missing).max()), 1e-300))


def nearest(points: Array, near: float = 0.0) -> Array:
    """The point nearest to 0 in the convex hull of the rows of `points`, or one that is as near as
    `near` (Wolfe 1976, "Finding the nearest point in a polytope")."""
    # Rotated into as many axes as there are points, at most; not by their products, which would
    # lose half of the digits.
    closest = points[np.abs(points).max(axis=1).argmin()]
    if points.shape[1] == 1:
        return closest if (points > 0).all() or (points < 0).all() else np.zeros(1)
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
        far = np.sqrt(x @ x)
        if far <= near or best in chosen or rotated[best] @ x >= x @ x - _TINY * largest * far:
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
