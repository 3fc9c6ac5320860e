"""One mistake made at every step of a loop, or at every window: at all uses of the tape that are
alike, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.diagnosis.context import Context, Use, described, summed_to
from autograd.checking.diagnosis.derivatives import ARITHMETIC, PLAIN, right_derivative
from autograd.checking.diagnosis.evidence import Candidate, Case
from autograd.checking.diagnosis.roles import role_of
from autograd.checking.flow import Change
from autograd.engine.keeping import Dropped
from autograd.engine.tape import Record
from autograd.engine.tensor import Array
from autograd.ops.shapes.indexing import as_index

_MOST_USES = 2_000
_MOST_WORK = 10_000  # records that are swept over, all together
_TRIED = 2_000  # mistakes that are tried, at most

# What uses of one place give together, of what arrives at each of them; None where it is no mistake
# that one could have made there.
Instead = Callable[[list[tuple[Use, Array]]], "Array | None"]


class Mistake(NamedTuple):
    kind: str
    text: str
    instead: Instead
    rank: float


def propose_repeated(case: Case, context: Context) -> None:
    """The mistakes, where there are several uses that are alike and nothing else explains it."""
    if case.given.size < 2 or len(context.path) > _MOST_USES:
        return
    work = 0
    for uses in _alike(context):
        for mistake in _mistakes(context, uses):
            work += len(context.flow.records)
            if work > _MOST_WORK:
                return
            changes = _changes(context, uses, mistake.instead)
            values = context.flow.with_mistake(changes).at(context.place)
            if values is None or values.shape != case.given.shape:
                continue
            found = Candidate(
                mistake.kind,
                f"{mistake.text}, each time ({len(uses)} times)",
                values.astype(np.float64),
                mistake.rank,
                tried=_TRIED,
                at=uses[0].place,
                changes=changes,
            )
            if case.propose(found):
                return


def _alike(context: Context) -> Iterator[list[Use]]:
    """Uses of one op in one shape, more than one, most of them first."""
    groups: dict[Any, list[Use]] = {}
    for use in context.path:
        record = use.record
        if isinstance(record.out, tuple) or not hasattr(record.out, "shape"):
            continue
        shapes = [a.shape for a in record.arrays or () if isinstance(a, np.ndarray | Dropped)]
        # Of products, those with one and the same parameter.
        others = [p for p in record.parents if p is not None and not isinstance(p, Record)]
        product = record.op.name == "matmul"
        same = tuple(p.serial for p in others if product and p.serial != context.place.serial)
        key = record.op.name, use.position, record.out.shape, tuple(shapes), same
        groups.setdefault(key, []).append(use)
    yield from sorted((g for g in groups.values() if len(g) > 1), key=len, reverse=True)


def _changes(context: Context, uses: list[Use], instead: Instead) -> dict[int, Change]:
    """What is to be done to gradients on their way, so that the mistake is made at all uses."""
    arrived: dict[int, Array] = {}
    changes: dict[int, Change] = {}
    at: dict[int, list[Use]] = {}
    for use in uses:
        at.setdefault(use.place.serial, []).append(use)

    def kept(serial: int, then: Change | None) -> Change:
        def change(g: Array) -> Array:
            arrived[serial] = g if then is None else then(g)
            return arrived[serial]

        return change

    def altered(here: list[Use]) -> Change:
        def change(g: Array) -> Array:
            given = [(u, arrived[u.record.serial]) for u in here if u.record.serial in arrived]
            right = [contribution_of(context, u, a) for u, a in given]
            wrong = instead(given) if given else None
            if wrong is None or wrong.shape != g.shape or any(r is None for r in right):
                return g
            return np.asarray(g - sum(r for r in right if r is not None) + wrong)

        return change

    for serial, here in at.items():
        changes[serial] = altered(here)
    for use in uses:
        serial = use.record.serial
        changes[serial] = kept(serial, changes.get(serial))
    return changes


def contribution_of(
    context: Context, use: Use, g: Array, others: dict[int, Array] | None = None
) -> Array | None:
    """What a use adds to the gradient of its place, of what arrives at it; with others of its
    arguments, in whatever shape."""
    arrays, others = context.flow.values.arrays(use.record), others or {}
    if any(other.size != arrays[at].size for at, other in others.items()):
        return None
    given = {2 + at: other.reshape(arrays[at].shape).copy() for at, other in others.items()}
    raw = context.pulled(use, {0: g, **given})
    return None if raw is None else summed_to(raw, arrays[use.position].shape)


def _one_by_one(of: Callable[[Use, Array], Array | None]) -> Instead:
    """A mistake that uses of one place make independently of each other."""

    def instead(given: list[tuple[Use, Array]]) -> Array | None:
        parts = [of(use, g) for use, g in given]
        if any(p is None for p in parts):
            return None
        return np.asarray(sum(p for p in parts if p is not None))

    return instead


def _mistakes(context: Context, uses: list[Use]) -> Iterator[Mistake]:
    record = uses[0].record
    where = described(record)
    role = role_of(context, uses[0])
    if role is not None:
        yield Mistake(role.kind, role.text, _one_by_one(_nothing(context)), 2.0 + role.rank)
    if getattr(record.op, "kind", None) == "elementwise" and record.op.name not in ARITHMETIC:
        yield from _derivatives(context, record, where)
    if record.op.name in {"max", "min"}:
        yield from _extrema(context, where)
    if record.op.name == "getitem":
        yield from _items(context, uses, where)
    if record.op.name == "matmul":
        yield from _products(context, where)
    if record.op.name == "multiply" and len(record.out.shape) > 1:

        def turned(use: Use, g: Array) -> Array | None:
            right = contribution_of(context, use, g)
            return None if right is None or right.ndim < 2 else np.flip(right, (-2, -1))

        text = f"what {where} multiplies by is turned round in its last two axes, which is a flip "
        yield Mistake("flipped", f"{text}too many", _one_by_one(turned), 3.0)
    if record.op.name in {"matmul", "multiply"}:
        yield from _of_windows(context, uses, where)
    through = f"the contribution through argument {uses[0].position} of {where}"
    if role is None:
        none = _one_by_one(_nothing(context))
        yield Mistake("contribution missing", f"{through} is not added", none, 3.2)

    def twice(use: Use, g: Array) -> Array | None:
        right = contribution_of(context, use, g)
        return None if right is None else 2 * right

    yield Mistake("accumulated twice", f"{through} is added twice", _one_by_one(twice), 3.3)


def _nothing(context: Context) -> Callable[[Use, Array], Array | None]:
    def of(use: Use, g: Array) -> Array | None:
        return np.zeros(context.flow.values.arrays(use.record)[use.position].shape)

    return of


def _derivatives(context: Context, record: Any, where: str) -> Iterator[Mistake]:
    """Other derivatives than its own of an elementwise function."""
    proper = right_derivative(record, "x", "y")
    legend = " (x: its input, y: its output)"
    end = f"; it must be {proper}{legend}" if proper else legend

    for number, form in enumerate(PLAIN):
        for which, name in enumerate("yx"):

            def of_form(use: Use, g: Array, which: int = which, form: Any = form) -> Array:
                values = context.flow.values
                v = values.arrays(use.record)[use.position] if which else values.out(use.record)
                return np.asarray(g * form.of(np.asarray(v, np.float64)))

            have = form.text.format(v=name)
            text = f"the derivative of {where} is wrong: you have {have}{end}"
            rank = 2.8 + which / 5 + number / 1000
            yield Mistake("wrong factor", text, _one_by_one(of_form), rank)

    def again(use: Use, g: Array) -> Array | None:
        once = contribution_of(context, use, g)
        return None if once is None else contribution_of(context, use, once)

    text = f"the derivative of {where} is forgotten: the upstream gradient is handed on as it is"
    yield Mistake("local factor forgotten", text, _one_by_one(lambda use, g: g), 3.0)
    text = f"the derivative of {where} is multiplied in twice, which is once too many"
    yield Mistake("wrong factor", text, _one_by_one(again), 3.0)


def _extrema(context: Context, where: str) -> Iterator[Mistake]:
    """The gradient of a window's maximum, elsewhere than at the first that is it."""

    def masked(mask_of: Callable[[Array, Array], Array]) -> Instead:
        def of(use: Use, g: Array) -> Array | None:
            x = context.flow.values.arrays(use.record)[use.position]
            out = np.asarray(context.flow.values.out(use.record))
            if out.size != 1:
                return None
            return np.asarray(g.reshape(-1)[0] * mask_of(x, out.reshape(-1)[0]))

        return _one_by_one(of)

    def at(x: Array, element: Any) -> Array:
        """1 at an element, 0 elsewhere."""
        return np.asarray(np.arange(x.size) == element).reshape(x.shape) * 1.0

    def other(x: Array, top: Array) -> Array:
        return at(x, x.argmin() if x.max() == top else x.argmax())

    for text, mask_of in (
        (f"all that tie in {where} get the whole gradient", lambda x, top: (x == top) * 1.0),
        (f"the other extremum of {where} gets the gradient (argmin for argmax)", other),
        (
            f"where several elements tie in {where}, the last gets the gradient",
            lambda x, top: at(x, np.flatnonzero(x == top)[-1]),
        ),
        (f"the gradient of {where} is spread over all elements", lambda x, _: np.ones(x.shape)),
        (
            f"the gradient of {where} is spread over all elements, as of a mean",
            lambda x, _: np.ones(x.shape) / x.size,
        ),
    ):
        yield Mistake("wrong factor", text, masked(mask_of), 3.0)


