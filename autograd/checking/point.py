"""The point at which a function is checked: its values, tape, cotangents, gradients and noise."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.checking.choices.corners import Corners
from autograd.checking.differences import measured_noise, noise_of
from autograd.checking.judging import FLOOR, Judge
from autograd.checking.subject import Subject, Taped
from autograd.engine.tensor import Array, Tensor

_COTANGENTS = 4
TRIED = 1e-2  # of an argument's size: a step that f should notice,
NOTICED = 1e-10  # by so much of its own
_STRETCHES = 20
_NOISE_STEP = 3e-14  # so small that a kink within it passes for little noise


class Point:
    """One point at which all arguments are checked: values, tape, cotangents, gradients, noise."""

    def __init__(self, subject: Subject, judge: Judge, rng: np.random.Generator) -> None:
        self.subject, self.judge, self.rng = subject, judge, rng
        self.taped: Taped = subject.taped()
        self.values = [np.asarray(out.data) for out in self.taped.outs]
        self.sizes = [value.size for value in self.values]
        self.cotangents = random_cotangents(self.sizes, rng)
        self.gradients = [self._gradients(v) for v in self.cotangents]
        for i in range(len(subject.variables)):
            self._shorten(i)
            self._stretch(i)
        self.noise = np.maximum(self._measured_noise(), noise_of(flat(self.values)))

    @functools.cached_property
    def corners(self) -> Corners:
        """Where slopes divide and several elements meet."""
        return Corners(self)

    @property
    def outputs(self) -> int:
        """How many numbers f returns."""
        return sum(self.sizes)

    def output(self, k: int) -> str:
        """How the kth of all numbers is called that f returns."""
        several = len(self.sizes) > 1
        names = self.subject.results or [
            f"out[{n}]" if several else "out" for n in range(len(self.sizes))
        ]
        ends = np.cumsum(self.sizes)
        number = int(np.searchsorted(ends, k, side="right"))
        start, shape = int(ends[number]) - self.sizes[number], self.values[number].shape
        return entry(names[number], np.unravel_index(k - start, shape))

    def on_tape(self, i: int) -> bool:
        """Whether the tape leads from the outputs to argument i."""
        return any(gradients[i] is not None for gradients in self.gradients)

    def gradient(self, k: int, i: int) -> Array:
        """The gradient of the outputs along cotangent k by argument i; zeros where none came."""
        found = self.gradients[k][i]
        return np.zeros(self.subject.variables[i].shape) if found is None else found.data

    def jacobian(self, i: int) -> Array:
        """By argument i, from the tape: a row for each number that f returns."""
        return np.array([self.gradient_along(unit)[i] for unit in np.eye(self.outputs)])

    def gradient_along(self, v: Array) -> list[Array]:
        """From the tape: the gradients of the outputs combined by v, by each argument."""
        return [
            np.zeros(variable.shape) if found is None else np.asarray(found.data)
            for variable, found in zip(self.subject.variables, self._gradients(v), strict=True)
        ]

    def is_homogeneous(self, i: int) -> bool:
        """Whether -1 and 2 times a cotangent give as many times its gradient. Neither rounds."""
        for k, v in enumerate(self.cotangents):
            g = self.gradient(k, i)
            for factor in (-1.0, 2.0):
                gap = np.abs(self.gradient_along(factor * v)[i] - factor * g)
                if not gap.max() <= FLOOR * np.abs(g).max():
                    return False
        return True

    def is_additive(self, i: int, limit: float) -> bool:
        """Whether the gradients of single outputs add up to those of their combinations."""
        if not flat(self.values).any():
            return True  # f is 0: its gradient may be what rounding left, and add up to anything
        jacobian = self.jacobian(i)
        for k, v in enumerate(self.cotangents):
            parts = v.reshape(-1, *(1,) * (jacobian.ndim - 1)) * jacobian
            gap = np.abs(self.gradient(k, i) - parts.sum(axis=0))
            if gap.max() > limit * np.abs(parts).sum(axis=0).max():
                return False
        return True

    def _shorten(self, i: int) -> None:
        """Let elements near 0 move by their own size at most, if f is finite there, and is not
        where longer steps lead: 0 is a natural bound then."""
        variable = self.subject.variables[i]
        if not variable.at.any() or variable.steps.given is not None or self._finite_around(i):
            return
        least, variable.least = variable.least, 0.0
        if not (variable.unit() > 0).all() or not self._finite_around(i):
            variable.least = least

    def _finite_around(self, i: int) -> bool:
        variable = self.subject.variables[i]
        move = variable.steps.widest * variable.moves(self.signs(variable.shape))
        along = self.subject.along_one(i, move)
        return all(np.isfinite(flat(along(side))).all() for side in (1, -1)[: 2 - self._inward(i)])

    def _inward(self, i: int) -> bool:
        return bool(self.subject.variables[i].inward.any())

    def _stretch(self, i: int) -> None:
        """Lengthen the steps of argument i until f notices them; as they were if it never does."""
        variable, at_zero = self.subject.variables[i], flat(self.values)
        if not variable.size or not at_zero.size or variable.steps.given is not None:
            return
        noticed = NOTICED * float(np.abs(at_zero).max())
        size = float(variable.unit().max())
        for stretch in 100.0 ** np.arange(_STRETCHES):
            if stretch > 1 and stretch * size > 1:
                break  # not for want of size: here f is flat
            variable.stretch = float(stretch)
            direction = TRIED * variable.moves(self.signs(variable.shape))
            change = flat(self.subject.along_one(i, direction)(1.0)) - at_zero
            if not np.isfinite(change).all():
                break
            if np.abs(change).max() > noticed:
                return
        variable.stretch = 1.0

    def _measured_noise(self) -> Array:
        variables = self.subject.variables
        along = self.subject.along([v.moves(self.signs(v.shape)) for v in variables])
        inward = any(v.inward.any() for v in variables)

        def curve(h: float) -> Array:
            return flat(along(h))

        noise = measured_noise(curve, _NOISE_STEP, 0 if inward else -3)
        if self.judge.steps.given is None:
            return noise
        # The caller's steps may be so long because f is rough; on one side of any kink, that shows.
        step = self.judge.steps.within_corner
        sides = [measured_noise(curve, step, first) for first in ((1,) if inward else (1, -7))]
        return np.asarray(np.fmax(noise, np.min(sides, axis=0)))

    def _gradients(self, v: Array) -> list[Tensor | None]:
        return self.taped.gradients(self.split(v))

    def split(self, v: Array) -> list[Array]:
        parts = np.split(v, np.cumsum(self.sizes)[:-1])
        return [part.reshape(value.shape) for part, value in zip(parts, self.values, strict=True)]

    def signs(self, shape: tuple[int, ...]) -> Array:
        """Random numbers of either sign and size 0.5 to 1.5: none of them is nearly 0."""
        return random_signs(shape, self.rng)


def random_signs(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))


def random_cotangents(sizes: Sequence[int], rng: np.random.Generator) -> list[Array]:
    """Flat ones: of several outputs, each concerns one, so that a large one hides no other."""
    cotangents = []
    for number, size in enumerate(sizes):
        few = _COTANGENTS if len(sizes) == 1 else 2
        rows = random_signs((few if size > 1 else 2, size), rng)
        # A rule that reads |g| is right of one of two signs, or where all are alike, or mixed.
        mixed = rng.permutation(np.where(np.arange(size) % 2, -1.0, 1.0))
        for row, sign in zip(rows, (mixed, -mixed, -1.0, 1.0), strict=False):
            row[:] = sign * np.abs(row)
        for row in rows:
            parts = [np.zeros(n) for n in sizes]
            parts[number] = row
            cotangents.append(np.concatenate(parts))
    return cotangents


def entry(name: str, index: Sequence[Any]) -> str:
    """One of an array, as in Python; the name alone where that is one number."""
    return f"{name}[{', '.join(str(int(n)) for n in index)}]" if len(index) else name


def flat(arrays: Sequence[Array]) -> Array:
    """All numbers of several arrays in one vector."""
    return np.concatenate([np.ravel(a) for a in arrays])


def length(*arrays: Array) -> float:
    """The root of the sum of the squares of all numbers, also of those whose squares leave the
    range."""
    largest = float(max((np.abs(a).max(initial=0.0) for a in arrays), default=0.0))
    if not 0 < largest < np.inf:
        return largest
    scale = largest if not 1e-100 < largest < 1e100 else 1.0
    return scale * float(np.sqrt(sum(np.sum(np.square(np.abs(a) / scale)) for a in arrays)))


def lengths(rows: Array, units: Array) -> Array:
    """That of each product of a row, an array, with one of the units; those of a unit in a row."""
    (x, of_x), (u, of_u) = (_scaled(a.reshape(len(a), -1)) for a in (rows, units))
    return np.asarray(np.sqrt(np.square(u) @ np.square(x).T) * (of_u[:, None] * of_x))


def _scaled(rows: Array) -> tuple[Array, Array]:
    """Rows divided by their largest element, and that."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    return rows / np.where(largest > 0, largest, 1.0)[:, None], largest
