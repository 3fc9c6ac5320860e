"""What is wrong of what a backward did, and where it was first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.backward.differences import Differences
from autograd.checking.backward.locating import located
from autograd.checking.backward.naming import of_entry
from autograd.checking.backward.pairing import Pair, Pairing
from autograd.checking.backward.report import BackwardReport, Step
from autograd.checking.backward.running import Run
from autograd.checking.backward.statements import Statement
from autograd.checking.backward.tracing import is_numeric
from autograd.checking.backward.versions import Version, Versions, returned
from autograd.checking.comparison import compare
from autograd.checking.comparison_report import Comparison, Row
from autograd.engine.tape import Leaf
from autograd.engine.tensor import Array, Tensor
from autograd.program.recorded import computed_from
from autograd.runtime.trees import flatten

_MOST_ROWS = 80


class Hand(NamedTuple):
    """What a backward did.

    Attributes:
        names: of the parts of what it returned.
        last: the statement that returned it.
        both: whether it is the forward too.
    """

    versions: Versions
    result: Any
    names: tuple[str | None, ...]
    last: Statement | None
    both: bool = False


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
    results = _results(run, pairing, hand, pairs)
    if not results and not pairs:
        raise ValueError(
            "check_backward: no variable of the backward could be paired with one of the forward; "
            f"the backward has {', '.join(sorted(hand.versions.names)) or 'none'}; the forward has "
            f"{', '.join(sorted(pairing.known)) or 'none'}. Gradients are found by their names: "
            "dX, d_X, grad_X, X_grad or grads['X'] for X"
        )
    notes = []
    refuted, sure = _refuted(run, pairing, results, differences)
    if refuted:
        for leaf, change in refuted.values():
            loss = loss + (leaf * change).sum()
        pairing = Pairing(loss, run.variables)
        lossy = {leaf._place.serial for leaf, _ in refuted.values() if leaf._place is not None}
        pairs = pairing.pairs(hand.versions.all)
        results = _results(run, pairing, hand, pairs)
        pairs = [p for p in pairs if p.right or not _hangs_on(p, lossy)]
        notes.append(
            f"the forward loses a gradient on the tape, that of {', '.join(refuted)}; what it "
            "returned on arrays was differentiated by central differences instead"
        )
        notes += [f"lost at {place}" for place in lost()]
        if run.failure is not None:
            notes.append(str(run.failure))
    elif run.failure is not None:
        raise run.failure
    pairs = _completed(pairing, pairs, results)
    results = [_made(pairing, result, pairs, hand.versions) for result in results]
    _tell_apart([*results, *(pair for pair in pairs if pair not in results)])
    comparison, chosen = _judged(pairing, loss, results, pairs, sure)
    if not comparison.ok and (scale := _convention(pairing, results, pairs)) is not None:
        times, proven = scale
        scaled = [_divided(pairing, p, times, proven) for p in results]
        inner = [_divided(pairing, p, times, proven) for p in pairs]
        other = _judged(pairing, loss, scaled, inner, False)
        if _reasons(other[0]) < _reasons(comparison):
            (comparison, chosen), results, pairs = other, scaled, inner
            pairing.times = times
            notes.append(
                f"gradients on the way are {times:.6g} times those of the loss throughout: the "
                "factor comes in at the parameters"
            )
    rows = {row.name: row for row in comparison.rows}
    listed = [*chosen, *(p for p in pairs if p.right and not any(_equal(p, c) for c in chosen))]
    listed.sort(key=lambda pair: pair.version.order)
    steps = [_step(pair, rows.get(pair.name) if pair in chosen else None) for pair in listed]
    axes = {pair.layout for pair in listed if pair.layout is not None}
    notes += [f"compared with its axes in the order {order}" for order in sorted(axes)]
    report = BackwardReport(steps, comparison, notes)
    if report.first is not None:
        of = {pair.name: pair for pair in listed}
        independent = [of[row.name] for row in comparison.wrong[1:] if not row.follows]
        start = hand.versions.all[0].at - 1 if hand.both and hand.versions.all else 0
        first = of[report.first.name]
        line, lines = located(hand.versions, pairing, listed, first, independent, start)
        report.first.lines = [(s.file, s.line, s.text) for s in lines]
        if line is not None:
            report.first.at(line.file, line.line, line.function, line.text)
    return report


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
    place = pair.variable.tensor._place
    return place is None or bool(computed_from([place]) & leaves)


def _judged(
    pairing: Pairing, loss: Tensor, results: list[Pair], pairs: list[Pair], sure: bool
) -> tuple[Comparison, list[Pair]]:
    """What is said of results, and with them of what led to them where they are wrong; `sure` where
    that is known, and no choice of a slope at a kink."""
    chosen = results or [pair for pair in pairs if not pair.part]
    if all(pairing.equal(pair) for pair in chosen):
        return Comparison([_right(pairing, pair) for pair in chosen]), chosen
    if not (results and sure):
        comparison = _compared(loss, chosen)
        if comparison.ok or not results:
            return comparison, chosen
        right = {p.variable.serial for p in results if comparison[p.name].ok}
    else:
        right = {p.variable.serial for p in results if p.right}
    return _placed(loss, results, pairs, right)


def _right(pairing: Pairing, pair: Pair) -> Row:
    expected = pairing.expected(pair.variable)
    row = Row(pair.name, expected.shape, pair.value, expected, 0.0)
    row.measure(np.abs(pair.value - expected), expected)
    return row


def _reasons(comparison: Comparison) -> int:
    return sum(not row.follows for row in comparison.wrong)


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


def _made(pairing: Pairing, result: Pair, pairs: list[Pair], versions: Versions) -> Pair:
    """A wrong result, with the line that gave the array its name where others have it rightly, or
    as a part."""
    version = result.version
    same = [v for v in versions.all if v.held is version.held and v.at > 0]
    right = {id(p.version) for p in pairs if p.right}
    if result.right or not (
        any(id(v) in right for v in same) or pairing.adds_up(version.value, result.variable)
    ):
        return result
    named = [v for v in same if id(v) not in right and set(v.names) & set(version.names)]
    if not named:
        return result
    made = named[-1]
    version = replace(
        version, statement=made.statement, order=made.order, at=made.at, place=made.label
    )
    return replace(result, version=version)


def _convention(
    pairing: Pairing, results: list[Pair], pairs: list[Pair]
) -> tuple[float, bool] | None:
    """The number by which gradients on the way are too large throughout, as where a mean's 1/m is
    put into the gradients of the parameters, and whether a right result that is computed from one
    proves that; None where there is none."""
    leaves = {p.variable.serial for p in results if p.right and _is_leaf(p)}
    found: list[float] = []
    proven = set()
    for pair in pairs:
        expected = pairing.expected(pair.variable)
        if pair.right or pair.value.shape != expected.shape or _is_leaf(pair):
            continue
        with np.errstate(all="ignore"):
            times = float(np.vdot(pair.value, expected) / np.vdot(expected, expected))
        whole = np.isfinite(times) and times > 0 and max(times, 1 / times)
        if whole > 1.5 and abs(whole - round(whole)) < 1e-4 * whole:
            times = round(whole) if times > 1 else 1 / round(whole)
            if pairing.close(pair.value / times, expected, pair.variable):
                found.append(times)
                if _hangs_on(pair, leaves):
                    proven.add(times)
    if not found:
        return None
    times = max(proven or set(found), key=found.count)
    return times, times in proven


def _divided(pairing: Pairing, pair: Pair, times: float, proven: bool) -> Pair:
    """A pair in the scale of the loss; that of a leaf is as it is, unless it has just the factor of
    a convention that is proven."""
    value = pair.value / times
    fits = pairing.close(value, pairing.expected(pair.variable), pair.variable)
    if _is_leaf(pair) and (pair.right or not (fits and proven and _is_passed_on(pairing, pair))):
        return pair
    return replace(pair, value=value, right=fits)


def _is_passed_on(pairing: Pairing, pair: Pair) -> bool:
    """Whether a leaf has a name that what is computed has as well: an input, no parameter."""
    names = {v.name for v in pairing.variables if v.serial == pair.variable.serial}
    computed = [v for v in pairing.variables if not isinstance(v.tensor._place, Leaf)]
    return any(v.name in names for v in computed)


def _is_leaf(pair: Pair) -> bool:
    return isinstance(pair.variable.tensor._place, Leaf)


def _compared(loss: Tensor, pairs: list[Pair]) -> Comparison:
    return compare(loss, **{pair.name: (pair.variable.tensor, pair.value) for pair in pairs})


def _placed(
    loss: Tensor, results: list[Pair], pairs: list[Pair], right: set[int]
) -> tuple[Comparison, list[Pair]]:
    """Where results are wrong: the same with the variables on the way to them.

    A variable that means something else than its name says is left out: a right result that is
    computed from it shows that.
    """
    chosen = list(results)
    taken = {pair.name for pair in results}
    for pair in pairs:
        place = pair.variable.tensor._place
        twin = any(_equal(pair, other) for other in chosen)
        if pair.name in taken or twin or place is None:
            continue
        if not pair.right and computed_from([place]) & (right - {place.serial}):
            continue
        if not pair.right or len(chosen) < _MOST_ROWS:
            chosen.append(pair)
            taken.add(pair.name)
    wrong = [pair for pair in chosen if not pair.right][:_MOST_ROWS]
    chosen = [pair for pair in chosen if pair in results or pair.right or pair in wrong]
    chosen.sort(key=lambda pair: pair.version.order)
    return _compared(loss, chosen), chosen


def _tell_apart(pairs: list[Pair]) -> None:
    """Give those of one name, of layers of one class say, names of their own."""
    seen: dict[str, int] = {}
    for pair in sorted(pairs, key=lambda pair: (not pair.result, pair.version.order)):
        name = pair.name
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            pair.again = seen[name]


def _equal(pair: Pair, other: Pair) -> bool:
    same = pair.variable.serial == other.variable.serial and not pair.part
    return same and np.array_equal(pair.value, other.value, equal_nan=True)


def _results(run: Run, pairing: Pairing, hand: Hand, pairs: list[Pair]) -> list[Pair]:
    """What the backward returned, and what else it has of the gradients of leaves."""
    found: list[Pair] = []
    default = hand.last or Statement("<unknown>", 0)
    parts = [
        (name, group, number, np.asarray(value))
        for name, group, number, value in returned(hand.result, hand.names, default)
        if is_numeric(value)
    ]
    arguments = [v for v in run.arguments.values() if isinstance(v, Tensor) and v._place]
    by_place = [v for t in arguments for v in pairing.variables if v.tensor is t]
    used: set[int] = set()
    left: list[tuple[int, Version]] = []
    for at, (name, group, number, value) in enumerate(parts):
        label = name if name is not None else f"result {at + 1}"
        if number is not None:
            label = f"{label}[{number}]"
        version = _version(hand, label, name, group, number, value, default)
        variables = pairing.meant(version)
        if not variables:
            left.append((at, version))
            continue
        expected = {v.serial: pairing.expected(v) for v in variables}
        close = [v for v in variables if pairing.close(value, expected[v.serial], v)]
        leaves = [v for v in variables if isinstance(v.tensor._place, Leaf)]
        variable = (close or leaves or variables)[0]
        used.add(variable.serial)
        found.append(Pair(version, variable, value, bool(close), result=True))
    for at, version in left:
        if len(parts) == len(by_place) and by_place[at].serial not in used:
            variable = by_place[at]
        elif len(parts) == 1 and by_place and by_place[0].tensor.shape == version.value.shape:
            variable = by_place[0]
        else:
            continue
        used.add(variable.serial)
        close_to = pairing.close(version.value, pairing.expected(variable), variable)
        found.append(Pair(version, variable, version.value, close_to, result=True))
    for pair in pairs[::-1]:  # the last of each leaf
        serial = pair.variable.serial
        if serial not in used and isinstance(pair.variable.tensor._place, Leaf) and not pair.part:
            used.add(serial)
            pair.result = True
            found.append(pair)
    return found


def _version(
    hand: Hand,
    label: str,
    name: str | None,
    group: str | None,
    number: int | None,
    value: Array,
    default: Statement,
) -> Version:
    """What was returned, with the statement that made it."""
    names = [] if name is None else of_entry(name, group)
    scope: Any = None
    statement, order, at, slot = default, len(hand.versions.all) + 10**9, 0, None
    same = [
        version
        for version in hand.versions.all
        if version.value.shape == value.shape
        and np.array_equal(version.value, value, equal_nan=value.dtype.kind == "f")
    ]
    named = [version for version in same if set(version.names) & set(names)]
    if named and not value.any():  # zeros are what it began with, too
        named = named[-1:]
    elif not names:
        named = same
    if named:  # where a function that it calls made it, there
        made = next(version for version in same if version.held is named[0].held)
        if not value.any():
            made = named[0]
        statement, order, scope, at, slot = (
            made.statement,
            made.order,
            made.scope,
            made.at,
            made.slot,
        )
        if name is None:  # the source is not known
            label, names = made.label, made.names
    held, place = (named[0].held, made.label) if named else (None, label)
    return Version(slot, label, names, number, value, scope, statement, order, -1, held, at, place)


def _step(pair: Pair, row: Row | None) -> Step:
    version, variable = pair.version, pair.variable
    leaf = isinstance(variable.tensor._place, Leaf)
    made: str | None = None
    if variable.statement is not None and not leaf:
        at = variable.statement
        made = f"line {at.line}: {at.text}" if at.text else f"line {at.line}"
    s = version.statement
    note = "a part of it: the rest is taken as the tape has it" if pair.part else ""
    return Step(
        *(pair.name, variable.label, s.file, s.line, s.function, s.text, made, version.value),
        row=row,
        note=note,
    )
