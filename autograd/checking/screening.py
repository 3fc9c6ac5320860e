"""A short check of a record that is like another, which the full check has let pass.

It compares the same numbers as the full check, at the record's own values, by limits that are as
strict: every element of small arguments with every output, large ones along random directions, all
for cotangents of either sign. What it saves is the search for why something is off. Whatever it
doubts, the full check looks into.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from autograd.checking.arguments import SMALL, SMALL_TOGETHER
from autograd.checking.differences import Steps, noise_of
from autograd.checking.directions import DIRECTIONS, UNLUCKY, note
from autograd.checking.judging import Judge, Scales
from autograd.checking.locking import locked
from autograd.checking.point import (
    NOTICED,
    TRIED,
    flat,
    length,
    lengths,
    random_cotangents,
    random_signs,
)
from autograd.checking.report import ArgumentReport, GradcheckReport
from autograd.checking.variable import Variable
from autograd.engine.conforming import BroadcastWarning
from autograd.engine.modes import enable_grad, no_grad
from autograd.engine.primitives import Primitive
from autograd.engine.tape import Output, Place, Record
from autograd.engine.tensor import Array, Tensor, wrap

_DOUBTS = 3  # records of a kind that the full check had to look into, before it looks into all
_LINEAR = 1e-11  # of the sum of the sizes of what is added: the rounding of a sum, and no more
_BEND = 5e-4  # of the largest slope: its change at the point itself
_ROUNDING = 1e3  # times the last digit: of a gradient at the record's own precision


def kind(record: Record) -> Any:
    """What records are alike by: the op, its options, shapes, dtypes, and which arguments want a
    gradient."""
    assert record.arrays is not None
    wanting = tuple(parent is not None for parent in record.parents)
    return id(record.op), wanting, _kind(tuple(record.arrays)), _kind(record.options)


def _kind(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype
    if isinstance(value, tuple | list):
        return type(value), tuple(map(_kind, value))
    if isinstance(value, dict):
        return tuple((name, _kind(value[name])) for name in sorted(value))
    return value if isinstance(value, str | bool | type) else type(value)


class Screen:
    """Checks records of one kind; the first of them is for the full check.

    Attributes:
        judge: of curves that are much alike.
    """

    def __init__(self, op: Primitive, rng: np.random.Generator) -> None:
        self.judge = Judge(Steps())
        self.judge.complex_works = op.analytic
        self._rng = rng
        self._cotangents: dict[tuple[int, ...], list[Array]] = {}
        self._signs: dict[int, Array] = {}
        self._doubts = 0

    def cotangents(self, sizes: Sequence[int]) -> list[Array]:
        """Those of outputs of some sizes; once drawn, they serve all records."""
        if tuple(sizes) not in self._cotangents:
            self._cotangents[tuple(sizes)] = random_cotangents(sizes, self._rng)
        return self._cotangents[tuple(sizes)]

    def signs(self, i: int, shape: tuple[int, ...]) -> Array:
        """The directions in which argument i is moved, in units."""
        if i not in self._signs:
            self._signs[i] = random_signs((DIRECTIONS, *shape), self._rng)
        return self._signs[i]

    def report(self, record: Record, positions: Sequence[int]) -> GradcheckReport | None:
        """The report on a record that is right; None where there is any doubt.

        Args:
            positions: the arguments whose rules are checked.
        """
        if self._doubts == _DOUBTS:
            return None
        assert record.arrays is not None
        with warnings.catch_warnings(), np.errstate(all="ignore"), locked(record.arrays):
            for category in (BroadcastWarning, np.exceptions.ComplexWarning):
                warnings.simplefilter("error", category)
            try:
                reports = _Look(record, positions, self).reports()
            except Exception:  # whatever it is, the full check meets it too, and says so
                reports = None
        if reports is None:
            self._doubts += 1
            return None
        return GradcheckReport(reports, subject=record.op.name)


class _Look:
    """The record's op at the record's values, in float64.

    Attributes:
        values: all numbers that it gives.
        gradients: for each cotangent, that by each argument.
    """

    def __init__(self, record: Record, positions: Sequence[int], screen: Screen) -> None:
        assert record.arrays is not None
        self.record, self.positions = record, positions
        self.screen, self.judge = screen, screen.judge
        self.variables = [Variable(f"argument {p}", record.arrays[p]) for p in positions]
        for variable in self.variables:
            variable.at.flags.writeable = False
        self._fixed = [wrap(variable.at, None) for variable in self.variables]
        self.call = _Call(record, positions, [variable.at for variable in self.variables])
        self.values = self.call.values
        self.cotangents = screen.cotangents(self.call.sizes)
        with no_grad():
            self.gradients = [self.call.gradients(v) for v in self.cotangents]
        together = sum(variable.size for variable in self.variables)
        self._few = self.values.size <= SMALL and together <= SMALL_TOGETHER

    def reports(self) -> list[ArgumentReport] | None:
        with no_grad():
            at_point = self._values(0, self.variables[0].at)
            if not np.isfinite(self.values).all() or not np.array_equal(at_point, self.values):
                return None
            units = np.eye(self.values.size) if self._few else ()
            rows = [self.call.gradients(unit) for unit in units]
            found = []
            for i, variable in enumerate(self.variables):
                if not (variable.size and self.values.size):
                    return None
                small = self._few and variable.size <= SMALL
                jacobian = np.array([row[i].ravel() for row in rows]) if small else None
                report = self._argument(i, jacobian)
                if report is None:
                    return None
                found.append(report)
            return found if self._is_precise() else None

    def _argument(self, i: int, jacobian: Array | None) -> ArgumentReport | None:
        """The report on an argument, with the tape's gradient of each output where it is small."""
        variable, judge = self.variables[i], self.judge
        gradients = np.array([of_all[i] for of_all in self.gradients])
        if not np.isfinite(gradients).all():
            return None
        unit = variable.unit()
        directions = unit * self.screen.signs(i, variable.shape)
        if not self._steps_suit(i, directions[0]):
            return None
        report = ArgumentReport(variable.name, variable.given.dtype, variable.shape)
        if jacobian is None:
            v = np.array(self.cotangents)
            given = directions.reshape(DIRECTIONS, -1) @ gradients.reshape(len(v), -1).T
            both = np.array([self.values, noise_of(self.values)])
            scales = compared = Scales(lengths(gradients, directions), *lengths(v, both))
            report.directions = DIRECTIONS
        else:
            v = np.eye(self.values.size)
            if not self._is_linear(gradients, jacobian):
                return None
            size = np.abs(jacobian * unit.ravel()).max(axis=1)
            if self._bends(i, directions[0], size):
                return None
            each = np.eye(variable.size).reshape(-1, *variable.shape) * unit
            directions = np.concatenate([each, directions[:1]])
            given = directions.reshape(len(directions), -1) @ jacobian.T
            natural = np.maximum(np.abs(self.values), length(self.values) / len(v) ** 0.5)
            scales = Scales(1e-6 * size, natural, noise_of(self.values))
            compared = scales._replace(gradient=size)
            report.elements, report.directions = variable.size, 1

        def curve(h: complex) -> Array:
            moved = [self._values(i, variable.at + h * d) for d in directions]
            return np.array(moved) if jacobian is not None else np.array(moved) @ v.T

        judge.took_differences = False
        judged = judge.glance(curve, given, scales)
        if not (judged.ok.all() and judged.sharp(scales)):
            return None
        note(report, judged, compared, 1 if report.elements else UNLUCKY)
        report.method = "differences" if judge.took_differences else "complex step"
        return report

    def _values(self, i: int, moved: Array) -> Array:
        """All that the op gives with argument i moved."""
        tensors = [*self._fixed]
        tensors[i] = wrap(moved, None)
        outs, several = _called(self.record, self.positions, tensors)
        return flat([out.data for out in outs]) if several else outs[0].data.ravel()

    def _steps_suit(self, i: int, direction: Array) -> bool:
        """Whether the op can be asked as far from here as any step leads, and notices steps."""
        at, steps = self.variables[i].at, self.judge.steps
        change = self._values(i, at + TRIED * direction) - self.values
        noticed = NOTICED * np.abs(self.values).max()
        return bool(np.abs(change).max() > noticed) and all(
            np.isfinite(self._values(i, at + h * direction)).all()
            for h in (steps.widest, -steps.widest)
        )

    def _is_linear(self, gradients: Array, jacobian: Array) -> bool:
        """Whether the gradients along cotangents are the combinations of those by outputs."""
        v = np.array(self.cotangents)
        gap = np.abs(gradients.reshape(len(v), -1) - v @ jacobian)
        return bool((gap <= _LINEAR * (np.abs(v) @ np.abs(jacobian))).all())

    def _bends(self, i: int, direction: Array, size: Array) -> bool:
        """Whether there may be a kink, of which the tape's slope may be the mean."""
        at, step = self.variables[i].at, self.judge.steps.bend
        ahead, behind = (self._values(i, at + h * direction) for h in (step, -step))
        bend = np.abs(ahead + behind - 2 * self.values) / step
        return bool((bend > np.maximum(_BEND * size, 10 * noise_of(self.values) / step)).any())

    def _is_precise(self) -> bool:
        """Whether gradients at the record's own precision are those in float64, but for rounding
        of their largest element: where arguments that are rounded change more, there is doubt."""
        low = [variable.given.dtype.itemsize < 8 for variable in self.variables]
        if not any(low):
            return True
        given = [variable.given for variable in self.variables]
        eps = max(float(np.finfo(a.dtype).eps) for a in given if a.dtype.itemsize < 8)
        call = _Call(self.record, self.positions, given)
        for v, exact in zip(self.cotangents, self.gradients, strict=True):
            for one, other, is_low in zip(call.gradients(v), exact, low, strict=True):
                allowed = _ROUNDING * eps * np.abs(other).max()
                if is_low and not (np.abs(one - other) <= allowed).all():
                    return False
        return True


