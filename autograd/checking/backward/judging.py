"""From what a backward did to the report of what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autograd.checking.backward.holders import Differences
from autograd.checking.backward.pairing import Pair, Pairing
from autograd.checking.backward.reasons import Plan, compared, equal, hangs_on, planned
from autograd.checking.backward.report import BackwardReport, Step
from autograd.checking.backward.results import Hand, Results
from autograd.checking.backward.running import Run
from autograd.checking.backward.versions import Versions
from autograd.checking.comparison_report import Comparison, Row
from autograd.engine.tape import Leaf
from autograd.engine.tensor import Array, Tensor
from autograd.runtime.trees import flatten

_MOST_ROWS = 80  # of right gradients beside those that are diagnosed
_MOST_CAUSES = 3  # that are looked for


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
        pairs = [p for p in pairs if p.right or not hangs_on(p, lossy)]
        notes += _without_a_tape(run, list(refuted), lost)
    elif run.failure is not None:
        raise run.failure
    pairs = _completed(pairing, pairs, found.pairs)
    results = [_made(pairing, result, pairs, hand.versions) for result in found.pairs]
    _tell_apart([*results, *(pair for pair in pairs if pair not in results)])
    plan = planned(loss, pairing, hand, results, pairs, sure)
    if plan.wrong and (scale := _convention(pairing, results, pairs)) is not None:
        times, proven = scale
        scaled = [_divided(pairing, p, times, proven) for p in results]
        inner = [_divided(pairing, p, times, proven) for p in pairs]
        pairing.times = times
        other = planned(loss, pairing, hand, scaled, inner, False)
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


def _reported(loss: Tensor, pairing: Pairing, plan: Plan, notes: list[str]) -> BackwardReport:
    """The report, for which the roots are diagnosed."""
    roots = plan.roots[:_MOST_CAUSES]
    rows: dict[str, Row] = {}
    fallback = None
    if roots:
        shown = sorted(plan.right, key=lambda pair: not pair.result)[:_MOST_ROWS]
        comparison = compared(loss, pairing, [*roots, *shown])
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
        alike = pair.right or pair.result or pair.part or pair is whole or equal(pair, whole)
        if not alike:
            parts = pairing.part(pair.version, [pair.variable])
            pair = replace(parts[0], step=pair.step) if parts else pair
        found.append(pair)
    return found


def _made(pairing: Pairing, result: Pair, pairs: list[Pair], versions: Versions) -> Pair:
    """A wrong result, with the line that gave the array its name where others have it rightly, or
    as a part."""
    version = result.version
    same = [v for v in versions.all if v.held is version.held and v.at > 0]
    right = {id(p.version) for p in pairs if p.right}
    rightly = any(id(v) in right for v in same) or pairing.adds_up(version.value, result.variable)
    named = [v for v in same if id(v) not in right and set(v.names) & set(version.names)]
    if result.right or not rightly or not named:
        return result
    made = named[-1]
    at = replace(version, statement=made.statement, order=made.order, at=made.at, place=made.label)
    return replace(result, version=at)


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
            proven |= {times} if hangs_on(pair, leaves) else set()
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


def _step(pair: Pair, row: Row | None) -> Step:
    s, of = pair.version.statement, pair.variable
    at = None if of.is_leaf else of.statement
    made = f"line {at.line}" + (f": {at.text}" if at.text else "") if at else None
    note = "a part of it: the rest is taken as the tape has it" if pair.part else ""
    value = pair.version.value
    return Step(pair.name, of.label, s.file, s.line, s.function, s.text, made, value, row, note)
