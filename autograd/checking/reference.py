"""What the tape says a gradient is, and how far rounding alone may move it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd.checking.flow import Flow
from autograd.checking.replaying import Replay, ReplayError, Shake, quietly
from autograd.engine.tape import Place, Record
from autograd.engine.tensor import Array, Tensor
from autograd.program.taping import Taped

_SHAKES = 3
_SAFETY = 32  # times the noise: that of three samples, and of another order of summation
_QUANTILE = 0.9  # of the elements: some jump where rounding breaks a tie, and are not noise

# Of the largest value of an array: so little that gradients change by less than any limit, but
# where slopes divide.
_STEP = 1e-11

# What a gradient computed in this precision may be off by, of its largest element.
_RELATIVE = {2: 2e-2, 4: 3e-5, 8: 1e-9}


class Reference:
    """The gradients of `loss`, in float64 where the tape can be computed again in it.

    Args:
        loss: a tensor of one element on the tape.

    Attributes:
        recorded: the flow over the tape as it is.
        flow: the flow that gradients are taken from; in float64 unless `fallback` is set.
        fallback: why the tape could not be computed again, or None.

    Raises what `Flow` raises.
    """

    def __init__(self, loss: Tensor) -> None:
        self.recorded = Flow(loss)
        self._values = self.recorded.values
        self._here = Beside(
            self._values, self.recorded, {p.serial: p for p in self.recorded.places}
        )
        self._on_tape = self._here
        self._shaken: dict[float, list[Beside]] = {}
        self._faithful = False  # whether the tape was computed again, and gave the same
        self.fallback: str | None = None
        self.coarsest = _coarsest(self._values)
        if self.coarsest < 8:
            try:
                self._here = self._replayed(None)
            except ReplayError as reason:
                self.fallback = str(reason)
        self.flow = self._here.flow

    def place(self, place: Place) -> Place:
        """The place on the tape of `flow` that stands for a place on the given one."""
        return self._here.places[place.serial]

    def gradient(self, place: Place) -> Array:
        """The gradient of a place; zeros where none arrived."""
        return self._here.gradient(place)

    def limit(self, place: Place, manual: np.dtype[Any]) -> float:
        """The smallest difference of a manual gradient of this dtype that rounding cannot explain.

        It is 32 times the noise, or 1e-9 of the largest element where everything is float64, 3e-5
        where float32 is involved, 2e-2 for float16; whichever is more.
        """
        expected = self.gradient(place)
        size = float(np.abs(expected).max(initial=0.0))
        if not np.isfinite(size):
            size = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
        least = self.relative(manual) * size
        return max(_SAFETY * self.noise(place, self._width(manual), least / _SAFETY), least)

    def relative(self, manual: np.dtype[Any]) -> float:
        """The part of a limit that is relative to the largest element."""
        return _RELATIVE.get(self._width(manual), _RELATIVE[8])

    def _width(self, manual: np.dtype[Any]) -> int:
        return min(self.coarsest, manual.itemsize) if manual.kind == "f" else self.coarsest

    def noise(self, place: Place, width: int, least: float = 0.0) -> float:
        """How far rounding in floats of `width` bytes moves the gradient of a place.

        All values, and all gradients on their way, are moved by a few units of the last digit; on
        a tape narrower than float64 the distance of its gradient to that in float64 counts too.
        Where no element moves by more than `least`, that is given.
        """
        expected = self.gradient(place)
        others = [*self._shaken_flows(width), self._on_tape]
        largest = np.zeros(expected.shape)
        with np.errstate(invalid="ignore"):  # infinity less infinity
            for other in others:
                moved = np.asarray(other.gradient(place) - expected)
                np.maximum(largest, np.abs(moved, out=moved), out=largest)
        if largest.max(initial=0.0) <= least:
            return least
        largest = largest[np.isfinite(largest) & ((largest > 0) | (expected != 0))]
        return float(np.quantile(largest, _QUANTILE)) if largest.size else 0.0

    def shape(self, place: Place) -> tuple[int, ...] | None:
        """The shape of the value of a place; None where that has no gradient, or is several."""
        if isinstance(place, Record) and isinstance(place.out, tuple):
            return None
        kind = self._values.program.slots[self._values.slot(place)]
        return kind.shape if kind.dtype.kind == "f" else None

    def beside(self, lengths: Mapping[int, Array]) -> Beside:
        """The gradients with the values of some places moved, by so many steps that are all but
        nothing beside the largest of them: equal numbers are equal no more.

        Raises ReplayError where the tape cannot be computed again.
        """
        values, moves = self._values, {}
        for place in self.recorded.places:
            if place.serial in lengths:
                slot = values.slot(place)
                value = values.held[slot]
                largest = float(max(value.max(initial=0.0), -value.min(initial=0.0)))
                if not np.isfinite(largest):
                    largest = float(np.abs(value[np.isfinite(value)]).max(initial=0.0))
                moves[slot] = _STEP * (largest or 1.0) * lengths[place.serial]
        return self._replayed(None, moves)

    def _shaken_flows(self, width: int) -> list[Beside]:
        eps = float(np.finfo(f"f{min(width, 8)}").eps)
        if eps not in self._shaken:
            shakes = [Shake(eps, seed) for seed in range(_SHAKES)]
            try:
                if self.fallback is not None:
                    raise ReplayError
                found = [self._replayed(shake) for shake in shakes]
            except ReplayError:  # the gradients on their way can be shaken all the same
                found = [self._here.again(shake=shake) for shake in shakes]
            self._shaken[eps] = found
        return self._shaken[eps]

    def _replayed(self, shake: Shake | None, moves: Mapping[int, Array] | None = None) -> Beside:
        replay = Replay(self._values, shake, moves, self._faithful)
        self._faithful = True
        with quietly():
            return Beside(self._values, Flow(replay.root, shake=shake), replay.places())


class Beside:
    """The gradients on a tape that stands for the given one, at its point or close to that.

    Args:
        values: of the given tape.
        flow: the sweep over the other one.
        places: there, by the serial numbers of those on the given one.
    """

    def __init__(self, values: Taped, flow: Flow, places: dict[int, Place]) -> None:
        self._values, self.flow, self.places = values, flow, places

    def gradient(self, place: Place) -> Array:
        """That of a place on the given tape; zeros where none arrived. In float64 at least, for
        differences must not be rounded."""
        g = self.flow.at(self.places[place.serial])
        if g is None:
            g = np.zeros(self._values.program.slots[self._values.slot(place)].shape)
        return g.astype(np.result_type(g, np.float64), copy=False)

    def again(self, changed: dict[int, Array] | None = None, shake: Shake | None = None) -> Beside:
        """The same with other gradients of some places carried on, or with all of them shaken."""
        return Beside(self._values, self.flow.again(changed, shake=shake), self.places)

    def carried_on(self, factors: Mapping[int, Array]) -> Beside:
        """What arrives when the gradients of places are multiplied before they are carried on."""
        serials = {serial: self.places[serial].serial for serial in factors}
        return self.again(
            {at: factors[s] * self.flow.gradients.get(at, 0.0) for s, at in serials.items()}
        )


def _coarsest(taped: Taped) -> int:
    """Bytes of the narrowest floating dtype on the tape, at most 8."""
    slots = [slot.dtype for at, slot in taped.program.slots.items() if at not in taped.kept]
    return min([8, *(dtype.itemsize for dtype in slots if dtype.kind == "f")])
