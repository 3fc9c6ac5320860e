"""gradcheck: whether the gradients of a function are its derivatives, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.checking.point import Point
from autograd.checking.records import check_records
from autograd.checking.report import GradcheckError, GradcheckReport
from autograd.checking.subject import Subject
from autograd.checking.subject_check import check
from autograd.engine.modes import enable_grad
from autograd.engine.tensor import Tensor


def gradcheck(
    f: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
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
    is reported as a choice. Arguments of float32 or float16 are checked in float64, and then their
    own precision is compared with that.

    Args:
        f: takes the inputs and returns a Tensor, or a tree of them. It is called many times, and
            has to return the same at each call; state that it keeps (running statistics) changes.
        inputs: tensors, arrays, floats, and trees of them; what is not floating is passed on. A
            leaf tensor is passed as the same object, bound to moved arrays while the check runs, so
            f may be a model closed over its parameters: `gradcheck(lambda *_: loss(model(x), y),
            *model.parameters())`.
        order: 2 checks the gradient of the gradient too.
        seed: of the random directions.
        raise_exception: False returns the report also where the verdict is not "pass".

    Raises:
        GradcheckError: the verdict is "fail" or "inconclusive"; `.report` is what is returned
            otherwise.
        TypeError: no argument is floating, or f returns no Tensor.
        ValueError: f returned two different values for the same arguments, or one not finite.
    """
    if order not in (1, 2):
        raise ValueError(f"gradcheck: order={order} given, 1 or 2 expected")
    rng = np.random.default_rng(seed)
    with Subject(f, inputs) as subject:
        report = check(subject, rng, ops_are_right=_ops_are_right)
        names = [variable.name for variable in subject.variables]
        for tracked in (True, False) if order == 2 else ():
            if not report:
                break
            with _gradients_of(subject, rng, tracked) as second:
                again = check(second, rng)
            for argument, name in zip(again.arguments, names, strict=False):
                argument.name = name if tracked else f"{name}, of constant cotangents"
            report = GradcheckReport(
                report.arguments + again.arguments, 2, report.subject, again.problems
            )
    if raise_exception and not report:
        raise GradcheckError(report)
    return report


def _ops_are_right(point: Point) -> bool:
    return all(record.verdict == "pass" for record in check_records(point.taped.outs, point.rng))


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
    return Subject(gradients, [*tensors, *(cotangents if tracked else ())])
