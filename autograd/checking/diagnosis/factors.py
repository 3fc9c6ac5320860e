"""The right gradient times a number, and what that number is."""

from __future__ import annotations

import numpy as np

from autograd.checking.diagnosis.evidence import Candidate, Case, fitted_factor
from autograd.checking.diagnosis.quantities import (
    divided_otherwise,
    meaning_of,
    mistaken_reductions,
    times,
)


def propose_factor(case: Case) -> None:
    """ "factor", "mean for sum" and "sum for mean"."""
    factor = fitted_factor(case.given, case.expected)
    if not factor or not np.isfinite(factor):
        return
    values = factor * case.expected
    size = min(max(1e-6, case.relative_limit), 1e-3)
    known = case.quantities
    names = known.named(abs(factor), size)
    if names is None and abs(factor + 1) <= size:
        names = []
    informative = int(np.count_nonzero(np.abs(case.expected) > case.limit))
    if names is None and informative < 3:
        return
    text = _worded(case, factor, names, size)
    free, rank = (1, 4.0) if names is None else (0, 1.0)
    tried = max(1, len(known))
    if not case.propose(Candidate("factor", text, values, rank, free, tried, True, factor=factor)):
        return
    if factor < 0 or case.context is None:
        return
    reductions = mistaken_reductions(case.context)
    for kind, number, where in reductions:
        wanted = number if kind == "sum for mean" else 1 / number
        if abs(factor / wanted - 1) <= size and number != 1:
            verb = "summed, and not divided by" if kind == "sum for mean" else "divided by"
            text = f"{verb} {number}, the number of elements that {where} adds up"
            rank = 1.1 if number == 2 else 0.9
            case.propose(Candidate(kind, text, values, rank, 0, tried, True, factor=factor))
            return
    divisor = divided_otherwise(factor, size, case.context, known) if names is None else None
    if divisor is not None:
        tried *= max(1, len(reductions))
        case.propose(Candidate("factor", divisor, values, 1.2, 0, tried, True, factor=factor))


def _worded(case: Case, factor: float, names: list[str] | None, size: float) -> str:
    if abs(factor + 1) <= size and not names:
        return "the sign is wrong: it is -1 times the right gradient"
    text = f"{times(factor)} times the right gradient"
    if names is None:
        return f"{text}; no quantity on the way has that value"
    if names:
        text = f"{text}; that is {', or '.join(names[:3])}"
    for plain in (2.0, 0.5):
        if abs(abs(factor) / plain - 1) <= size:
            text = f"{text}{', or ' if names else ': '}{meaning_of(plain, case.context)}"
    return f"{text}; and the sign is wrong" if factor < 0 else text