class _Call:
    """A record's op called with other arrays, and recorded; gradients are pulled from it alone."""

    def __init__(self, record: Record, positions: Sequence[int], arrays: Sequence[Array]) -> None:
        tensors = [Tensor(a, requires_grad=True) for a in arrays]
        with enable_grad():
            self._outs, self._several = _called(record, positions, tensors)
        place: Any = self._outs[0]._place
        self._indices = [
            out._place.index if isinstance(out._place, Output) else 0 for out in self._outs
        ]
        self._record: Record = place.record if self._several else place
        for out in self._outs:
            out.data.flags.writeable = False
        self._op: Any = record.op
        self._at = {t._place.serial: i for i, t in enumerate(tensors) if t._place is not None}
        self._arrays = arrays
        self.sizes = [out.size for out in self._outs]
        self.values: Array = flat([out.data for out in self._outs])

    def gradients(self, v: Array) -> list[Array]:
        """By each of the arrays, of all that the op gives along a cotangent."""
        found = [np.zeros(a.shape) for a in self._arrays]
        parts = np.split(v, np.cumsum(self.sizes)[:-1]) if self._several else [v]
        gs = {}
        for index, out, part in zip(self._indices, self._outs, parts, strict=True):
            g = part.astype(out.dtype).reshape(out.shape)
            g.flags.writeable = False
            gs[index] = wrap(g, None)

        def deliver(place: Place, g: Tensor) -> None:
            found[self._at[place.serial]] = g.data

        self._op.pull(self._record, gs if self._several else gs[0], None, deliver)
        return found


def called(record: Record, positions: Sequence[int], tensors: Sequence[Tensor]) -> Any:
    """What a record's op gives with others at some positions."""
    assert record.arrays is not None
    instead, op = dict(zip(positions, tensors, strict=True)), cast(Any, record.op)
    args = [instead.get(position, array) for position, array in enumerate(record.arrays)]
    return op(*args, **record.options)


def _called(
    record: Record, positions: Sequence[int], tensors: Sequence[Tensor]
) -> tuple[list[Tensor], bool]:
    """The floating ones of these tensors, and whether there are several outputs."""
    made = called(record, positions, tensors)
    outs = made if isinstance(made, tuple) else (made,)
    return [out for out in outs if out.dtype.kind in "fc"], isinstance(made, tuple)