def _items(context: Context, uses: list[Use], where: str) -> Iterator[Mistake]:
    """Windows that are read one by one: what is written over, or written elsewhere."""

    def index_of(use: Use) -> Any:
        return as_index(context.flow.values.arrays(use.record)[1])

    def overwritten(backwards: bool, whole: bool) -> Instead:
        def instead(given: list[tuple[Use, Array]]) -> Array:
            out = np.zeros(context.flow.values.arrays(given[0][0].record)[0].shape)
            for use, g in sorted(given, key=lambda e: e[0].record.serial, reverse=backwards):
                index = index_of(use)
                out[index] = g if whole else np.where(g != 0, g, out[index])
            return out

        return instead

    text = (
        f"where {where} reads an element more than once, one gradient overwrites the other; they "
        "are to be added (= in place of +=)"
    )
    for backwards in (False, True):
        for whole in (True, False):
            yield Mistake("overwritten", text, overwritten(backwards, whole), 2.0)
    steps = strides([index_of(use) for use in uses])
    if any(n > 1 for n in steps.values()):

        def elsewhere(given: list[tuple[Use, Array]]) -> Array | None:
            out = np.zeros(context.flow.values.arrays(given[0][0].record)[0].shape)
            for use, g in given:
                out[without_stride(index_of(use), steps)] += g
            return out

        text = f"the index of the windows of {where} ignores the stride: i in place of i * stride"
        yield Mistake("index of windows", text, elsewhere, 2.2)


