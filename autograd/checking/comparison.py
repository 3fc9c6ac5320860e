"""Gradients derived by hand beside those of the tape: which are wrong, and which was first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograd.checking.choices.tapes import Choices, Target
from autograd.checking.common_causes import Wrong, common_cause
from autograd.checking.comparison_inputs import (
    Pair,
    Variables,
    of_variable,
    pair_of,
    quantities_of,
    run,
    values_of,
)
from autograd.checking.comparison_report import Comparison, Row
from autograd.checking.diagnosis import Context, Hypothesis, diagnose
from autograd.checking.diagnosis.arrangements import repaired
from autograd.checking.flow import Flow, computed_from
from autograd.checking.reference import Reference
from autograd.engine.tape import Place
from autograd.engine.tensor import Array, Tensor

_OPTIONS = {"names": '{"h": h}', "values": '{"h": array}', "quantities": '{"lr": 0.1}'}


def compare(
    loss: Tensor | Callable[..., Any],
    /,
    *args: Any,
    names: Any = None,
    values: Any = None,
    quantities: Any = None,
    **given: Any,
) -> Comparison:
    """Compare gradients that were derived by hand with those of the tape.

        compare(loss, dW=(W, dW), dlogits=(logits, dlogits))
        compare(f, x, W, b, W=dW, b=db, logits=dlogits)

    The tape's gradients are computed in float64 where it can be computed again in it. A gradient
    counts as right where it differs by no more than rounding explains: 32 times what a few units
    in the last digit of every number on the tape do to it, or 1e-9 of its largest element (3e-5
    where float32 is involved, 2e-2 for float16). No tolerance is absolute. Where slopes divide, at
    ties of maxima and at kinks, any convex combination of the gradients close by is right as well,
    if the gradients given are one together: elements that tie may share a gradient in any way, but
    each may not have the whole of it, and `sort`, `median` and what reads by argsort may have put
    equal elements in any order. Elements that are treated alike are judged however many meet;
    others up to 64. Nobody's `.grad` changes, no hook runs, and the graph is kept.

    Args:
        loss: a tensor of one element; or a function that returns one, which is run on tensors made
            of `args`. Of a function the names and lines of its variables are known: a gradient is
            given by the name of an argument, or of a variable, as it was last.
        args: those of the function. Beside a tensor, `quantities` may stand here.
        names: what other tensors and constants are called in the report: {"h": h, "X": X}.
        values: of the forward pass that the gradients were derived for: {"h": array}, by the names
            of gradients or of `names`. They are compared first, for gradients of another function
            are no mistake of the backward pass.
        quantities: names of numbers that may have been multiplied in by mistake: {"lr": 0.1}.
        given: name=(tensor, manual gradient): a tensor anywhere on the tape of the loss, and an
            array, nested list or Tensor; of a function name=manual gradient. A manual gradient of
            the wrong shape is a finding. One whose name is `names`, `values` or `quantities` is
            told by its being no mapping.

    Returns:
        A report that prints as a table, with the first wrong gradient in backward order, what
        hangs on it, and a diagnosis.

    Raises:
        TypeError: what is given is no pair of a floating tensor and real numbers.
        ValueError: nothing is given, a tensor is a constant or not on the tape of the loss, or no
            variable of the function has the name of a gradient or value.
        RuntimeError: the loss is a constant, or its graph was freed by an earlier backward pass; or
            the function does not run on tensors.
    """
    options: dict[str, Any] = {"names": names, "values": values, "quantities": quantities}
    for name, option in options.items():
        if option is not None and not isinstance(option, Mapping):
            given[name], options[name] = option, None  # the gradient of a tensor of that name
    called: dict[str, Any] = dict(options["names"] or {})
    variables: Variables = {}
    if not isinstance(loss, Tensor) and callable(loss):
        loss, known, variables, _held = run(loss, args)
        for name in options.keys() & given.keys() - known.keys():
            raise TypeError(
                f"compare: {name}={given[name]!s:.40} given; a mapping expected, such as "
                f"{_OPTIONS[name]}"
            )
        given = {name: of_variable(name, value, known) for name, value in given.items()}
        called = known | called
    elif args:
        if len(args) > 1 or options["quantities"] is not None:
            raise TypeError(
                f"compare: {len(args)} arguments after the loss given; gradients expected as "
                "name=(tensor, manual_gradient), and arguments only after a function"
            )
        options["quantities"] = args[0]
    reference = Reference(loss)
    pairs = [pair_of(name, value, reference) for name, value in given.items()]
    if not pairs:
        raise ValueError(
            "compare: no gradients given; name=(tensor, manual_gradient) expected, at least one"
        )
    pairs.sort(key=lambda pair: _completed(reference, pair.place))
    known = called | {pair.name: pair.tensor for pair in pairs}
    forward = values_of(reference, options["values"] or {}, known)
    judged = [_Judged(reference, pair, quantities_of(options["quantities"])) for pair in pairs]
    knowledge = _Knowledge(reference, judged, called, variables)
    choices = Choices(reference)
    for number, one in enumerate(judged):
        one.knowledge = knowledge
        if not one.row.ok:
            before = [j for j in judged[:number] if _hangs_on(one.pair.place, j.pair.place)]
            # It is judged with those that are the tape's, but for what is computed from it.
            beside = [j for j in judged if j.row.ok and not _hangs_on(j.pair.place, one.pair.place)]
            one.explain([j for j in before if not j.row.ok or j.chosen], beside, choices)
    _tell_overwritten(judged)
    _tell_common(reference, judged)
    return Comparison([j.row for j in judged], reference.fallback, forward)


class _Knowledge:
    """What is known of all gradients given: names, which are right, and all of them."""

    def __init__(
        self,
        reference: Reference,
        judged: list[_Judged],
        called: Mapping[str, Any],
        variables: Variables,
    ) -> None:
        on_tape = {p.serial: p for p in reference.recorded.places}
        at = {s: reference.place(p).serial for s, p in on_tape.items() if s in variables}
        self.names = {at[serial]: variables[serial][0] for serial in at}
        self.lines = {at[serial]: variables[serial][1] for serial in at}
        self.arrays: dict[str, Array] = {}
        for name, value in called.items():
            place = value._place if isinstance(value, Tensor) else None
            if place is not None and place.serial in on_tape:
                self.names.setdefault(reference.place(place).serial, name)
            else:
                self.arrays[name] = value.data if isinstance(value, Tensor) else np.asarray(value)
        self.names |= {reference.place(j.pair.place).serial: j.pair.name for j in judged}
        self.right = frozenset(reference.place(j.pair.place).serial for j in judged if j.row.ok)
        self.given = {reference.place(j.pair.place).serial: j.values for j in judged}


def _tell_overwritten(judged: list[_Judged]) -> None:
    """A wrong gradient that is the right one of another tensor, and one array with that."""
    for one in judged:
        if one.row.ok:
            continue
        for other in judged:
            # Made of it, as the tape has it: the other way round it was handed on as it is.
            shares = _hangs_on(other.pair.place, one.pair.place) and np.may_share_memory(
                one.pair.manual, other.pair.manual
            )
            if not other.row.ok or not shares or one.values.shape != other.values.shape:
                continue
            if np.array_equal(one.values, other.values):
                text = (
                    f"this is the gradient of {other.row.name}, another tensor, and one array with "
                    "it: it was given for both, or changed in place when that was made of it; keep "
                    "a copy, or make a new array"
                )
                found = Hypothesis("overwritten", text, 0.0, "the two share their memory")
                one.row.diagnosis.insert(0, found)


def _tell_common(reference: Reference, judged: list[_Judged]) -> None:
    """What one mistake explains is told once; and what it does not, by what is then left."""
    right = [reference.place(j.pair.place) for j in judged if j.row.ok]
    left = [j for j in judged if not j.row.ok and not j.row.follows and not j.row.because_of]
    left = [j for j in left if j.row.diagnosis and j.values.shape == j.row.shape]
    flow = reference.flow
    while len(left) > 1:
        wrong = [
            Wrong(reference.place(j.pair.place), j.values, j.row.limit, j.row.diagnosis)
            for j in left
        ]
        common = common_cause(flow, wrong, right)
        if common is None:
            left = left[1:]
            continue
        first, *others = [left[i] for i in common.members]
        place = first.context(flow).place_named(common.place)
        first.row.with_others = (tuple(j.row.name for j in others), place)
        # What explains several comes before what explains one.
        first.row.diagnosis.sort(key=lambda found: found is not common.cause)
        for one in others:
            one.row.because_of, one.row.follows = (first.row.name,), True
        left = [j for i, j in enumerate(left) if i not in common.members]
        flow = flow.with_mistake(common.changes)
        for one in left:
            one.explain_beside(flow)


class _Judged:
    """One pair, and what is found of it.

    Attributes:
        values: the manual gradient in float64, in the right shape if there is a way to that.
        chosen: whether it is right, and not the tape's.
    """

    def __init__(self, reference: Reference, pair: Pair, quantities: dict[str, float]) -> None:
        self.reference, self.pair, self.quantities, self.chosen = reference, pair, quantities, False
        self.knowledge: _Knowledge | None = None
        expected = reference.gradient(pair.place)
        limit = reference.limit(pair.place, pair.manual.dtype)
        self.row = row = Row(pair.name, expected.shape, pair.manual, expected, limit)
        self.values = pair.manual.astype(np.float64)
        if self.values.shape != expected.shape:
            row.verdict = "shape"
            row.notes.append(f"shape {self.values.shape} given, {expected.shape} expected")
            context = self.context(reference.flow)
            way = repaired(self.values, expected, limit, context)
            if way is None:
                return
            self.values = way.values
        error = self._errors(reference, expected)
        if self._not_finite(expected):
            row.verdict = "not finite"
        row.measure(error, expected)
        if row.abs_error > limit and row.verdict == "ok":
            row.verdict = "wrong"

    def explain(self, unlike: list[_Judged], beside: list[_Judged], choices: Choices) -> None:
        """Say why it is not the tape's: a choice, what it is computed from, or its own mistake.

        Args:
            unlike: those that it is computed from and that are not the tape's either, chosen or
                wrong.
            beside: those that are right.
        """
        row, reference = self.row, self.reference
        if self.pair.manual.shape != row.shape:
            given, context = self.pair.manual.astype(np.float64), self.context(reference.flow)
            row.diagnosis = diagnose(given, row.expected, row.limit, context)
        if row.abs_error <= row.limit or self.values.shape != row.shape:
            return
        wrong = tuple(j.row.name for j in unlike if not j.row.ok)
        changed = self._from(reference, unlike)
        follows = changed is not None and self._is(changed.at(reference.place(self.pair.place)))
        if row.verdict == "wrong":
            if follows and not wrong:
                self._choose(f"it follows from what was chosen for {unlike[-1].row.name}")
                return
            if not follows and choices.allow(self.target, [j.target for j in beside]):
                self._choose("slopes divide there (a tie, or a kink)")
                return
        row.because_of, row.follows = wrong, follows
        if row.verdict == "not finite" or row.follows:
            return
        row.diagnosis += self._diagnosed(row.expected, self.context(reference.flow))
        if not row.diagnosis and changed is not None:
            instead = changed.at(reference.place(self.pair.place))
            if instead is not None:
                again = self.context(changed)
                row.diagnosis += self._diagnosed(instead.astype(np.float64), again)

    def explain_beside(self, flow: Flow) -> None:
        """Say why it is wrong where gradients further on are as in `flow`, if that says more."""
        expected = flow.at(self.reference.place(self.pair.place))
        if expected is None or self._is(expected):
            return
        found = self._diagnosed(expected.astype(np.float64), self.context(flow))
        if found:
            self.row.diagnosis = found

    @property
    def target(self) -> Target:
        relative = self.reference.relative(self.pair.manual.dtype)
        return Target(self.pair.place, self.values, self.row.limit, relative)

    def context(self, flow: Flow) -> Context:
        """What is known of the tensor, with these gradients for right."""
        place, known = self.reference.place(self.pair.place), self.knowledge
        if known is None:
            return Context(flow, place, self.quantities)
        return Context(
            flow,
            place,
            self.quantities,
            known.names,
            known.arrays,
            known.right,
            known.given,
            known.lines,
        )

    def _errors(self, reference: Reference, expected: Array) -> Array:
        """Distances to the gradient in float64, or to the recorded one where that is nearer: the
        two may break a tie of maxima, or pass a kink, on different sides."""
        recorded = reference.recorded.at(self.pair.place)
        with np.errstate(invalid="ignore"):
            error = np.abs(self.values - expected)
            if recorded is not None:
                error = np.fmin(error, np.abs(self.values - recorded.astype(np.float64)))
        agree = (self.values == expected) | (np.isnan(self.values) & np.isnan(expected))
        return np.where(agree, 0.0, error)

    def _not_finite(self, expected: Array) -> bool:
        """Note NaN and infinity in either; whether they differ."""
        given = self.values
        for whose, values in (("given", given), ("expected", expected)):
            for word, found in (("NaN", np.isnan(values)), ("infinity", np.isinf(values))):
                count = int(np.count_nonzero(found))
                if count:
                    place = tuple(int(i) for i in np.argwhere(found)[0])
                    where = f"at {place}" if count == 1 else f"in {count} places, first at {place}"
                    self.row.notes.append(f"{word} in the gradient {whose}, {where}")
        same = (given == expected) | (np.isnan(given) & np.isnan(expected))
        return bool((~(np.isfinite(given) & np.isfinite(expected)) & ~same).any())

    def _diagnosed(self, expected: Array, context: Context) -> list[Hypothesis]:
        return diagnose(self.values, expected, self.row.limit, context)

    def _choose(self, why: str) -> None:
        """Let it pass, though it is not the tape's."""
        self.chosen, self.row.verdict = True, "ok"
        self.row.notes.append(f"another choice than the tape's, and as right: {why}")

    def _from(self, reference: Reference, unlike: list[_Judged]) -> Flow | None:
        """The sweep that carries on from gradients unlike the tape's, as a derivation may."""
        substitutes = {
            reference.place(j.pair.place).serial: j.values.astype(
                reference.flow.gradients[reference.place(j.pair.place).serial].dtype
            )
            for j in unlike
            if j.values.shape == j.row.shape
            and np.isfinite(j.values).all()
            and reference.place(j.pair.place).serial in reference.flow.gradients
        }
        if not substitutes:
            return None
        return reference.flow.again(substitutes)

    def _is(self, gradient: Array | None) -> bool:
        if gradient is None:
            return False
        size = float(np.abs(gradient).max(initial=0.0))
        allowed = self.row.limit * max(1.0, size / self.row.scale if self.row.scale else 1.0)
        return bool((np.abs(self.values - gradient) <= allowed).all())


def _completed(reference: Reference, place: Place) -> tuple[float, int]:
    """Sorts places by when the sweep has their whole gradient: after their oldest use."""
    uses = [
        record.serial
        for record in reference.recorded.records
        if any(parent is not None and parent.serial == place.serial for parent in record.parents)
    ]
    return (-min(uses, default=float("inf")), -place.serial)


def _hangs_on(place: Place, other: Place) -> bool:
    """Whether the gradient of a place is computed from that of another."""
    return place is not other and place.serial in computed_from([other])
