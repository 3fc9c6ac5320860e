"""The right gradient times a number, and penalties whose part of it is wrong."""

from __future__ import annotations

import numpy as np

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.evidence import Candidate, Case, fitted_factor, largest
from autograd.checking.diagnosis.quantities import (
    divided_otherwise,
    meaning_of,
    mistaken_reductions,
    times,
)
from autograd.engine.tape import Place, Record
from autograd.engine.tensor import Array


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
    divisor = divided_otherwise(factor, size, case.context, known)
    by_rows = divisor is not None and "the batch, in place of" in divisor
    if divisor is not None and (names is None or by_rows):
        tried *= max(1, len(reductions))
        rank = 0.95 if by_rows else 1.2
        case.propose(Candidate("factor", divisor, values, rank, 0, tried, True, factor=factor))
    elif names is None and (quotient := known.quotient(factor, size)) is not None:
        text = f"{times(factor)} times the right gradient: {quotient}"
        case.propose(Candidate("factor", text, values, 3.9, 1, tried**2, True, factor=factor))


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


_MISTAKES = (
    (0.0, "the gradient of the penalty is forgotten"),
    (
        0.5,
        "the penalty's gradient is half of what it should be: the factor 2 of the square's "
        "derivative is missing (2 lambda W, where the penalty is lambda W**2)",
    ),
    (
        2.0,
        "the penalty's gradient is twice what it should be: it is added twice, or it is lambda W "
        "(the penalty being lambda / 2 W**2)",
    ),
    (-1.0, "the penalty's gradient has the wrong sign: it is subtracted, and must be added"),
)


def propose_penalty(case: Case, context: Context) -> None:
    """ "penalty": forgotten, halved, doubled, with the wrong sign; or one that the loss has not."""
    if case.tape_is_given:
        return
    part = _penalty(case, context)
    if part is not None and largest(part) > case.limit:
        for factor, text in _MISTAKES:
            values = case.expected + (factor - 1) * part
            words = f"{text} (the term of the loss that hangs on this tensor alone)"
            case.propose(Candidate("penalty", words, values, 1.8, tried=10))
        change = fitted_factor(case.difference, part)
        names = case.quantities.named(abs(1 + change), 1e-6)
        if change and names is not None and not case.explained:
            text = f"the penalty's gradient is {times(1 + change)} times what it should be"
            if names:
                text += f"; that is {', or '.join(names[:2])}"
            values = case.expected + change * part
            case.propose(Candidate("penalty", text, values, 2.3, 1, tried=50))
    elif context.value.shape == case.given.shape and case.given.size > 2:
        value = context.value.astype(np.float64, copy=False)
        factor = fitted_factor(case.difference, value)
        if factor:
            text = (
                f"{factor:.6g} times the tensor itself is added: the gradient of a penalty on it "
                "(weight decay), which this loss has not"
            )
            found = Candidate("penalty", text, case.expected + factor * value, 2.3, 1, tried=20)
            if case.scale > case.tolerance(found):  # else nothing shows that it is added
                case.propose(found)


def _penalty(case: Case, context: Context) -> Array | None:
    """What arrives through terms of the loss, single numbers, that hang on this tensor alone."""
    alone = {context.place.serial}
    scalars: list[Record] = []
    for record in context.flow.records:
        parents = [p for p in record.parents if p is not None]
        constants = zip(context.flow.values.arrays(record), record.parents, strict=True)
        data = any(p is None and isinstance(a, np.ndarray) and a.size > 1 for a, p in constants)
        if parents and not data and all(p.serial in alone for p in parents):
            alone.add(record.serial)
            if isinstance(record.out, np.ndarray) and record.out.size == 1:
                scalars.append(record)
    # The last ones: what is made of them hangs on others too.
    used = {
        p.serial
        for record in context.flow.records
        if record.serial in alone
        for p in record.parents
        if p is not None
    }
    ends: list[Place] = [s for s in scalars if s.serial not in used]
    if not ends or any(end is context.flow.root._place for end in ends):
        return None
    total: Array | None = None
    for end in ends:
        g = context.flow.at(end)
        part = None if g is None else context.carried(end, g)
        if part is not None:
            total = part if total is None else total + part
    return None if total is None else total.astype(np.float64, copy=False)
