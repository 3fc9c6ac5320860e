"""Mistakes made at one op: its rule is run again with the mistake, and carried on to the tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple, TypedDict

import numpy as np

from autograd.checking.diagnosis.context import Context, Use, described
from autograd.checking.diagnosis.evidence import Candidate, Case, fitted_factor, largest
from autograd.checking.diagnosis.probes import Probes, Sieve
from autograd.checking.diagnosis.quantities import divided_otherwise, meaning_of, times
from autograd.checking.diagnosis.roles import Role, role_of
from autograd.checking.diagnosis.rules import mistaken_rules, partial_sums, wrong_rules
from autograd.checking.diagnosis.substitutions import propose_update, substituted_rules
from autograd.engine.tape import Place, Record
from autograd.engine.tensor import Array


def propose_term(
    case: Case, context: Context, use: Use, part: Array, rank: float, direct: bool
) -> None:
    """ "contribution missing", "accumulated twice", "wrong sign of a term" and "term scaled".

    Args:
        part: what the use adds to the gradient of the tensor.
        rank: how far-fetched a mistake at this use is.
        direct: whether the use is of the tensor itself.
    """
    rest = case.expected - part
    if largest(rest) <= case.limit or largest(part) <= case.limit:
        return  # all of it, or none: then it is a factor of 0, 2 or -1
    if not ((part != 0) & (np.abs(rest) > case.limit)).any():
        rank += 3  # each element has one contribution: better described by which elements
    through = f"the contribution through {use}{'' if direct else ', further on,'}"
    role = role_of(context, use)
    if not case.tape_is_given:
        _propose_all_or_none(case, context, role, use, through, part, rank)
    _propose_scaled(case, context, role, use, through, part, rank)


def made_at(context: Context, use: Use, g: Array | float) -> Made:
    """Where a mistake was made, and what then arrives there: g, or g times what should.

    Nothing of a mistake made at the tensor itself.
    """
    contribution, whole = context.contribution(use), context.flow.at(use.place)
    if use.place.serial == context.place.serial or contribution is None or whole is None:
        return {}
    instead = g if isinstance(g, np.ndarray) else g * contribution
    return {"at": use.place, "instead": whole + (instead - contribution)}


def _propose_all_or_none(
    case: Case,
    context: Context,
    role: Role | None,
    use: Use,
    through: str,
    part: Array,
    rank: float,
) -> None:
    """The term is left out, added twice, or subtracted."""
    expected, count = case.expected, 3 * len(context.path)
    rest = expected - part
    if role is not None:
        made = made_at(context, use, 0.0)
        case.propose(Candidate(role.kind, role.text, rest, 2.0 + role.rank, tried=count, **made))
    edits = [
        ("contribution missing", "is not added", rest, 0.0),
        ("accumulated twice", "is added twice", expected + part, 2.0),
        ("wrong sign of a term", "has the wrong sign", rest - part, -1.0),
    ]
    if largest(expected) <= case.limit:
        edits = edits[:1]  # that terms cancel in what is given is no mistake made twice
    for kind, what, values, factor in edits:
        made, text = made_at(context, use, factor), f"{through} {what}"
        case.propose(Candidate(kind, text, values, rank, tried=count, **made))


def _propose_scaled(
    case: Case,
    context: Context,
    role: Role | None,
    use: Use,
    through: str,
    part: Array,
    rank: float,
) -> None:
    """The term is there, but a number times what it should be."""
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
    divisor = divided_otherwise(factor, size, context, case.quantities) if factor > 0 else None
    called = role.name if role is not None else through
    kind, text = "term scaled", f"{called} is {times(factor)} times what it should be"
    free = 0
    if abs(factor + 1) <= size:
        kind, text = "wrong sign of a term", f"{called} has the wrong sign"
    elif divisor is not None:
        text = f"{text}: {divisor}"
    elif names is None and (quotient := case.quantities.quotient(factor, size)) is not None:
        text, free, rank = f"{text}: {quotient}", 1, rank + 0.5
    elif names is None:
        text, free, rank = f"{text}; no quantity on the way has that value", 1, rank + 1.5
    elif abs(factor - 2) <= size or abs(factor - 0.5) <= size:
        text = f"{text}: {meaning_of(round(2 * factor) / 2, context)}"
    elif names:
        text = f"{text}; that is {', or '.join(names[:2])}"
    tried = 3 * len(context.path) * max(1, len(case.quantities))
    values, made = case.expected + change * part, made_at(context, use, 1 + change)
    case.propose(Candidate(kind, text, values, rank, free, tried, **made))


_NEAREST = 40  # uses whose mistakes are tried; further away they have names of their own
_NEAR = 8  # uses at whose rules the dear mistakes are tried
_MANY = 20_000  # of them are tried, so that one number alone is no evidence
_MOST_WORK = 20_000_000  # numbers in gradients tried in this way, all together
_DEEPER = 2.0  # added to the rank of a mistake that was not made at the tensor itself


class Made(TypedDict, total=False):
    """Where a mistake was made, as of Candidate."""

    at: Place
    instead: Array


class Term(NamedTuple):
    """What a use of the tensor, or of what is made of it, contributes to the gradient of its place.

    Attributes:
        distance: the number of the use, nearest first.
        sieve: what may stand there instead; None where all has to be looked at.
    """

    distance: int
    use: Use
    contribution: Array
    sieve: Sieve | None


def propose_edits(case: Case, context: Context, probes: Probes) -> None:
    """Contributions missing, doubled or of the wrong sign; upstream gradients and local factors
    forgotten; arguments swapped; sums over the wrong axis."""
    uses = context.path[:_NEAREST]
    for distance, use, contribution, sieve in _terms(case, context, uses, probes):
        direct = use.place.serial == context.place.serial
        rank = 3.0 if direct else 3.0 + _DEEPER + distance / _NEAREST
        if sieve is None or sieve.multiple_is_wrong():
            part = _part(case, context, use)
            if part is not None:
                propose_term(case, context, use, part, rank, direct)
        for kind, text, g, extra in mistaken_rules(context, use, contribution):
            if sieve is not None and not sieve.passes(g):
                continue
            part = _part(case, context, use)
            values = _with_instead(case, context, use, part, contribution, g)
            if part is None or values is None:
                continue
            made = made_at(context, use, g)
            found = Candidate(kind, text, values, rank + extra, tried=len(uses), **made)
            fits = case.propose(found)
            if not fits and kind in ("local factor forgotten", "wrong axis", "transposed"):
                _propose_with_factor(case, kind, text, values, case.expected - part, rank + extra)
    _propose_shares(case, context, uses)
    _propose_both(case, context, uses)
    for record in {use.record.serial: use.record for use in uses}.values():
        _propose_record(case, context, record, uses, probes)
    _propose_handed_on(case, context)


def _part(case: Case, context: Context, use: Use) -> Array | None:
    """What a use contributes to the gradient of the tensor."""
    part = context.part(use)
    return part if part is not None and part.shape == case.expected.shape else None


def _propose_with_factor(
    case: Case, kind: str, text: str, values: Array, rest: Array, rank: float
) -> None:
    """A second mistake beside the first: a factor that has a name, as 2 / n has."""
    changed = values - rest
    factor = fitted_factor(case.given - rest, changed)
    if not factor or not np.isfinite(factor) or np.count_nonzero(case.wrong) < 4:
        return
    also = case.quantities.beside(factor)
    if also is None:
        return
    words = f"{text}; and what is left is {also}"
    case.propose(Candidate(kind, words, rest + factor * changed, rank + 1.2, 1, tried=2000))


def _propose_shares(case: Case, context: Context, uses: list[Use]) -> None:
    """Each of the parts that add up to the gradient times a number of its own."""
    own = [u for u in uses if u.place.serial == context.place.serial]
    if not 2 <= len(own) <= 4 or case.explained:
        return
    parts = [_part(case, context, u) for u in own]
    if any(p is None for p in parts):
        return
    if np.count_nonzero(case.wrong) < len(parts) + 3:
        return
    columns = np.stack([p.ravel() for p in parts if p is not None], axis=1)
    sizes = np.abs(columns).max(axis=0)
    if not sizes.all():
        return
    found, _, rank, _ = np.linalg.lstsq(columns / sizes, case.given.ravel(), rcond=1e-9)
    if rank < len(parts):
        return
    factors = found / sizes
    said = []
    for use, factor in zip(own, factors, strict=True):
        if abs(factor - 1) <= 1e-6:
            continue
        names = case.quantities.named(abs(float(factor)), 1e-6) if abs(factor) > 1e-9 else []
        if names is None and abs(factor + 1) > 1e-6:
            return  # numbers without a meaning explain nothing
        through = f"the part through {use}"
        if abs(factor) <= 1e-9:
            said.append(f"{through} is not added")
        else:
            by = f" ({names[0]})" if names else ""
            said.append(f"{through} is {times(float(factor))} times what it should be{by}")
    values = (columns @ factors).reshape(case.given.shape)
    text = "; ".join(said)
    case.propose(Candidate("term scaled", text, values, 4.6, len(parts), tried=200))


def _terms(case: Case, context: Context, uses: Sequence[Use], probes: Probes) -> Iterator[Term]:
    """What each use contributes."""
    for distance, use in enumerate(uses):
        if probes.excludes(use.place):
            continue
        contribution = context.contribution(use)
        if contribution is None:
            continue
        key = (use.record.serial, use.position)
        sieve = probes.sieve(use.place, key, contribution)
        if sieve is not None or _part(case, context, use) is not None:
            yield Term(distance, use, contribution, sieve)


def _with_instead(
    case: Case, context: Context, use: Use, part: Array | None, contribution: Array, g: Array
) -> Array | None:
    """What the tensor gets with g in place of a contribution, which carried on is `part`."""
    if g.shape != contribution.shape or part is None or not np.isfinite(g).all():
        return None
    changed = context.carried(use.place, g)
    return None if changed is None else case.expected - part + changed


def propose_other_rules(case: Case, context: Context, probes: Probes) -> None:
    """Other mistakes in the rules near the tensor: what is dear to try, where nothing else fits."""
    if np.count_nonzero(case.wrong) < 2:
        return
    work = 0
    for distance, use, contribution, sieve in _terms(case, context, context.path[:_NEAR], probes):
        propose_update(case, context, use, contribution)
        for mistakes in (wrong_rules, partial_sums, substituted_rules):
            for kind, text, g, extra in mistakes(context, use, contribution):
                work += use.record.out.size + case.expected.size
                if work > _MOST_WORK:
                    return
                if sieve is not None and not sieve.passes(g):
                    continue
                values = _with_instead(
                    case, context, use, _part(case, context, use), contribution, g
                )
                if values is not None:
                    rank = 3.0 + distance / 10 + extra
                    made = made_at(context, use, g)
                    case.propose(Candidate(kind, text, values, rank, tried=_MANY, **made))
        if case.explained:
            return


def _propose_both(case: Case, context: Context, uses: list[Use]) -> None:
    """Normalisation with neither the term of the mean nor that of the variance."""
    found: dict[str, list[Use]] = {}
    for use in uses:
        role = role_of(context, use)
        if role is not None:
            found.setdefault(role.kind, []).append(use)
    terms: dict[str, list[Array]] = {}
    if len(found) > 1:
        for kind, those in found.items():
            terms[kind] = [p for p in (_part(case, context, use) for use in those) if p is not None]
    for mean in terms.get("mean term missing", ()):
        for variance in terms.get("variance term missing", ()):
            case.propose(
                Candidate(
                    "both terms missing",
                    "mean and variance of the normalisation are treated as constants",
                    case.expected - mean - variance,
                    2.2,
                    tried=len(uses),
                )
            )


def _propose_record(
    case: Case, context: Context, record: Record, uses: list[Use], probes: Probes
) -> None:
    """What if nothing, or ones instead of the gradient, had arrived at a record?"""
    if probes.excludes(record):
        return
    g, tried = context.upstream(record), len(uses)
    sieve = None if g is None else probes.sieve(record, (record.serial, -1), g)
    if g is not None and sieve is not None:
        ones = np.ones_like(g)
        if not (sieve.multiple_is_wrong() or sieve.passes(ones) or sieve.is_all(ones)):
            return
    found = (_part(case, context, use) for use in uses if use.record is record)
    parts = [part for part in found if part is not None]
    if not parts:
        return
    part = np.sum(parts, axis=0)
    rest = case.expected - part
    if largest(rest) > case.limit and largest(part) > case.limit:
        text = f"nothing arrives through {described(record)}, as if its result were detached"
        case.propose(Candidate("detached", text, rest, 6.0, tried=tried))
    if g is None or (g == 1).all():
        return
    values = context.carried(record, np.ones_like(g))
    if values is None or not largest(values):
        return
    distance = [r.serial for r in context.records].index(record.serial)
    rank = 3.0 + min(distance, 90) / 1000  # the ones are one mistake, wherever they were put
    text = f"the gradient that arrives at {described(record)} is taken as 1"
    alone = largest(rest) <= case.limit
    candidate = Candidate("upstream forgotten", text, rest + values, rank, tried=tried)
    if alone or largest(values) > 10 * case.tolerance(candidate):  # else as if nothing arrived
        case.propose(candidate)
    if not alone:
        case.propose(Candidate("upstream forgotten", text, values, rank + 0.5, tried=tried))


def _propose_handed_on(case: Case, context: Context) -> None:
    """What if all factors between the tensor and a record further on were forgotten?"""
    if largest(case.expected) <= case.limit:
        return  # what is nothing says nothing of how it is made
    wanted = tuple(n for n in case.expected.shape if n != 1)
    for distance, record in enumerate(context.records[:_NEAREST]):
        g = context.upstream(record)
        if g is None or g.size < case.expected.size or g.ndim > 6:
            continue
        for count in range(g.ndim + 1):
            for axes in combinations(range(g.ndim), count):
                left = tuple(n for a, n in enumerate(g.shape) if a not in axes and n != 1)
                if left != wanted:
                    continue
                values = g.sum(axis=axes).reshape(case.expected.shape)
                summed = f", summed over axes {axes}" if axes else ""
                text = (
                    f"every factor from the tensor to {described(record)} is forgotten: it is the "
                    f"gradient of that{summed}"
                )
                candidate = Candidate(
                    "local factor forgotten", text, values, 3.5 + distance / _NEAREST, tried=200
                )
                case.propose(candidate)
