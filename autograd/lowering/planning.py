"""Which values lie in memory and in which order, and in which order loops run.

A value that only says what is read elsewhere is computed where it is read.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import cache, partial

from autograd.lowering.functions import is_vector
from autograd.lowering.indices import Affine, Axes, Axis, Part, line_of, substituted, volume
from autograd.lowering.lowerer import Called
from autograd.lowering.nests import (
    Apply,
    Expression,
    Inside,
    Load,
    Nest,
    Place,
    Value,
    loads_in,
    parts_of,
    strides_along,
    strides_of,
)
from autograd.lowering.partial import in_parts
from autograd.lowering.plans import Access, Plan
from autograd.lowering.products.blocks import blocks
from autograd.lowering.products.borders import turned
from autograd.lowering.products.factors import Product
from autograd.lowering.scheduling import schedule
from autograd.program.program import Call

_LARGEST = 100  # operations that are computed in one place
_CHEAP = 4  # operations that are rather computed again than read
_AGAIN = 2  # how often, for each element
_FUNCTION = 20  # operations that a function such as exp counts for
_SHORT = 8  # an axis for which it is not worth working in vectors
_NAMES = re.compile(r"\bpb_\w+")


def planned(
    items: Sequence[Nest | Called], calls: Sequence[Call], products: Mapping[Nest, Product]
) -> Plan:
    """The plan for nests and calls of NumPy's, some of which are sums of products."""
    plan = Plan()
    nests = [item for item in items if isinstance(item, Nest)]
    plan.inlined = _inlined(nests, plan.costs, products)
    plan.scalar = _scalar(nests, plan.inlined)
    nests = [nest for nest in nests if nest.value not in plan.inlined]
    plan.accesses = {nest: list(accesses(nest, plan.inlined)) for nest in nests}
    plan.apart = {nest: _apart(nest, plan.inlined) for nest in nests}
    read = [value for reads in plan.accesses.values() for value, _ in reads]
    read += [v.value for i in items if isinstance(i, Called) for v in i.arrays.values()]
    in_order = [*plan.inlined, *[value for value in read if value.nest is None]]
    plan.strides = {value: strides_of(value.shape) for value in in_order}
    before: dict[Nest, Nest] = {}  # what only one reads, by the nest that does
    for nest in nests:
        order = _order_of(nest, plan, products, before)
        if nest not in plan.blocks and (parts := in_parts(nest, order)) is not None:
            before[nest] = parts
            if nest.value in plan.scalar:
                plan.scalar.add(parts.value)
            _take(plan, parts)
            _laid(plan, parts, parts.reduced)
            _take(plan, nest)
            order = _order(nest, plan)
        _laid(plan, nest, order)
    whole: list[Nest | Called] = []
    for item in items:
        if isinstance(item, Nest) and item in before:
            whole.append(before[item])
        whole.append(item)
    schedule(plan, whole, calls)
    return plan


def _laid(plan: Plan, nest: Nest, order: Axes) -> None:
    """Decide where in memory lies what a nest computes whose loops are in an order."""
    axes = nest.value.axes
    plan.orders[nest] = order
    kept = [axis for axis in plan.layouts.setdefault(nest, order) if axis in axes]
    own = nest.value.in_order or nest.adds
    plan.strides[nest.value] = strides_along(axes, axes if own else kept)


# --- what is computed where it is read ---------------------------------------------------------


