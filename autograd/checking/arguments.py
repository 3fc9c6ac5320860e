"""The check of one argument: single elements, the search among many, and what a kink allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.checking.causes import NOT_A_MULTIPLE, ONLY_LAST, as_factor, choose, only_last_counts
from autograd.checking.choices.corners import Corner
from autograd.checking.differences import apart, slope_change
from autograd.checking.directions import DIRECTIONS, Directions, beside, holds_beside, note
from autograd.checking.judging import FLOOR, Judged, Scales
from autograd.checking.point import Point, entry, flat, length
from autograd.checking.report import ArgumentReport, Choice, Difference, Verdict, worst
from autograd.engine.tensor import Array

SMALL = 64  # elements of an argument, and of the outputs, up to which each is checked
SMALL_TOGETHER = 1000  # elements of all arguments, up to which that is affordable
_KINKS_VISITED = 4
_LOOKED_AT = 8  # elements that are wrong
_UNSETTLED = (
    "along random directions tape and differences disagree, but differences do not settle: f has "
    "kinks or noise everywhere here"
)
_NO_SUM = (
    "along single elements the slopes are right, but along random directions they do not add up: "
    "f is not differentiable here"
)
_NOT_LINEAR = (
    "the gradient along a combination of outputs is not the combination of their gradients: a rule "
    "on the way is not linear in the gradient that it gets"
)


def check_argument(point: Point, i: int, report: ArgumentReport) -> None:
    """Fill the report of argument i."""
    variable = point.subject.variables[i]
    if not variable.size or not point.outputs:
        report.method = "empty"
        return
    _Check(point, i, report).run()
    if report.verdict != "pass" and not point.on_tape(i):
        report.reasons.insert(
            0,
            "the tape has no way from the result to this argument, though the result changes with "
            "it: it is detached on the way (detach, stop_gradient, .data, no_grad, or a NumPy "
            "function on the array)",
        )


class _Check(Directions):
    def __init__(self, point: Point, i: int, report: ArgumentReport) -> None:
        super().__init__(point, i, report)
        self._wrong: list[tuple[int, ...]] = []  # elements that are at no kink
        self._ends: dict[tuple[int, ...], tuple[Array, Array]] = {}  # of kinks: slopes of outputs
        self._settled: set[int] = set()  # elements of corners that are right
        together = sum(variable.size for variable in point.subject.variables)
        self.elementwise = (
            self.variable.size <= SMALL and point.outputs <= SMALL and together <= SMALL_TOGETHER
        )

    def run(self) -> None:
        finite = self._finite()
        if not finite:
            return
        self.point.judge.took_differences = False
        doubtful = [self.direction() for _ in range(DIRECTIONS)]
        if self.elementwise:
            smooth = self._all_elements()
            if any(doubtful) and self.report.verdict == "pass" and self._is_linear() and smooth:
                self._meet()
        elif any(doubtful):
            self._search()
            if self.report.verdict == "pass":
                self._is_linear()
        known = self.report.verdict != "fail" or _NOT_LINEAR in self.report.reasons
        if not known:
            self._explain()
        self.report.method = "differences" if self.point.judge.took_differences else "complex step"

    def _explain(self) -> None:
        """Say of a gradient that is wrong what can be seen without knowing how it is made."""
        cause: str | None = None
        if not self.point.is_homogeneous(self.i):
            cause = NOT_A_MULTIPLE
        elif self._wrong and all(
            only_last_counts(self.point, self.i, index, self._curve(index))
            for index in self._wrong[:_LOOKED_AT]
        ):
            cause = ONLY_LAST
        elif not self.elementwise:
            with beside(self.point, self.i) as check:  # where no kink is exactly
                everything = np.arange(self.variable.size)
                looks = [check.question(check.random(everything)) for _ in range(DIRECTIONS)]
                cause = as_factor([check.point.judge.judge(*look) for look in looks])
        if cause is not None:
            self.report.reasons.insert(0, cause)

    def _meet(self) -> None:
        """Judge elements whose slopes are right one by one, and do not add up."""
        rows, told = np.eye(self.point.outputs), False
        for element in range(self.variable.size):
            for corner in self.point.corners.at(self.i, element, rows):
                if corner is not None and corner.right is not None:
                    told = True
                    if not corner.right:
                        self.report.lower("fail", self._no_combination(corner))
        if not told:
            self.report.lower("inconclusive", _NO_SUM)

    def _is_linear(self) -> bool:
        """Whether the gradient is linear in the cotangent; "fail" where it is not.

        At a kink any slope between the two may be right, but of every cotangent the same one.
        """
        linear = self.point.is_homogeneous(self.i)
        if linear and self.elementwise:
            linear = self.point.is_additive(self.i, max(FLOOR, self.report.limit))
        if not linear:
            self.report.lower("fail", _NOT_LINEAR)
        return linear

    def _finite(self) -> bool:
        for k in range(len(self.point.cotangents)):
            g = self.point.gradient(k, self.i)
            if not np.isfinite(g).all():
                index = _first(~np.isfinite(g))
                self.report.error = float("inf")
                self.report.lower("fail", f"the gradient is {g[index]} at {list(index)}")
                return False
        return True

    # --- single elements ---------------------------------------------------------------------

    def _all_elements(self) -> bool:
        """Check every element against every output. Whether there was no kink."""
        jacobian = self.point.jacobian(self.i)
        sizes = np.abs(jacobian * self.unit).reshape(len(jacobian), -1).max(axis=1)
        scales = self._scales_of_outputs(sizes)
        expected = np.empty_like(jacobian)
        smooth = True
        for index in np.ndindex(self.variable.shape):
            column: Any = (slice(None), *index)
            slopes = jacobian[column] * self.unit[index]
            inward = bool(self.variable.inward[index])
            rounding = self.variable.rounding(jacobian)[column]
            scales = scales._replace(noise=np.maximum(self.point.noise, rounding))
            judged = self.point.judge.judge(self._curve(index), slopes, scales, inward)
            expected[column] = judged.numeric / self.unit[index]
            self.report.elements += 1
            if judged.ok.all():
                note(self.report, judged, scales._replace(gradient=sizes), 1)
                if not self._bends(index, scales._replace(gradient=sizes)):
                    continue
            smooth &= not self._kink(index, judged, np.eye(self.point.outputs))
        if self._wrong:
            choose(expected, jacobian, self._ends, self.unit)
            v = self.point.cotangents[0]
            self.report.given = np.tensordot(v, jacobian, 1)
            self.report.expected = np.tensordot(v, expected, 1)
        return smooth

    def _scales_of_outputs(self, sizes: Array) -> Scales:
        values = flat(self.point.values)
        natural = np.maximum(np.abs(values), length(values) / np.sqrt(len(values)))
        direction = self.random(np.arange(self.variable.size))
        along = self.point.subject.along_one(self.i, direction)
        widest = self.point.judge.steps.widest
        change = slope_change(lambda h: flat(along(h)), widest, self.inward(direction))
        return Scales(1e-6 * sizes, natural, self.point.noise, change)

    def _bends(self, index: tuple[int, ...], scales: Scales) -> bool:
        """Whether there may be a kink whose middle slope is that of the tape, as at abs(0)."""
        if self.variable.inward[index]:
            return False
        curve, at_zero = self._curve(index), flat(self.point.values)
        step = self.point.judge.steps.bend
        with np.errstate(invalid="ignore"):
            bend = np.abs(curve(step) + curve(-step) - 2 * at_zero) / step
            bent = bend > np.maximum(1e-3 * scales.gradient, 10 * self.point.noise / step)
        return bool(bent.any())

    def _curve(self, index: tuple[int, ...]) -> Callable[[complex], Array]:
        direction = np.zeros(self.variable.shape)
        direction[index] = self.unit[index]
        along = self.point.subject.along_one(self.i, direction)
        return lambda h: flat(along(h))

    def _kink(self, index: tuple[int, ...], judged: Judged, rows: Array) -> bool:
        """Look at an element that differs from both sides. Whether there is a kink.

        With a kink in several outputs, any combination of slopes between each one's two may be
        chosen; `rows` are the combinations of outputs that the judged numbers are slopes of.
        """
        inward = bool(self.variable.inward[index])
        left, right = self.point.judge.slopes(
            self._curve(index), flat(self.point.values), self.point.noise, inward
        )
        error = left.error + right.error
        bent = ((rows != 0) & apart(left, right)).any(axis=1)
        ends = rows * left.value, rows * right.value
        lower, upper = np.minimum(*ends).sum(axis=1), np.maximum(*ends).sum(axis=1)
        allowance = 10 * (np.abs(rows) @ error) + 1e-6 * np.maximum(np.abs(lower), np.abs(upper))
        between = (lower - allowance <= judged.given) & (judged.given <= upper + allowance)
        unit = float(self.unit[index])
        unlike = [int(k) for k in np.flatnonzero(bent | ~judged.ok)]
        element = int(np.ravel_multi_index(index, self.variable.shape)) if index else 0
        corners = self.point.corners.at(self.i, element, rows[unlike]) if unlike else []
        if all(corner is not None and corner.right for corner in corners):
            for corner in corners:
                self._settled |= self.point.corners.within(self.i, corner)
        for k, corner in zip(unlike, corners, strict=True):
            if corner is not None and corner.right is not None:
                bent[k] = True
                if not corner.right:
                    self.report.lower("fail", self._no_combination(corner))
                    continue
                between[k] = True
            if bent[k] and not between[k] and not judged.wrong[k]:
                self._differs(index, judged, k, rows[k])  # too noisy to tell a kink from a jump
            elif bent[k]:
                choice = Choice(index, lower[k] / unit, upper[k] / unit, judged.given[k] / unit)
                kept = self.report.choices if between[k] else self.report.outside
                if all(known.index != index for known in kept):
                    kept.append(choice)
            else:
                self._differs(index, judged, k, rows[k])
        if bent.any() and self.elementwise:
            self._ends[index] = lower, upper
        return bool(bent.any())

    def _no_combination(self, corner: Corner) -> str:
        given, closest = (
            self.point.corners.values(corner, g) for g in (corner.given, corner.closest)
        )
        return (
            f"slopes divide at {self.point.corners.names(corner)}, where they meet, and the tape "
            f"says {given}: together that is no convex combination of the gradients close by (at a "
            f"tie the parts sum to one); {closest} would be"
        )

    def _differs(self, index: tuple[int, ...], judged: Judged, k: int, row: Array) -> None:
        """Note a slope of a combination of outputs that is not what differences say."""
        unit, of = float(self.unit[index]), "(a random sum of all of out)"
        if np.count_nonzero(row) == 1:
            output = int(np.flatnonzero(row)[0])
            unit, of = unit * float(row[output]), self.point.output(output)
        by = entry(self.variable.symbol, index)
        self._raise_error(judged, k, self._size(row))
        wrong = bool(judged.wrong[k])
        if wrong and index not in self._wrong:
            self._wrong.append(index)
        verdict: Verdict = "fail" if wrong else "inconclusive"
        if any((d.of, d.by, d.known) == (of, by, wrong) for d in self.report.differences):
            self.report.verdict = worst([self.report.verdict, verdict])
            return  # another random sum says no more
        tape, numbers, error = (
            float(x[k]) / unit for x in (judged.given, judged.numeric, judged.tolerance)
        )
        self.report.lower(verdict, Difference(of, by, tape, numbers, abs(error), wrong))

    def _size(self, row: Array) -> float:
        """That of the tape's gradient of a combination of outputs, for steps of a unit."""
        gradient = np.abs(self.point.gradient_along(row)[self.i] * self.unit)
        return float(gradient.max() if self.elementwise else length(gradient))

    # --- large arguments ---------------------------------------------------------------------

    def _search(self) -> None:
        """Say whether an argument differs because its rule is wrong, or because of kinks."""
        everything = np.arange(self.variable.size)
        judged, bent = self._group(everything)
        for k in map(int, np.flatnonzero(judged.wrong & ~bent)):
            self._raise_error(judged, k, self._size(self.point.cotangents[k]))
        if (judged.wrong & ~bent).any():
            self._blame(everything, judged, bent)
            if self.report.verdict != "pass":
                return
        if judged.ok.all():
            self.report.lower("inconclusive", _UNSETTLED)
            return
        groups, visited, kinks = [everything], 0, 0
        while groups and visited < _KINKS_VISITED:
            group = groups.pop()
            if not self._seems_off(group):
                continue
            if len(group) > 1:
                halves = [group[: len(group) // 2], group[len(group) // 2 :]]
                groups += [halves[i] for i in self.point.rng.permutation(2)]
                continue
            visited += 1
            self.report.elements += 1
            index = self._index(group[0])
            judged, _ = self._group(group)  # by the complex step, which sees one side of a kink
            kinks += self._kink(index, judged, np.array(self.point.cotangents))
            if self.report.verdict == "fail":
                return
            if self._settled:  # of what meets there, nothing else is to be looked at
                groups = [g[~np.isin(g, list(self._settled))] for g in groups]
                groups = [g for g in groups if len(g)]
        if not kinks:
            self.report.lower("inconclusive", _UNSETTLED)
        elif groups and not holds_beside(self.point, self.i):  # more kinks than were visited
            self.report.lower(
                "inconclusive",
                "there are many kinks, and beside them tape and differences disagree too",
            )

    def _seems_off(self, group: Array) -> bool:
        direction = self.random(group)
        return self.point.judge.seems_off(*self.question(direction))

    def _group(self, group: Array) -> tuple[Judged, Array]:
        """Judge a random direction of some elements, a single one by itself; and for each
        combination of outputs, whether it has a kink there."""
        direction = self.random(group)
        judged = self.point.judge.judge(*self.question(direction))
        if judged.ok.all():
            return judged, np.zeros(judged.ok.shape, bool)
        v = np.array(self.point.cotangents)
        along = self.point.subject.along_one(self.i, direction)
        left, right = self.point.judge.slopes(
            lambda h: v @ flat(along(h)),
            v @ flat(self.point.values),
            np.array([length(row * self.point.noise) for row in v]),
            self.inward(direction),
        )
        return judged, apart(left, right)

    def _blame(self, group: Array, judged: Judged, bent: Array) -> None:
        """Fail, and name the fewest elements on which the difference can be seen."""
        while len(group) > 1:
            for half in (group[: len(group) // 2], group[len(group) // 2 :]):
                closer, bent_there = self._group(half)
                if (closer.wrong & ~bent_there).any():
                    group, judged, bent = half, closer, bent_there
                    break
            else:
                break
        k = int(np.argmax(judged.wrong & ~bent))
        if len(group) == 1:
            # Where many meet, no slope may change with one of them, and each have a part.
            self._kink(self._index(group[0]), judged, np.array(self.point.cotangents))
            return
        self._raise_error(judged, k, self._size(self.point.cotangents[k]))
        self.report.lower(
            "fail",
            f"along a random direction of the {len(group)} elements from "
            f"{list(self._index(group[0]))} to {list(self._index(group[-1]))} the tape says "
            f"{judged.given[k]:.8g}, differences say {judged.numeric[k]:.8g} (to "
            f"{judged.tolerance[k]:.0e})",
        )

    def _index(self, flat: int) -> tuple[int, ...]:
        return tuple(int(n) for n in np.unravel_index(int(flat), self.variable.shape))

    # --- what the report keeps ---------------------------------------------------------------

    def _raise_error(self, judged: Judged, k: int, size: float) -> None:
        size = max(size, abs(float(judged.given[k])), abs(float(judged.numeric[k])))
        error = abs(float(judged.given[k] - judged.numeric[k])) / size if size else 0.0
        self.report.error = max(self.report.error, error)


def _first(mask: Array) -> tuple[int, ...]:
    return tuple(int(n) for n in np.unravel_index(int(np.argmax(mask)), mask.shape))
