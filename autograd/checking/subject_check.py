"""The check of all arguments of a subject: what gradcheck and check_tape share."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from autograd.checking.arguments import check_argument
from autograd.checking.diagnosis import Context, Hypothesis, diagnose
from autograd.checking.directions import holds_beside
from autograd.checking.flow import Flow
from autograd.checking.judging import Judge
from autograd.checking.point import Point, length
from autograd.checking.precision import check_precision
from autograd.checking.replaying import Shake, quietly
from autograd.checking.report import ArgumentReport, GradcheckReport
from autograd.checking.subject import Subject
from autograd.engine.modes import enable_grad
from autograd.engine.tensor import wrap

_FLAT = 1e-6  # of the largest slope: one that is none
_NOTHING = 1e-9  # of f, for a change of all of the argument


def check(
    subject: Subject,
    rng: np.random.Generator,
    title: str = "gradcheck",
    ops_are_right: Callable[[Point], bool] | None = None,
) -> GradcheckReport:
    """The report on all variables of a subject.

    Args:
        ops_are_right: tells whether each op on the tape has right rules. Where several kinks come
            together, right rules can give a slope outside those of the whole.
    """
    with np.errstate(all="ignore"):  # what is not finite is told in words
        return _checked(subject, rng, title, ops_are_right)


def _checked(
    subject: Subject,
    rng: np.random.Generator,
    title: str,
    ops_are_right: Callable[[Point], bool] | None,
) -> GradcheckReport:
    problems = subject.writes()
    if problems:
        untold = [
            ArgumentReport(v.name, v.given.dtype, v.shape, "inconclusive")
            for v in subject.variables
        ]
        return GradcheckReport(untold, subject=title, problems=problems)
    _expect_deterministic(subject)
    judge = Judge(subject.steps)
    point = Point(subject, judge, rng)
    judge.complex_works = (
        subject.steps.given is None
        and bool(subject.seen.ops)
        and all(getattr(op, "analytic", False) for op in subject.seen.ops)
    )
    reports = []
    for i, variable in enumerate(subject.variables):
        report = ArgumentReport(variable.name, variable.given.dtype, variable.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            check_argument(point, i, report)
        for kink in report.outside[:3]:
            report.lower("fail", f"{kink}, which is not between them")
        if report.verdict == "fail":
            _reconsider(point, i, report, ops_are_right)
        if report.verdict != "pass" and subject.seen.narrowed:
            report.notes.append(
                f"{subject.seen.narrowed}, so f is a staircase: longer steps (step=) may tell more"
            )
        reports.append(report)
        if report.verdict == "fail" and report.given is not None:
            report.diagnosis = _diagnosed(point, i, report)
    if all(report.verdict == "pass" for report in reports):
        check_precision(subject, point, reports)
    return GradcheckReport(reports, subject=title, problems=list(subject.warnings))


def _reconsider(
    point: Point,
    i: int,
    report: ArgumentReport,
    ops_are_right: Callable[[Point], bool] | None,
) -> None:
    """Take back a "fail" that rounding explains, or kinks of right ops that meet."""
    if not all(np.isfinite(point.gradient(k, i)).all() for k in range(len(point.cotangents))):
        return
    if _is_rounding(point, i):
        report.verdict = "inconclusive"
        report.reasons.insert(
            0, "the gradient changes with the last digits of the arguments: it is rounding error"
        )
    elif ops_are_right is not None and holds_beside(point, i) and ops_are_right(point):
        report.verdict = "pass"
        report.notes += [
            *map(str, [*report.reasons, *report.differences][:1]),
            "kinks of several ops meet here: each op's choice lies between its own slopes, and "
            "beside this point the gradient is right, but together the choices are no slope of f",
        ]
        report.reasons.clear()
        report.differences.clear()
    elif point.subject.jumps and not _is_flat(report) and holds_beside(point, i):
        # That of exp(abs(x)) at 0 hangs on the slope that was chosen for abs.
        report.verdict = "inconclusive"


def _is_flat(report: ArgumentReport) -> bool:
    """Whether the derivative is 0 on all sides of all elements that differ from it: of what is
    linear there, it is to be 0."""
    if report.given is None or report.expected is None:
        return False
    size = float(np.abs(report.given).max(initial=0.0))
    differ = np.abs(report.given - report.expected) > _FLAT * size
    return bool((np.abs(report.expected[differ]) <= _FLAT * size).all())


def _is_rounding(point: Point, i: int) -> bool:
    """Whether the gradient is nothing beside f, and changes as a whole when the arguments move by a
    few units in the last place. Numbers that are equal are moved alike: ties stay ties.
    """
    subject = point.subject
    here = [point.gradient(k, i) for k in range(len(point.cotangents))]
    size = length(*here)
    natural = length(*point.values)
    if natural and length(*(g * subject.variables[i].unit() for g in here)) > _NOTHING * natural:
        return False
    for seed in range(2):
        shake = Shake(4 * float(np.finfo(float).eps), seed)
        taped = subject.taped([v.within(shake(v.at)) for v in subject.variables])
        moved = []
        for k, v in enumerate(point.cotangents):
            g = taped.gradients(point.split(v))[i]
            moved.append((0 if g is None else g.data) - here[k])
        if not size or length(*moved) < 0.1 * size:
            return False
    return True


def _expect_deterministic(subject: Subject) -> None:
    first, again = subject.values(), subject.values()
    for number, (a, b) in enumerate(zip(first, again, strict=True)):
        if not np.isfinite(a).all():
            index = tuple(int(n) for n in np.argwhere(~np.isfinite(a))[0])
            raise ValueError(
                f"{subject.of}: output {number} of f is {a[index]} at {list(index)}; a derivative "
                "needs finite values: check at another point, or look for the op that made it with "
                "autograd.debug()"
            )
        if a.shape != b.shape or not np.array_equal(a, b):
            gap = f"by {np.abs(a - b).max():.3g}" if a.shape == b.shape else "in shape"
            raise ValueError(
                f"{subject.of}: f gave two different values for the same arguments (output "
                f"{number} differs {gap}); seed what is random in it at each call, or put a model "
                "into eval mode"
            )


def _diagnosed(point: Point, i: int, report: ArgumentReport) -> list[Hypothesis]:
    """What the first combination of outputs tells about a wrong gradient."""
    assert report.given is not None
    assert report.expected is not None
    taped = point.subject.taped()
    place = point.subject.variables[i].tensor._place
    context = None
    if place is not None:
        with enable_grad():
            parts = [
                (out * wrap(np.asarray(v, out.dtype), None)).sum()
                for out, v in zip(taped.outs, point.split(point.cotangents[0]), strict=True)
                if out._place is not None
            ]
            total = sum(parts[1:], start=parts[0]) if parts else None
        if total is not None:
            with quietly():
                context = Context(Flow(total), place)
    scale = float(np.abs(report.expected).max(initial=0.0))
    return diagnose(report.given, report.expected, max(report.limit, 1e-7) * scale, context)
