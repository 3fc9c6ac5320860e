"""One rule, run again with a mistake in it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from autograd.checking.diagnosis.context import Context, Use, described, summed_to
from autograd.engine.tensor import Array

Mistake = tuple[str, str, Array, float]  # kind, text, the gradient it gives, added to the rank

_MOST_SLICES = 64


def mistaken_rules(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """Gradients of the place of a use, as its rule would give them with one mistake in it."""
    yield from _without_local_factor(context, use, right)
    yield from _swapped(context, use, right)
    yield from _along_other_axes(context, use, right)
    yield from _transposed_products(context, use, right)
    yield from _summed_wrongly(context, use, right)


def _without_local_factor(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """The gradient of the output, handed on as it is, or without one recorded factor."""
    g = context.upstream(use.record)
    if g is None:
        return
    op = described(use.record)
    try:
        passed = summed_to(g, right.shape)
    except ValueError:
        return
    if passed.shape != right.shape:
        return
    others = [
        a
        for i, a in enumerate(context.flow.values.arrays(use.record))
        if i != use.position and isinstance(a, np.ndarray) and a.size > 1
    ]
    if use.record.op.name in {"maximum", "where", "minimum", "clip"}:
        what = f"the mask of {op} is forgotten"
    elif use.record.op.name == "multiply" and others:
        where = f"argument {1 - use.position} of {op}, of shape {others[0].shape}"
        what = f"the factor, {where}, is forgotten"
    else:
        what = f"the derivative of {op} is forgotten"
    text = f"{what}: the upstream gradient is handed on as it is"
    yield "local factor forgotten", text, passed, 0.0


def _swapped(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """Another argument's gradient, or the rule with two arguments exchanged."""
    record = use.record
    arrays = context.flow.values.arrays(record)
    for other, array in enumerate(arrays):
        if other == use.position or not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            continue
        between = f"arguments {use.position} and {other} of {described(record)}"
        theirs = context.pulled(Use(record, other, use.place))
        if theirs is not None and theirs.shape == right.shape:
            yield "arguments swapped", f"the gradients of {between} are exchanged", theirs, 0.2

        def exchange(
            given: list[Any], options: dict[str, Any], other: int = other
        ) -> tuple[list[Any], dict[str, Any]]:
            i, j = 2 + use.position, 2 + other
            given = list(given)
            given[i], given[j] = given[j], given[i]
            return given, options

        mine = context.pulled(use, exchange)
        if mine is not None and mine.shape == right.shape:
            yield "arguments swapped", f"{between} are exchanged in the rule", mine, 0.1


def _along_other_axes(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """The rule of an op along axes, along others of the same size."""
    record = use.record
    arrays = context.flow.values.arrays(record)
    reduces = getattr(record.op, "kind", None) == "reduction" and len(arrays) > 1
    axis = record.options.get("axis", arrays[1] if reduces else None)
    listed: tuple[Any, ...] = axis if isinstance(axis, tuple) else (axis,)
    if use.position != 0 or not all(isinstance(a, int) for a in listed):
        return
    ndim = right.ndim
    axes = tuple(a % ndim for a in listed)
    for chosen in combinations(range(ndim), len(axes)):
        if set(chosen) == set(axes):
            continue

        named = chosen[0] if isinstance(axis, int) else chosen

        def along(
            given: list[Any],
            options: dict[str, Any],
            other: Any = named,
        ) -> tuple[list[Any], dict[str, Any]]:
            if "axis" in options:
                return given, options | {"axis": other}
            return [*given[:3], other, *given[4:]], options

        mistaken = context.pulled(use, along)
        if mistaken is not None and mistaken.shape == right.shape:
            words = f"the rule of {described(record)} runs along axis {chosen} instead of {axes}"
            yield "wrong axis", words, mistaken, -1.1


def _transposed_products(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """For square matrices: the factors of the product not transposed, or exchanged."""
    record = use.record
    g = context.upstream(record)
    if record.op.name != "matmul" or g is None or right.ndim < 2 or g.ndim < 2:
        return
    other = context.flow.values.arrays(record)[1 - use.position]
    if not isinstance(other, np.ndarray) or other.ndim < 2:
        return
    name = f"argument {1 - use.position} of {described(record)}"
    for left_of_g in (use.position == 1, use.position != 1):
        for turn_other in (True, False):
            for turn_g in (False, True):
                if left_of_g == (use.position == 1) and turn_other and not turn_g:
                    continue  # the right one
                a = np.swapaxes(other, -1, -2) if turn_other else other
                b = np.swapaxes(g, -1, -2) if turn_g else g
                try:
                    product = summed_to(a @ b if left_of_g else b @ a, right.shape)
                except ValueError:
                    continue
                if left_of_g != (use.position == 1):
                    text = f"{name} and the upstream gradient are multiplied in the wrong order"
                    yield "arguments swapped", text, product, 0.3
                else:
                    turned = "the upstream gradient is" if turn_g else f"{name} is not"
                    yield "transposed", f"{turned} transposed in the product", product, 0.0


def _summed_wrongly(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """A sum over broadcast axes left out, taken over one slice, or over other axes."""
    raw = context.pulled(use)
    if raw is None or raw.shape == right.shape:
        return
    extra = raw.ndim - right.ndim
    summed = tuple(
        a for a in range(raw.ndim) if a < extra or right.shape[a - extra] != raw.shape[a]
    )
    for chosen in combinations(range(raw.ndim), len(summed)):
        if chosen != summed:
            total = raw.sum(axis=chosen)
            if total.shape == tuple(n for n in right.shape if n != 1) or total.size == right.size:
                words = f"summed over axes {chosen} of {described(use.record)}, not {summed}"
                yield "wrong axis", words, total.reshape(right.shape), -1.0
    for axis in summed:
        rest = tuple(a for a in summed if a != axis)
        for k in range(min(raw.shape[axis], _MOST_SLICES)):
            part = raw.take([k], axis).sum(axis=(axis, *rest)).reshape(right.shape)
            words = f"not summed over axis {axis} of {described(use.record)}: only its slice {k}"
            yield "not summed", words, part, 0.0
        if rest:
            words = f"summed over axis {axis} of {described(use.record)} alone, slice 0 of the rest"
            first = raw.sum(axis=axis, keepdims=True)
            for other in rest:
                first = first.take([0], other)
            yield "not summed", words, first.reshape(right.shape), 0.1
