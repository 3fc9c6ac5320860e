"""What is wrong of what a backward did, and where it was first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from autograd.checking.backward.holders import Differences
from autograd.checking.backward.locating import Locator
from autograd.checking.backward.pairing import Pair, Pairing
from autograd.checking.backward.report import BackwardReport, Step
from autograd.checking.backward.results import Hand, Results
from autograd.checking.backward.running import Run
from autograd.checking.backward.statements import Statement
from autograd.checking.choices.tapes import Choices, Target
from autograd.checking.comparison import compare
from autograd.checking.comparison_report import Comparison, Row
from autograd.checking.flow import Flow
from autograd.checking.reference import Reference
from autograd.engine.tape import Leaf
from autograd.engine.tensor import Array, Tensor
from autograd.program.recorded import computed_from
from autograd.runtime.trees import flatten

_MOST_ROWS = 80  # of right gradients beside those that are diagnosed
_MOST_CAUSES = 3  # that are looked for
_MOST_SWEEPS = 60


def judged(
    run: Run,
    loss: Tensor,
    hand: Hand,
    differences: Differences | None,
    lost: Callable[[], list[str]],
) -> BackwardReport:
    """The report: results first, then, where these are wrong, what led to them.

    Args:
        differences: of the forward on arrays, where it returns its results.
        lost: says where the forward loses gradients.
    """
    for argument in flatten(list(run.arguments.values()))[0]:  # which it may lose altogether
        if isinstance(argument, Tensor) and isinstance(argument._place, Leaf):
            loss = loss + (argument * 0.0).sum()
    pairing = Pairing(loss, run.variables)
    pairs = pairing.pairs(hand.versions.all)
    found = Results(run, pairing, hand, pairs)
    if not found.pairs and not pairs:
        raise ValueError(
            "check_backward: no variable of the backward could be paired with one of the forward; "
            f"the backward has {', '.join(sorted(hand.versions.names)) or 'none'}; the forward has "
            f"{', '.join(sorted(pairing.known)) or 'none'}. Gradients are found by their names: "
            "dX, d_X, grad_X, X_grad or grads['X'] for X"
        )
    notes = []
    refuted, sure = _refuted(run, pairing, found.pairs, differences)
    if refuted:
        for leaf, change in refuted.values():
            loss = loss + (leaf * change).sum()
        pairing = Pairing(loss, run.variables)
        lossy = {leaf._place.serial for leaf, _ in refuted.values() if leaf._place is not None}
        pairs = pairing.pairs(hand.versions.all)
        found = Results(run, pairing, hand, pairs)
        pairs = [p for p in pairs if p.right or not _hangs_on(p, lossy)]
        notes += _without_a_tape(run, list(refuted), lost)
    elif run.failure is not None:
        raise run.failure
    results = found.pairs
    pairs = _completed(pairing, pairs, results)
    _tell_apart([*results, *(pair for pair in pairs if pair not in results)])
    plan = _planned(loss, pairing, hand, results, pairs, sure)
    if plan.wrong and (scale := _convention(pairing, results, pairs)) is not None:
        times, proven = scale
        scaled = [_divided(pairing, p, times, proven) for p in results]
        inner = [_divided(pairing, p, times, proven) for p in pairs]
        pairing.times = times
        other = _planned(loss, pairing, hand, scaled, inner, False)
        if len(other.roots) < len(plan.roots) or (proven and len(other.wrong) < len(plan.wrong)):
            plan = other
            notes.append(
                f"gradients on the way are {times:.6g} times those of the loss throughout: the "
                "factor comes in at the parameters"
            )
    if pairing.left_out[0] and not all(pairing.equal(pair) for pair in plan.right):
        small, off = pairing.left_out
        notes.append(
            f"right to {off:.0e} of their largest: the {small:.0e} before a logarithm is left out"
        )
    report = _reported(loss, pairing, plan, notes)
    report.unjudged, report.missing = found.unjudged, found.missing
    return report


@dataclass
class _Plan:
    """What is to be told.

    Attributes:
        wrong: the wrong ones, nearest the loss first.
        roots: those of them that are wrong for a reason of their own.
        because: which of these each other one follows from.
        right: the others that are judged, in the order of their assignment.
        line, lines: where the mistake of the first may be.
        comparison: what is known of all, where that is.
    """

    wrong: list[Pair]
    right: list[Pair]
    roots: list[Pair] = field(default_factory=list)
    because: dict[int, Pair] = field(default_factory=dict)
    line: Statement | None = None
    lines: list[Statement] = field(default_factory=list)


def _planned(
    loss: Tensor, pairing: Pairing, hand: Hand, results: list[Pair], pairs: list[Pair], sure: bool
) -> _Plan:
    """What is wrong, and because of what; `sure` where it is known that some result is, and no
    choice of a slope at a kink."""
    chosen = results or [pair for pair in pairs if not pair.part]
    wrong = _wrong(loss, pairing, chosen, results and sure)
    if not wrong:
        return _Plan([], _with_others(chosen, pairs))
    right = {p.variable.serial for p in chosen if p not in wrong}
    right |= {p.variable.serial for p in pairs if p.right and not p.part}
    taken = {pair.name for pair in results}
    start = hand.versions.all[0].at - 1 if hand.both and hand.versions.all else 0
    locator = Locator(hand.versions, pairing, [*chosen, *pairs], start)
    local: list[Pair] = []  # derivatives under the names of gradients
    for pair in pairs if results else ():
        if pair.right or pair.name in taken or any(_equal(pair, o) for o in [*results, *wrong]):
            continue
        if hand.arrive and not pair.part and not locator.arrives(pair.version, hand.arrive):
            local.append(pair)
        elif not _belied(pairing, pair, right):
            wrong.append(pair)
            taken.add(pair.name)
    wrong.sort(key=lambda pair: (pairing.order(pair), pair.version.order))
    plan = _Plan(wrong, _with_others([p for p in chosen if p not in wrong], pairs))
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
    places = [p for p in pairing.flow.values.places[::-1] if p.serial in known]
    if off.shape != pair.variable.tensor.shape:
        return bool(places)
    off = off - pairing.expected(pair.variable)
    for below in places[:_MOST_CAUSES]:
        change, g = pairing.flow.carried(place, off, below), pairing.flow.at(below)
        size = 0.0 if g is None else np.abs(g).max(initial=0.0)
        if change is not None and np.abs(change).max(initial=0.0) > 1e-6 * size:
            return True
    return False


def _with_others(chosen: list[Pair], pairs: list[Pair]) -> list[Pair]:
    others = [p for p in pairs if p.right and not any(_equal(p, c) for c in chosen)]
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
            rows = {row.name: row.ok for row in _compared(loss, pairing, [*wrong, *chosen]).rows}
            return [pair for pair in wrong if not rows.get(pair.name, False)]
    return wrong


def _explain(loss: Tensor, pairing: Pairing, locator: Locator, plan: _Plan) -> None:
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
            above = [r for r in plan.roots if _hangs_on(r, {pair.variable.serial})]
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


def _meant(loss: Tensor, pairing: Pairing, plan: _Plan) -> Pair:
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


def _reported(loss: Tensor, pairing: Pairing, plan: _Plan, notes: list[str]) -> BackwardReport:
    """The report, for which the roots are diagnosed."""
    roots = plan.roots[:_MOST_CAUSES]
    rows: dict[str, Row] = {}
    fallback = None
    if roots:
        shown = sorted(plan.right, key=lambda pair: not pair.result)[:_MOST_ROWS]
        comparison = _compared(loss, pairing, [*roots, *shown])
        rows, fallback = {row.name: row for row in comparison.rows}, comparison.fallback
    for pair in [*plan.right, *plan.wrong]:
        if pair.name not in rows or (pair in plan.right and not rows[pair.name].ok):
            row = rows[pair.name] = _row(pairing, pair)
            if pair in plan.wrong:
                row.verdict = "shape" if row.given.shape != row.shape else "wrong"
            if id(pair) in plan.because:
                row.because_of, row.follows = (plan.because[id(pair)].name,), True
    listed = sorted([*plan.right, *plan.wrong], key=lambda pair: pair.version.order)
    comparison = Comparison([rows[p.name] for p in sorted(listed, key=pairing.order)], fallback)
    wrong = bool(comparison.wrong)
    steps = [_step(p, rows[p.name] if p in plan.wrong or not wrong else None) for p in listed]
    axes = {pair.layout for pair in listed if pair.layout is not None}
    notes += [f"compared with its axes in the order {order}" for order in sorted(axes)]
    report = BackwardReport(steps, comparison, notes)
    if report.first is not None and report.first.name == roots[0].name:
        first, at = report.first, plan.line
        first.lines = [(s.file, s.line, s.text) for s in plan.lines]
        if at is not None:
            first.file, first.line, first.function, first.text = (
                at.file,
                at.line,
                at.function,
                at.text,
            )
    return report


def _row(pairing: Pairing, pair: Pair) -> Row:
    expected = pairing.expected(pair.variable)
    row = Row(pair.name, expected.shape, pair.value, expected, 0.0)
    if pair.value.shape == expected.shape:
        row.measure(np.abs(pair.value - expected), expected)
    return row


def _compared(loss: Tensor, pairing: Pairing, pairs: list[Pair]) -> Comparison:
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


def _refuted(
    run: Run, pairing: Pairing, results: list[Pair], differences: Differences | None
) -> tuple[dict[str, tuple[Tensor, Array]], bool]:
    """The leaves whose gradients on the tape central differences say to be wrong, and what these
    lack, by name; and whether they say that some result is wrong and the tape right."""
    refuted: dict[str, tuple[Tensor, Array]] = {}
    sure = False
    for pair in results:
        expected = pairing.expected(pair.variable)
        array = run.array_of(pair.variable.tensor)
        if pair.right or differences is None or array is None:
            continue
        right = differences.agree(array, pair.value)
        if differences.agree(array, expected):
            sure |= not right
            continue
        g = pair.value if right else differences.gradient(array)
        if g is not None:
            refuted[pair.variable.label] = pair.variable.tensor, g - expected
    return refuted, sure


def _hangs_on(pair: Pair, leaves: set[int]) -> bool:
    return bool(computed_from([pair.variable.place]) & leaves)


def _without_a_tape(run: Run, leaves: list[str], lost: Callable[[], list[str]]) -> list[str]:
    instead = "what it returned on arrays was differentiated by central differences instead"
    if run.failure is not None:
        return [f"{run.failure}; {instead}".removeprefix("check_backward: ")]
    first = f"the forward loses a gradient on the tape, that of {', '.join(leaves)}; {instead}"
    return [first, *(f"lost at {place}" for place in lost())]


def _completed(pairing: Pairing, pairs: list[Pair], results: list[Pair]) -> list[Pair]:
    """The same, where what others complete is a part: what one use of a weight adds, say."""
    last = {pair.variable.serial: pair for pair in [*pairs, *results]}
    found = []
    for pair in pairs:
        whole = last[pair.variable.serial]
        alike = pair.right or pair.result or pair.part or pair is whole or _equal(pair, whole)
        if not alike:
            parts = pairing.part(pair.version, [pair.variable])
            pair = replace(parts[0], step=pair.step) if parts else pair
        found.append(pair)
    return found


def _convention(
    pairing: Pairing, results: list[Pair], pairs: list[Pair]
) -> tuple[float, bool] | None:
    """The number by which gradients on the way are too large throughout, as where a mean's 1/m is
    put into the gradients of the parameters, and whether a right result that is computed from one
    proves that; None where there is none."""
    leaves = {p.variable.serial for p in results if p.right and p.variable.is_leaf}
    found: list[float] = []
    proven = set()
    for pair in pairs:
        expected = pairing.expected(pair.variable)
        if pair.right or pair.value.shape != expected.shape or pair.variable.is_leaf:
            continue
        with np.errstate(all="ignore"):
            times = float(np.vdot(pair.value, expected) / np.vdot(expected, expected))
            whole = max(times, 1 / times) if np.isfinite(times) and times > 0 else 0.0
        times = round(whole) if times > 1 else 1 / max(round(whole), 1)
        if whole > 1.5 and pairing.close(pair.value / times, expected, pair.variable):
            found.append(times)
            proven |= {times} if _hangs_on(pair, leaves) else set()
    if not found:
        return None
    times = max(proven or set(found), key=found.count)
    return times, times in proven


def _divided(pairing: Pairing, pair: Pair, times: float, proven: bool) -> Pair:
    """A pair in the scale of the loss; that of a leaf is as it is, unless it is passed on by
    layers, as an input is, and the convention proven."""
    value = pair.value / times
    if pair.variable.is_leaf and (pair.right or not (proven and _is_passed_on(pairing, pair))):
        return pair
    fits = pairing.close(value, pairing.expected(pair.variable), pair.variable)
    return replace(pair, value=value, right=fits)


def _is_passed_on(pairing: Pairing, pair: Pair) -> bool:
    """Whether a leaf has a name that what is computed has as well: an input, no parameter."""
    names = {v.name for v in pairing.variables if v.serial == pair.variable.serial}
    return any(v.name in names for v in pairing.variables if not v.is_leaf)


def _tell_apart(pairs: list[Pair]) -> None:
    """Give those of one name, of layers of one class say, names of their own."""
    seen: Counter[str] = Counter()
    for pair in sorted(pairs, key=lambda pair: (not pair.result, pair.version.order)):
        name = pair.name
        seen[name] += 1
        pair.again = seen[name]


def _equal(pair: Pair, other: Pair) -> bool:
    same = pair.variable.serial == other.variable.serial and not pair.part
    return same and np.array_equal(pair.value, other.value, equal_nan=True)


def _step(pair: Pair, row: Row | None) -> Step:
    s, of = pair.version.statement, pair.variable
    at = None if of.is_leaf else of.statement
    made = f"line {at.line}" + (f": {at.text}" if at.text else "") if at else None
    note = "a part of it: the rest is taken as the tape has it" if pair.part else ""
    value = pair.version.value
    return Step(pair.name, of.label, s.file, s.line, s.function, s.text, made, value, row, note)