def _inlined(
    nests: Sequence[Nest], size: dict[Value, int], products: Mapping[Nest, Product]
) -> dict[Value, None]:
    readers: dict[Value, list[Nest]] = {}
    # Read at places that are numbers themselves, or in vectors.
    placed = {load.value for p in products.values() for load in (p.left, p.right)}
    for nest in nests:
        for load in dict.fromkeys(nest.loads()):
            readers.setdefault(load.value, []).append(nest)
            if load.flat or any(not isinstance(i, Affine) for i in load.indices):
                placed.add(load.value)
    found: dict[Value, None] = {}  # in their order, so that equal programs have equal texts
    for nest in nests:
        value = nest.value
        inner = [load.value for load in nest.loads()]
        cost = _cost(nest.expression)
        own = size[value] = cost + sum(1 + size[v] for v in inner if v in found)
        if nest.kind != "map" or value.kept or value.slot is not None or value in placed:
            continue
        by = readers.get(value, [])
        again = sum(reader.volume for reader in by) / max(nest.volume, 1)
        once = len(by) == 1 and again <= 1
        if own <= _LARGEST and (
            once or cost == own == 0 or (own <= _CHEAP and again <= _AGAIN * len(by))
        ):
            if not once and _scattered(nest, by):
                continue
            found[value] = None
    return found


def _scattered(nest: Nest, readers: Sequence[Nest]) -> bool:
    """Whether a value of few elements is read for each of many."""
    return any(reader.volume > _AGAIN * nest.volume for reader in readers) and bool(
        _cost(nest.expression)
    )


def _cost(expression: Expression) -> int:
    applied = [part.text for part in parts_of(expression) if isinstance(part, Apply)]
    return sum(_FUNCTION * text.count("pb_") or 1 for text in applied)


def _scalar(nests: Sequence[Nest], inlined: Container[Value]) -> set[Value]:
    """Values that take a function of which compilers make no vectors, on the way too."""
    vector = cache(is_vector)
    found: set[Value] = set()

    def takes(part: Expression) -> bool:
        if isinstance(part, Load):
            return part.value in inlined and part.value in found
        return isinstance(part, Apply) and not all(map(vector, _NAMES.findall(part.text)))

    for nest in nests:
        if any(map(takes, parts_of(nest.expression))):
            found.add(nest.value)
    return found


def accesses(nest: Nest, inlined: Container[Value], on_the_way: bool = False) -> Iterator[Access]:
    """What a nest reads in memory, and where; with `on_the_way` also what it computes where it is
    read, at the places where that would lie."""
    seen: set[Access] = set()

    def of(load: Load, places: dict[Axis, Affine]) -> Iterator[Access]:
        affine = not load.flat and all(isinstance(i, Affine) for i in load.indices)
        indices = None
        if affine:
            given = [i for i in load.indices if isinstance(i, Affine)]
            indices = tuple([substituted(i, places) for i in given])
        access = Access(load.value, indices)
        if access in seen:
            return
        seen.add(access)
        if load.value not in inlined or on_the_way:
            yield access
        if load.value not in inlined:
            return
        assert indices is not None and load.value.nest is not None
        inner = dict(zip(load.value.axes, indices, strict=True))
        for part in loads_in(load.value.nest.expression):
            yield from of(part, inner)

    for load in nest.loads():
        yield from of(load, {})


def _apart(nest: Nest, inlined: Container[Value]) -> set[Axis]:
    """Axes whose place is asked for: by a guard, or as a number."""
    found: set[Axis] = set(nest.reduced) if nest.kind.startswith("arg") else set()
    seen: set[tuple[Value, tuple[Affine, ...]]] = set()

    def ask(place: Affine) -> None:
        for axis in place.axes:
            if isinstance(axis, Part):
                ask(axis.place)
            else:
                found.add(axis)

    def look(expression: Expression, places: Mapping[Axis, Affine]) -> None:
        for part in parts_of(expression):
            if isinstance(part, Place):
                ask(substituted(part.place, places))
            for guard in part.guards if isinstance(part, Load | Inside) else ():
                ask(substituted(guard.place, places))
            if not isinstance(part, Load):
                continue
            indices = [substituted(i, places) for i in part.indices if isinstance(i, Affine)]
            for index in indices:
                ask(Affine(0, tuple((a, 1) for a in index.axes if isinstance(a, Part))))
            key = part.value, tuple(indices)
            if part.value in inlined and part.value.nest is not None and key not in seen:
                seen.add(key)
                inner = dict(zip(part.value.axes, indices, strict=True))
                look(part.value.nest.expression, inner)

    look(nest.expression, {})
    return found


