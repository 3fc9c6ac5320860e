"""gradcheck: whether the gradients of a function are its derivatives, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from autograd.checking.differences import Steps
from autograd.checking.point import Point
from autograd.checking.records import check_records
from autograd.checking.report import GradcheckError, GradcheckReport
from autograd.checking.subject import Subject
from autograd.checking.subject_check import check
from autograd.checking.variable import Bounds
from autograd.engine.modes import enable_grad
from autograd.engine.tensor import Tensor

_NO_SECOND = (
    "f has a kink here ({}), and its gradient jumps: second derivatives hang on the slope that was "
    "chosen there, so check them elsewhere"
)


def gradcheck(
    f: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    step: float | None = None,
    domain: Bounds | list[Bounds | None] | None = None,
    seed: int = 0,
    raise_exception: bool = True,
) -> GradcheckReport:
    """Compare the gradients of f, as the tape gives them, with derivatives by differences.

    Every floating argument is moved in random directions, and the outputs are combined by random
    cotangents; small arguments are checked element by element and output by output. Differences
    are extrapolated central ones in float64, which estimate their own error (Ridders 1982), or the
    complex step where every op on the way declares itself analytic. What counts is the difference
    relative to the size of the gradient itself and to that error: there is no absolute tolerance.

    At a kink (a slope that differs from side to side) every value between the two slopes passes and
    is reported as a choice. Where several elements meet at one, they are judged together: the
    gradient by them is to be a convex combination of the gradients close by. So elements that tie
    for a maximum may share its gradient in any way, but each may not have the whole of it. Equal
    elements that f treats alike are judged up to some thousands; others up to 64 that meet. Second
    derivatives at a kink are compared with those on its two sides: of what is linear on both they
    are to be 0; what hangs on the slope that was chosen there cannot be judged.
    Arguments of float32 or float16 are checked in float64, and then their own precision is compared
    with that.

    What f or its rules write into and should not (a forward into its argument, a rule into the
    gradient that it is given) fails the check, and is named, also where it changes nothing here
    (`x.sort()` of what is sorted).

    >>> import numpy as np
    >>> from autograd import arcsin, gradcheck
    >>> bool(gradcheck(arcsin, np.array([0.5, 1 - 1e-9]), domain=(-1, 1)))
    True
    >>> def f(x, y):  # it rounds to float32 inside, so short steps say nothing of it
    ...     return (x.astype(np.float32) * y).astype(np.float64)
    >>> bool(gradcheck(f, np.ones(3), np.ones(3), step=0.1))
    True

    Args:
        f: takes the inputs and returns a Tensor, or a tree of them. It is called many times, and
            has to return the same at each call; state that it keeps (running statistics) changes.
        inputs: tensors, arrays, floats, and trees of them; what is not floating is passed on. A
            leaf tensor is passed as the same object, bound to moved arrays while the check runs, so
            f may be a model closed over its parameters: `gradcheck(lambda *_: loss(model(x), y),
            *model.parameters())`.
        order: 2 checks the gradient of the gradient too, with cotangents on the tape and without.
        step: the longest step of the differences, in the units of the inputs. By default steps from
            1e-2 to 1e-10 of the size of each element are tried, which says nothing of an f that is
            rough at that scale, and leads too far where f has a scale of its own.
        domain: (lo, hi), numbers or arrays or None, that no input may leave while it is moved;
            differences are one-sided at a bound. A list has one such pair, or None, for each input.
            Natural bounds are found at 0 (`log` of 1e-40); elsewhere say where f is defined.
        seed: of the random directions.
        raise_exception: False returns the report also where the verdict is not "pass".

    Raises:
        GradcheckError: the verdict is "fail" or "inconclusive"; `.report` is what is returned
            otherwise.
        TypeError: no argument is floating, f returns no Tensor, or a bound is no real number.
        ValueError: f returned two different values for the same arguments, or one not finite; an
            input is not in the domain; `order`, `step` or `domain` is none (a bound is NaN, lo is
            above hi, a shape does not fit).
    """
    if order not in (1, 2):
        raise ValueError(f"gradcheck: order={order} given, 1 or 2 expected")
    _expect_function(f, inputs)
    rng = np.random.default_rng(seed)
    with Subject(f, inputs, steps=_steps(step), domain=_domains(domain, inputs)) as subject:
        report = check(subject, rng, ops_are_right=_ops_are_right)
        names = [variable.name for variable in subject.variables]
        for tracked in (True, False) if order == 2 else ():
            if not report:
                break
            with _gradients_of(subject, rng, tracked) as second:
                again = check(second, rng)
            kinks = [
                f"{argument.name} at {', '.join(str(list(c.index)) for c in argument.choices[:3])}"
                for argument in report.arguments
                if argument.choices
            ]
            kind = "second derivative" if tracked else "of constant cotangents"
            labels = [f"{name}, {kind}" for name in names]
            added = [variable.symbol for variable in second.variables[len(names) :]]
            labels += [f"{g}, the gradient of {g.replace('g', 'out')}" for g in added]
            for argument, label in zip(again.arguments, labels, strict=False):
                argument.name = label
                if kinks and argument.verdict == "inconclusive":
                    argument.reasons.insert(0, _NO_SECOND.format("; ".join(kinks)))
            report = GradcheckReport(
                report.arguments + again.arguments, 2, report.subject, again.problems
            )
    if raise_exception and not report:
        raise GradcheckError(report)
    return report


def _ops_are_right(point: Point) -> bool:
    subject = point.subject
    places = [variable.tensor._place for variable in subject.variables]
    domains = {p.serial: v.bounds for p, v in zip(places, subject.variables, strict=True) if p}
    try:
        records = check_records(point.taped.outs, point.rng, subject.steps, domains)
    except Exception:
        if any(domains.values()):
            return False  # of what is computed on the way no domain is known
        raise
    return all(record.verdict == "pass" for record in records)


def _gradients_of(subject: Subject, rng: np.random.Generator, tracked: bool) -> Subject:
    """The gradients of a subject as a subject of their own: functions of its arguments, and of the
    cotangents where these are tracked.

    With constant cotangents gradients that are recorded meet in the sweep with others that are not;
    with tracked ones all are recorded.
    """
    outs = subject.taped().outs
    count = len(subject.variables)
    cotangents = [rng.uniform(0.5, 1.5, out.shape) * rng.choice([-1.0, 1.0]) for out in outs]

    def gradients(*arguments: Tensor) -> list[Tensor]:
        with enable_grad():
            taped = subject.taped([tensor.data for tensor in arguments[:count]])
            found = taped.gradients(arguments[count:] or cotangents, create_graph=True)
        return [g for g in found if g is not None]

    tensors = [variable.tensor for variable in subject.variables]
    for variable in subject.variables:
        variable.tensor.rebind(variable.at)
    inputs = [*tensors, *(cotangents if tracked else ())]
    domain = [v.bounds for v in subject.variables] + [None] * (len(inputs) - count)
    second = Subject(gradients, inputs, steps=subject.steps, domain=domain, may_jump=True)
    found = subject.taped().gradients(cotangents)
    symbols = [variable.symbol for variable in subject.variables]
    second.results = [f"{s}.grad" for s, g in zip(symbols, found, strict=True) if g is not None]
    symbols += ["g"] if len(outs) == 1 else [f"g[{n}]" for n in range(len(outs))]
    for variable, symbol in zip(second.variables, symbols, strict=False):
        variable.symbol = symbol
    return second


def _expect_function(f: Any, inputs: tuple[Any, ...]) -> None:
    if isinstance(f, Tensor) or not callable(f):
        raise TypeError(
            f"gradcheck: {type(f).__name__} given for f, a function expected, and its inputs after "
            "it: gradcheck(op, x), not gradcheck(op(x), x)"
        )
    try:
        signature(f).bind(*inputs)
    except TypeError as error:
        raise TypeError(
            f"gradcheck: f does not take these {len(inputs)} inputs: {error}; give them one after "
            "the other, gradcheck(f, x, y), and wrap f where it takes options"
        ) from error
    except ValueError:
        pass  # it has no signature to be seen


def _steps(step: Any) -> Steps:
    if step is None:
        return Steps()
    if (
        isinstance(step, bool)
        or not isinstance(step, int | float | np.number)
        or not 0 < step < np.inf
    ):
        raise ValueError(f"gradcheck: step={step!r} given, a positive number expected, or None")
    return Steps.up_to(float(step))


def _domains(domain: Any, inputs: tuple[Any, ...]) -> list[Bounds | None]:
    """The domain of each input."""
    pairs = domain if isinstance(domain, list) else [domain] * len(inputs)
    if len(pairs) != len(inputs):
        raise ValueError(
            f"gradcheck: domain is a list of {len(pairs)} for {len(inputs)} inputs; one pair "
            "expected for each, or None"
        )
    for pair in pairs:
        if pair is not None and not (isinstance(pair, tuple) and len(pair) == 2):
            raise ValueError(
                f"gradcheck: domain={pair!r} given, a pair (lo, hi) expected, with None on a side "
                "without a bound, or a list with a pair for each input"
            )
    return pairs
