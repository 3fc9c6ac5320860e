"""Which gradients of a backward are wrong for a reason of their own, and which follow from them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from autograd.checking.backward.locating import Locator
from autograd.checking.backward.pairing import Pair, Pairing
from autograd.checking.backward.results import Hand
from autograd.checking.backward.statements import Statement
from autograd.checking.choices.tapes import Choices, Target
from autograd.checking.comparison import compare
from autograd.checking.comparison_report import Comparison
from autograd.checking.flow import Flow, computed_from
from autograd.checking.reference import Reference
from autograd.engine.tensor import Tensor

_MOST_LOOKED_AT = 3  # right gradients that may belie a wrong one
_MOST_SWEEPS = 60


@dataclass
class Plan:
    """What is wrong, and because of what.

    Attributes:
        wrong: the wrong ones, nearest the loss first.
        roots: those of them that are wrong for a reason of their own.
        because: which of these each other one follows from.
        right: the others that are judged, in the order of their assignment.
        line, lines: where the mistake of the first may be.
    """

    wrong: list[Pair]
    right: list[Pair]
    roots: list[Pair] = field(default_factory=list)
    because: dict[int, Pair] = field(default_factory=dict)
    line: Statement | None = None
    lines: list[Statement] = field(default_factory=list)


def planned(
    loss: Tensor, pairing: Pairing, hand: Hand, results: list[Pair], pairs: list[Pair], sure: bool
) -> Plan:
    """What is wrong, and because of what; `sure` where it is known that some result is, and no
    choice of a slope at a kink."""
    chosen = results or [pair for pair in pairs if not pair.part]
    wrong = _wrong(loss, pairing, chosen, results and sure)
    if not wrong:
        return Plan([], _with_others(chosen, pairs))
    right = {p.variable.serial for p in chosen if p not in wrong}
    right |= {p.variable.serial for p in pairs if p.right and not p.part}
    taken = {pair.name for pair in results}
    start = hand.versions.all[0].at - 1 if hand.both and hand.versions.all else 0
    locator = Locator(hand.versions, pairing, [*chosen, *pairs], start)
    local: list[Pair] = []  # derivatives under the names of gradients
    for pair in pairs if results else ():
        if pair.right or pair.name in taken or any(equal(pair, o) for o in [*results, *wrong]):
            continue
        if hand.arrive and not pair.part and not locator.arrives(pair.version, hand.arrive):
            local.append(pair)
        elif not _belied(pairing, pair, right):
            wrong.append(pair)
            taken.add(pair.name)
    wrong.sort(key=lambda pair: (pairing.order(pair), pair.version.order))
    plan = Plan(wrong, _with_others([p for p in chosen if p not in wrong], pairs))
    _explain(loss, pairing, locator, plan)
    off = [p.version.statement for p in local if not pairing.is_local(p)]
    known = {p.version.statement for p in local} - set(off)
    plan.lines = [s for s in plan.lines if s not in known] or plan.lines
    if plan.line is None and len(off := [s for s in plan.lines if s in off]) == 1:
        plan.line = off[0]
    return plan


def _belied(pairing: Pairing, pair: Pair, right: set[int]) -> bool:
    """Whether right gradients, which would be wrong if that of a variable was, show that it is of
    something else."""
    place, off = pair.variable.place, pair.value
    known = computed_from([place]) & (right - {place.serial})
    places = [p for p in pairing.flow.places[::-1] if p.serial in known]
    if off.shape != pair.variable.tensor.shape:
        return bool(places)
    off = off - pairing.expected(pair.variable)
    for below in places[:_MOST_LOOKED_AT]:
        change, g = pairing.flow.carried(place, off, below), pairing.flow.at(below)
        size = 0.0 if g is None else np.abs(g).max(initial=0.0)
        if change is not None and np.abs(change).max(initial=0.0) > 1e-6 * size:
            return True
    return False


def _with_others(chosen: list[Pair], pairs: list[Pair]) -> list[Pair]:
    others = [p for p in pairs if p.right and not any(equal(p, c) for c in chosen)]
    return sorted([*chosen, *others], key=lambda pair: pair.version.order)


def _wrong(loss: Tensor, pairing: Pairing, chosen: list[Pair], sure: object) -> list[Pair]:
    """Those that are wrong by more than rounding, and no choices where slopes divide."""
    off = [pair for pair in chosen if not pairing.equal(pair)]
    if not off:
        return []
    reference = Reference(loss)
    targets: dict[int, Target] = {}
    wrong = []
    for pair in chosen:
        place, dtype = pair.variable.place, pair.value.dtype
        values, limit = pair.value.astype(np.float64), reference.limit(place, dtype)
        expected = reference.gradient(place)
        targets[id(pair)] = Target(place, values, limit, reference.relative(dtype))
        limit = max(limit, pairing.left_out[1] * float(np.abs(expected).max(initial=0.0)))
        with np.errstate(invalid="ignore"):
            near = values.shape == expected.shape and (
                (np.abs(values - expected) <= limit).all()
                or (np.abs(values - pairing.expected(pair.variable)) <= limit).all()
            )
        wrong += [] if near else [pair]
    if sure:
        return wrong
    choices = Choices(reference)
    beside = [targets[id(pair)] for pair in chosen if pair not in wrong]
    for pair in wrong:
        finite = pair.value.shape == pair.variable.tensor.shape and np.isfinite(pair.value).all()
        if finite and choices.allow(targets[id(pair)], beside):  # what follows from it, too
            rows = {row.name: row.ok for row in compared(loss, pairing, [*wrong, *chosen]).rows}
            return [pair for pair in wrong if not rows.get(pair.name, False)]
    return wrong


def _explain(loss: Tensor, pairing: Pairing, locator: Locator, plan: Plan) -> None:
    """Tell roots from what follows from them: by the numbers, or as the same line is run again."""
    first = plan.wrong[0] = _meant(loss, pairing, plan)
    suspects = {id(first): locator.lines(first.version)}
    plan.roots, carried = [first], [first]
    again: list[list[Statement]] = []  # where the mistake of the first is made again
    sound: set[Statement] = set()
    flow: Flow | None = None
    sweeps = 0
    for pair in plan.wrong[1:]:
        beside = [p.version for p in plan.wrong if p.version is not pair.version]
        lines = locator.lines(pair.version, beside)
        if flow is None and sweeps < _MOST_SWEEPS:
            flow, sweeps = _carried_on(loss, carried), sweeps + 1
        if flow is not None and _is(pairing, pair, flow):
            above = [r for r in plan.roots if hangs_on(r, {pair.variable.serial})]
            plan.because[id(pair)] = (above or [first])[-1]
            sound.update(lines)
            continue
        carried.append(pair)
        cause = next((r for r in plan.roots if set(lines) & set(suspects[id(r)])), None)
        if cause is None and flow is None:
            cause = first
        flow = None
        if cause is None:
            plan.roots.append(pair)
            suspects[id(pair)] = lines
            continue
        plan.because[id(pair)] = cause
        again += [lines] if cause is first and lines else []
    found = suspects[id(first)]
    left = [s for s in found if s not in sound]
    plan.lines = left if any(s.computes and not s.calls for s in left) else found
    common = set(plan.lines).intersection(*again)
    common -= {s for s in common if len(s.parts) > 1}  # whose parts were wrong each
    if again and len(common) == 1:
        plan.line = common.pop()
        return
    plan.line = locator.chosen(first, plan.lines)
    fresh = [s for s in plan.lines if s not in locator.proven]
    if plan.line is None and len(fresh) == 1 and not found[-1].changes:
        plan.line = fresh[0]


def _meant(loss: Tensor, pairing: Pairing, plan: Plan) -> Pair:
    """The first, as the gradient of its variable, or of what the last ops have made that of:
    whichever the others follow from."""
    first, *others = plan.wrong
    options = [first]
    told = any(p.version.label == first.version.label for p in plan.right)  # by those of a loop
    if others and not told and first.value.shape == first.variable.tensor.shape:
        options += [replace(first, variable=v) for v in pairing.before(first.variable)]

    def following(option: Pair) -> int:
        flow = _carried_on(loss, [option])
        return sum(_is(pairing, pair, flow) for pair in others[:_MOST_SWEEPS])

    return max(options, key=following) if len(options) > 1 else first


def _carried_on(loss: Tensor, pairs: list[Pair]) -> Flow:
    """The sweep that goes on from gradients as they were given."""
    given = {
        pair.variable.serial: pair.value.astype(pair.variable.tensor.dtype)
        for pair in pairs
        if pair.value.shape == pair.variable.tensor.shape and np.isfinite(pair.value).all()
    }
    with np.errstate(all="ignore"):
        return Flow(loss, substitutes=given)


def _is(pairing: Pairing, pair: Pair, flow: Flow) -> bool:
    g = flow.gradients.get(pair.variable.serial)
    return g is not None and pairing.close(pair.value, np.asarray(g, np.float64), pair.variable)


def compared(loss: Tensor, pairing: Pairing, pairs: list[Pair]) -> Comparison:
    """What `compare` says, which calls all by the names of the forward; rows are called as the
    backward calls them."""
    names, given = dict(pairing.called), dict[str, Pair]()
    labels = {v.serial: label for label, v in names.items()}
    for pair in pairs:
        label = labels.get(pair.variable.serial, pair.variable.label)
        given.setdefault(label if label != "names" else "names'", pair)
    comparison = compare(
        loss,
        names={label: variable.tensor for label, variable in names.items()},
        **{label: (pair.variable.tensor, pair.value) for label, pair in given.items()},
    )
    for row in comparison.rows:
        row.name = given[row.name].name
        row.because_of = tuple([given[name].name for name in row.because_of])
        if row.with_others is not None:
            others, place = row.with_others
            row.with_others = tuple([given[name].name for name in others]), place
    return comparison


def hangs_on(pair: Pair, leaves: set[int]) -> bool:
    return bool(computed_from([pair.variable.place]) & leaves)


def equal(pair: Pair, other: Pair) -> bool:
    same = pair.variable.serial == other.variable.serial and not pair.part
    return same and np.array_equal(pair.value, other.value, equal_nan=True)
