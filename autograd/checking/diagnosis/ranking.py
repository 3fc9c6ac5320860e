"""All hypotheses about one wrong gradient, best first."""

from __future__ import annotations

import numpy as np

from autograd.checking.diagnosis.arrangements import (
    propose_accumulation,
    propose_arrangement,
    propose_sum,
    shape_hypotheses,
)
from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.edits import propose_edits, propose_other_rules
from autograd.checking.diagnosis.evidence import Candidate, Case, Hypothesis, largest
from autograd.checking.diagnosis.factors import propose_factor, propose_penalty
from autograd.checking.diagnosis.formulas import (
    propose_missing_terms,
    propose_normalization,
    propose_softmax,
)
from autograd.checking.diagnosis.probes import Probes
from autograd.checking.diagnosis.repeated import propose_repeated
from autograd.checking.diagnosis.search import Search
from autograd.checking.diagnosis.subsets import propose_label, propose_subset
from autograd.checking.diagnosis.substitutions import propose_local_factor
from autograd.engine.tensor import Array


def diagnose(
    given: Array, expected: Array, limit: float, context: Context | None = None
) -> list[Hypothesis]:
    """Explanations of a wrong gradient that the numbers bear out, best first; none if unknown.

    Args:
        given: the gradient to explain. Of another shape than expected, its shape is explained.
        expected: the right one.
        limit: the largest difference that rounding explains.
        context: the tape; without it, only the numbers are looked at.
    """
    given, expected = np.asarray(given, np.float64), np.asarray(expected, np.float64)
    if given.shape != expected.shape:
        return shape_hypotheses(given, expected, limit, context)
    if not np.isfinite(given).all() or not np.isfinite(expected).all():
        return []
    case = Case(given, expected, float(limit), context)
    if not case.wrong.any():
        return []
    if not largest(given):
        case.note(0.0, _zero(case))
        return case.ranked()
    with np.errstate(all="ignore"):  # a mistake may overflow; then it is none that was made here
        _propose(case)
    return case.ranked()


def _propose(case: Case) -> None:
    context = case.context
    propose_factor(case)
    if context is not None:
        _propose_double(case, context)
        propose_label(case, context)
    if case.settled:
        return
    if context is not None:
        propose_penalty(case, context)
        if context.value.shape == case.given.shape:
            propose_missing_terms(case, context)
            propose_normalization(case, context)
            propose_softmax(case, context)
    propose_arrangement(case)
    propose_sum(case)
    propose_accumulation(case)
    if context is not None and _propose_mistakes(case, context):
        return
    _propose_offset(case)
    propose_subset(case)


def _propose_mistakes(case: Case, context: Context) -> bool:
    """Mistakes made on the way to the tensor. Says whether nothing else is to be looked for."""
    probes = Probes(case, context)
    search = None if case.tape_is_given else Search(case, context, probes)
    if search is not None and search.compositions():
        return True
    propose_edits(case, context, probes)
    if search is not None:
        search.derivatives()
    propose_local_factor(case, context)
    if search is not None and not case.explained:
        propose_other_rules(case, context, probes)
    if search is not None and not case.explained:
        search.factors()
    if search is not None and not case.explained:
        propose_repeated(case, context)
    return False


def _zero(case: Case) -> Hypothesis:
    return Hypothesis(
        "detached",
        "the gradient is zero everywhere: it does not arrive at the tensor",
        0.0,
        f"{case.given.size} zeros",
    )


def _propose_double(case: Case, context: Context) -> None:
    if len(context.uses) > 1:
        text = (
            "the whole gradient is added twice (backward ran twice without clearing it, or two "
            "equal uses of the tensor)"
        )
        values = 2 * case.expected
        case.propose(Candidate("accumulated twice", text, values, 1.2, 0, 30, True, factor=2.0))


def _propose_offset(case: Case) -> None:
    if case.given.size < 3:
        return
    constant = float(case.difference.mean())
    text = f"{constant:.6g} is added to every element"
    case.propose(Candidate("offset", text, case.expected + constant, 4.1, free=1))