# --- in which order ----------------------------------------------------------------------------


def _order_of(
    nest: Nest, plan: Plan, products: Mapping[Nest, Product], before: dict[Nest, Nest]
) -> Axes:
    """The order of a nest; a sum of products for which there are no blocks is one as any other."""
    product = products.get(nest)
    if product is None:
        return _order(nest, plan)
    made = blocks(nest, product, plan.strides)
    if made is None and (found := turned(nest, product, plan.strides)) is not None:
        copy, product = found
        _take(plan, copy)
        plan.orders[copy] = plan.layouts[copy] = copy.axes
        plan.strides[copy.value] = strides_of(copy.value.shape)
        made = blocks(nest, product, plan.strides)
        if made is not None:
            before[nest] = copy
    if made is None:
        nest.expression = product.plain
        _take(plan, nest)
        return _order(nest, plan)
    _take(plan, nest)
    plan.blocks[nest] = made
    kept = [axis for axis in nest.value.axes if axis not in made.chain]
    lines = [axis for axis in made.chain if axis in nest.value.axes]
    return (*kept, *lines, *[axis for axis in (*made.reduced, *made.chain) if axis in nest.reduced])


def _take(plan: Plan, nest: Nest) -> None:
    """See what a nest reads, which is new, or reads something else than before."""
    plan.accesses[nest] = list(accesses(nest, plan.inlined))
    plan.apart[nest] = _apart(nest, plan.inlined)
    plan.costs.setdefault(nest.value, _cost(nest.expression))


def _order(nest: Nest, plan: Plan) -> Axes:
    """The axes of a nest, so that neighbours in memory come one after the other, innermost."""
    steps: list[tuple[int, dict[Axis, int]]] = []
    if nest.value.in_order and nest.kind == "map":
        own = strides_of(nest.value.shape)
        steps.append((1 << 62, dict(zip(nest.value.axes, own, strict=True))))
    for value, indices in plan.accesses[nest]:
        if indices is None:
            continue
        found: dict[Axis, int] = {}
        for index, width in zip(indices, plan.strides[value], strict=True):
            for axis, step in index.steps:
                if isinstance(axis, Part):  # about as far for each step of the place
                    for under, by in axis.place.steps:
                        far = step * width * abs(by) // axis.divisor
                        found[under] = max(found.get(under, 0), far)
                    continue
                found[axis] = found.get(axis, 0) + step * width
        steps.append((volume(a for a, s in found.items() if s), found))
    steps.sort(key=lambda item: -item[0])

    def stride(axis: Axis) -> int:
        return next((abs(s[axis]) for _, s in steps if s.get(axis)), 0)

    order = sorted(nest.axes, key=lambda a: -stride(a))
    if nest.kind == "scatter":
        return nest.axes
    if all(map(stride, order)):
        plan.layouts[nest] = tuple(order)
    if nest.as_source or _is_line(nest, order, plan, [found for _, found in steps]):
        return tuple(order)
    wide = [axis for axis in order if axis.size >= _SHORT and stride(axis)]
    inner = wide[-1] if wide else max(order, key=lambda a: a.size, default=None)
    return tuple([a for a in order if a is not inner]) + (() if inner is None else (inner,))


def _is_line(
    nest: Nest, order: Sequence[Axis], plan: Plan, steps: Sequence[Mapping[Axis, int]]
) -> bool:
    """Whether the last axes, of which the very last is short, are one line wherever they lie."""
    if not order or not steps:
        return False
    others = set(order) - set(nest.reduced) if order[-1] in nest.reduced else set(nest.reduced)
    line = line_of(order, plan.apart[nest] | others, [partial(_step, s) for s in steps])
    return bool(line) and line[-1].size < _SHORT <= volume(line)


def _step(steps: Mapping[Axis, int], axis: Axis) -> int:
    return steps.get(axis, 0)
