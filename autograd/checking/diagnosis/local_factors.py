"""A factor of the rule that was forgotten, and which recorded number it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograd.checking.diagnosis.evidence import Candidate, Case, Hypothesis, largest
from autograd.engine.tensor import Array

_MOST = 120  # recorded arrays that are tried


def propose_local_factor(case: Case) -> None:
    """ "local factor forgotten": given times a recorded value, or a function of it, is right."""
    if case.context is None:
        return
    wrong = int(np.count_nonzero(case.wrong))
    needed = 2 if case.relative_limit < 1e-6 else 3
    if wrong < needed or not largest(case.given):
        return
    for distance, (what, value) in enumerate(case.context.recorded()[:_MOST]):
        try:
            fits = np.broadcast_shapes(value.shape, case.given.shape) == case.given.shape
        except ValueError:
            continue
        if not fits or value.dtype.kind not in "fb" or not value.size:
            continue
        if value.min() == value.max():
            continue  # one number: a factor
        _propose_one_too_many(case, what, value.astype(np.float64), distance)
        for words, factor in _functions(value.astype(np.float64)):
            if _completes(case, factor):
                v = f"{what}, of shape {value.shape}"
                text = f"{words.format('v')} is forgotten as a factor, where v is {v}"
                if words == "{}":
                    text = f"{v}, is forgotten as a factor"
                elif words == "1 / {}":
                    text = f"{v}, is one factor too many, or a division by it is forgotten"
                residual = largest(case.given * factor - case.expected) / case.largest_difference
                evidence = f"given times it is right in all {case.given.size} numbers"
                rank = 3.1 + min(distance, 99) / 100 + (0.0 if words == "{}" else 0.3)
                case.note(rank, Hypothesis("local factor forgotten", text, residual, evidence))


def _propose_one_too_many(case: Case, what: str, value: Array, distance: int) -> None:
    """A factor that is 0 somewhere cannot be divided out of what is given."""
    if (value == 0).any() and not (value == 0).all() and np.isfinite(value).all():
        text = f"{what}, of shape {value.shape}, is one factor too many"
        rank = 3.4 + min(distance, 99) / 100
        values = case.expected * value
        case.propose(Candidate("wrong factor", text, values, rank, tried=1000))


def _functions(v: Array) -> Iterator[tuple[str, Array]]:
    """What derivatives of elementary functions are made of."""
    yield "{}", v
    with np.errstate(all="ignore"):
        yield "1 - {}", 1 - v
        yield "1 + {}", 1 + v
        yield "{} ** 2", v * v
        yield "1 - {} ** 2", 1 - v * v
        yield "{0} (1 - {0})", v * (1 - v)
        yield "1 / {}", 1 / v
        yield "1 / {} ** 2", 1 / (v * v)


def _completes(case: Case, factor: Array) -> bool:
    if not np.isfinite(factor).all() or factor.min() == factor.max():
        return False
    # Compared relative to the factor too: a large one magnifies the rounding of what was given.
    product = case.given * factor
    residual = np.abs(product - case.expected)
    rounding = case.relative_limit * np.maximum(np.abs(product), np.abs(case.expected))
    tolerance = np.minimum(rounding + case.limit, 0.03 * case.largest_difference)
    if not (residual <= tolerance).all():
        return False
    if np.count_nonzero(case.wrong) >= 3:
        return True
    return bool(np.ptp(np.broadcast_to(factor, product.shape)[case.wrong]))