def strides(indices: list[Any]) -> dict[int, int]:
    """By how much the beginnings of windows are apart along each axis, where they begin at 0."""
    starts: dict[int, set[int]] = {}
    for index in indices:
        for axis, part in enumerate(index if isinstance(index, tuple) else (index,)):
            if isinstance(part, slice) and isinstance(part.stop, int) and part.step in (None, 1):
                starts.setdefault(axis, set()).add(part.start or 0)
    return {a: int(np.gcd.reduce(sorted(s))) for a, s in starts.items() if len(s) > 1}


def without_stride(index: Any, steps: dict[int, int]) -> Any:
    """The index of a window that begins at i in place of i * stride."""
    parts = list(index if isinstance(index, tuple) else (index,))
    for axis, step in steps.items():
        part = parts[axis]
        start = (part.start or 0) // step
        parts[axis] = slice(start, start + part.stop - (part.start or 0))
    return tuple(parts)


def _of_windows(context: Context, uses: list[Use], where: str) -> Iterator[Mistake]:
    """Products with windows that are read one by one, and begin elsewhere."""
    windows = {use.record.serial: _window(use) for use in uses}
    indices = [context.flow.values.arrays(w)[1] for w in windows.values() if w is not None]
    steps = strides([as_index(index) for index in indices])
    if len(indices) < len(uses) or all(n == 1 for n in steps.values()):
        return

    def of(use: Use, g: Array) -> Array | None:
        window = windows[use.record.serial]
        if window is None:
            return None
        whole, index = context.flow.values.arrays(window)[:2]
        moved, other = whole[without_stride(as_index(index), steps)], 1 - use.position

        return contribution_of(context, use, g, {other: moved})

    text = f"the index of windows that {where} multiplies ignores the stride: i, not i * stride"
    yield Mistake("index of windows", text, _one_by_one(of), 2.2)


def _window(use: Use) -> Record | None:
    """The window that the other argument of a product is, perhaps in another shape."""
    place = use.record.parents[1 - use.position]
    while isinstance(place, Record) and place.op.name == "reshape":
        place = place.parents[0]
    return place if isinstance(place, Record) and place.op.name == "getitem" else None


def _products(context: Context, where: str) -> Iterator[Mistake]:
    """The other factor of a product, not transposed."""

    def turned(use: Use, g: Array) -> Array | None:
        a = np.asarray(context.flow.values.arrays(use.record)[1 - use.position])
        right = contribution_of(context, use, g)
        if right is None or a.ndim != 2 or g.ndim != 2 or a.shape[0] != a.shape[1]:
            return None
        made = np.asarray(g @ a if use.position == 0 else a @ g)
        return made if made.shape == right.shape else None

    text = f"the other argument of {where} is not transposed in the product"
    yield Mistake("transposed", text, _one_by_one(turned), 3.0)
