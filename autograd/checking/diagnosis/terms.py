"""One of several contributions to a gradient: left out, added twice, subtracted, wrongly scaled."""

from __future__ import annotations

import numpy as np

from autograd.checking.diagnosis.context import Use
from autograd.checking.diagnosis.evidence import Candidate, Case, fitted_factor, largest
from autograd.checking.diagnosis.quantities import divided_otherwise, meaning_of, times
from autograd.checking.diagnosis.roles import Role, role_of
from autograd.engine.tensor import Array


def propose_term(case: Case, use: Use, part: Array, rank: float, direct: bool) -> None:
    """ "contribution missing", "accumulated twice", "wrong sign of a term" and "term scaled".

    Args:
        part: what the use adds to the gradient of the tensor.
        rank: how far-fetched a mistake at this use is.
        direct: whether the use is of the tensor itself.
    """
    assert case.context is not None
    rest = case.expected - part
    if largest(rest) <= case.limit or largest(part) <= case.limit:
        return  # all of it, or none: then it is a factor of 0, 2 or -1
    if not ((part != 0) & (np.abs(rest) > case.limit)).any():
        rank += 3  # each element has one contribution: better described by which elements
    through = f"the contribution through {use}{'' if direct else ', further on,'}"
    role = role_of(case.context, use)
    if not case.tape_is_given:
        _propose_all_or_none(case, role, through, part, rank)
    _propose_scaled(case, role, through, part, rank)


def _propose_all_or_none(
    case: Case, role: Role | None, through: str, part: Array, rank: float
) -> None:
    """The term is left out, added twice, or subtracted."""
    assert case.context is not None
    expected, count = case.expected, 3 * len(case.context.path)
    rest = expected - part
    if role is not None:
        case.propose(Candidate(role.kind, role.text, rest, 2.0 + role.rank, tried=count))
    edits = [
        ("contribution missing", "is not added", rest),
        ("accumulated twice", "is added twice", expected + part),
        ("wrong sign of a term", "has the wrong sign", rest - part),
    ]
    if largest(expected) <= case.limit:
        edits = edits[:1]  # that terms cancel in what is given is no mistake made twice
    for kind, what, values in edits:
        case.propose(Candidate(kind, f"{through} {what}", values, rank, tried=count))


def _propose_scaled(case: Case, role: Role | None, through: str, part: Array, rank: float) -> None:
    """The term is there, but a number times what it should be."""
    assert case.context is not None
    change = fitted_factor(case.difference, part)
    if case.tape_is_given and abs(1 - change) < 1e-6:
        return
    # Where the tape is given, the part is the wrong one: not what is added to the right gradient.
    factor = 1 / (1 - change) if case.tape_is_given else 1 + change
    noise = case.limit / largest(part)
    size = min(max(1e-6, noise / max(abs(factor), 1e-3)), 1e-3)
    if min(abs(factor), abs(factor - 1)) <= max(noise, 1e-6):
        return
    known = role is None and not case.tape_is_given
    if known and min(abs(factor + 1), abs(factor - 2)) <= size:
        return  # proposed already
    if role is not None:
        rank = 2.05 + role.rank
    names = case.quantities.named(abs(factor), size)
    divisor = divided_otherwise(factor, size, case.context, case.quantities) if factor > 0 else None
    called = role.name if role is not None else through
    kind, text = "term scaled", f"{called} is {times(factor)} times what it should be"
    free = 0
    if abs(factor + 1) <= size:
        kind, text = "wrong sign of a term", f"{called} has the wrong sign"
    elif divisor is not None:
        text = f"{text}: {divisor}"
    elif names is None:
        text, free, rank = f"{text}; no quantity on the way has that value", 1, rank + 1.5
    elif abs(factor - 2) <= size or abs(factor - 0.5) <= size:
        text = f"{text}: {meaning_of(round(2 * factor) / 2, case.context)}"
    elif names:
        text = f"{text}; that is {', or '.join(names[:2])}"
    tried = 3 * len(case.context.path) * max(1, len(case.quantities))
    values = case.expected + change * part
    case.propose(Candidate(kind, text, values, rank, free, tried))
