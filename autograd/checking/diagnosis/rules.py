"""One rule, run again with a mistake in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from autograd.checking.diagnosis.context import (
    Context,
    Use,
    broadcasts_to,
    described,
    gradient_like,
    summed_to,
)
from autograd.checking.diagnosis.quantities import axis_of
from autograd.engine.tensor import Array, wrap
from autograd.ops.reductions.reduction import keepdims_shape
from autograd.ops.shapes.indexing import as_index

Mistake = tuple[str, str, Array, float]  # kind, text, the gradient it gives, added to the rank

_MOST_SLICES = 64


def mistaken_rules(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """Gradients of the place of a use, as its rule would give them with one mistake in it."""
    yield from _without_local_factor(context, use, right)
    yield from _swapped(context, use, right)
    yield from _along_other_axes(context, use, right)
    yield from _transposed_products(context, use, right)
    yield from _summed_wrongly(context, use, right)


def unsummed(context: Context, use: Use) -> Array | None:
    """What the rule of a use returns where an argument that is broadcast is repeated."""
    if getattr(use.record.op, "kind", None) != "elementwise":
        return context.pulled(use)
    argument = context.flow.values.arrays(use.record)[use.position]
    repeated = np.broadcast_to(argument, use.record.out.shape).copy()
    return context.pulled(use, {2 + use.position: repeated})


def _without_local_factor(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """The gradient of the output, handed on as it is, or without one recorded factor."""
    g = context.upstream(use.record)
    passed = gradient_like(right, g)
    if passed is None:
        return
    op = described(use.record)
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
        if array.shape != right.shape and getattr(record.op, "kind", None) != "elementwise":
            continue  # one is of no use for the other
        between = f"arguments {use.position} and {other} of {described(record)}"
        theirs = context.pulled(Use(record, other, use.place))
        if theirs is not None and theirs.shape == right.shape:
            yield "arguments swapped", f"the gradients of {between} are exchanged", theirs, 0.2
        mine = context.pulled(use, {2 + use.position: array, 2 + other: arrays[use.position]})
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

        mistaken = context.pulled(use, rewrite=along)
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
    for in_order, turn_other, turn_g in product((True, False), (True, False), (False, True)):
        if in_order and turn_other and not turn_g:
            continue  # the right one
        a = np.swapaxes(other, -1, -2) if turn_other else other
        b = np.swapaxes(g, -1, -2) if turn_g else g
        a, b = (a, b) if in_order == (use.position == 1) else (b, a)
        if (a.shape[-2], b.shape[-1]) != right.shape[-2:]:
            continue
        try:
            made = summed_to(a @ b, right.shape)
        except ValueError:
            continue
        if in_order:
            turned = "the upstream gradient is" if turn_g else f"{name} is not"
            yield "transposed", f"{turned} transposed in the product", made, 0.0
        else:
            text = f"{name} and the upstream gradient are multiplied in the wrong order"
            yield "arguments swapped", text, made, 0.3


def _summed_wrongly(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """A sum over broadcast axes left out, taken over one slice, or over other axes."""
    raw = unsummed(context, use)
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


_MOST_OFFSETS = 200


def wrong_rules(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """Gradients of the place of a use, as nearly right rules of its op give them."""
    g = context.upstream(use.record)
    if g is None or use.position != 0:
        return
    arrays, where = context.flow.values.arrays(use.record), described(use.record)
    match use.record.op.name:
        case "sliding_windows":
            yield from _overwritten_windows(g, right, where, arrays[1:])
        case "getitem":
            yield from _overwritten_items(g, right, where, arrays[1])
        case "pad":
            yield from _cut_elsewhere(g, right, where)
        case "max" | "min":
            yield from _to_others(context, use, g, right, where)
        case "mean" | "sum":
            yield from _of_its_own(context, use, right, where)


def _overwritten_windows(
    g: Array, right: Array, where: str, arguments: tuple[Any, ...]
) -> Iterator[Mistake]:
    window, stride, dilation = arguments[:3]
    k = len(window)
    batch = (slice(None),) * (right.ndim - k)
    counts = g.shape[len(batch) : len(batch) + k]
    text = (
        f"where windows of {where} overlap, one gradient overwrites the other; they are to be added"
    )

    def of_tap(tap: tuple[int, ...], strides: Sequence[int]) -> tuple[slice, ...]:
        """Where the windows have an element, if they begin so far apart."""
        parts = zip(tap, dilation, counts, strides, strict=True)
        return batch + tuple([slice(o * d, o * d + (m - 1) * s + 1, s) for o, d, m, s in parts])

    flat = np.moveaxis(g.reshape(*g.shape[: g.ndim - k], -1), -1, 0)
    of_g = dict(zip(np.ndindex(*window), flat, strict=True))
    # By taps, the last tap stays; by windows, the last window, which is the first tap.
    for taps in (list(np.ndindex(*window)), list(np.ndindex(*window))[::-1]):
        out = np.zeros_like(right)
        for tap in taps:
            out[of_tap(tap, stride)] = of_g[tap]
        yield "overwritten", text, out, 0.0
    # Where each window passes its gradient to one element, as max pooling does, one by one.
    out, shares = (
        np.zeros_like(right),
        g.reshape(*right.shape[: len(batch)], *g.shape[len(batch) :]),
    )
    for at in np.ndindex(*counts):
        for tap in np.ndindex(*window):
            place = tuple(
                i * s + o * d for i, s, o, d in zip(at, stride, tap, dilation, strict=True)
            )
            share, target = shares[batch + at + tap], out[batch + place]
            out[batch + place] = np.where(share != 0, share, target)
    yield "overwritten", f"{text} (= in place of +=)", out, 0.0
    if any(step != 1 for step in stride):
        out = np.zeros_like(right)
        for tap in np.ndindex(*window):
            out[of_tap(tap, (1,) * k)] += of_g[tap]
        words = f"the index of the windows of {where} ignores the stride: i in place of i * stride"
        yield "index of windows", words, out, 0.0


def _overwritten_items(g: Array, right: Array, where: str, index: Any) -> Iterator[Mistake]:
    out = np.zeros_like(right)
    out[as_index(index)] = g
    text = (
        f"where the index of {where} names an element more than once, one gradient overwrites the "
        "other; they are to be added (np.add.at)"
    )
    yield "overwritten", text, out, 0.0
    rows = as_index(index)
    if isinstance(rows, np.ndarray) and rows.dtype.kind in "iu" and rows.ndim > 1:
        out = np.zeros_like(right)
        for row, share in zip(rows, g, strict=True):
            out[row] += share
        yield "overwritten", f"{text}, also within one row of indices", out, 0.0
    counts = np.zeros(right.shape)
    np.add.at(counts, as_index(index), 1)
    if counts.max(initial=0) > 1:
        text = (
            f"where the index of {where} names an element more than once, the mean of its "
            "gradients stands in place of their sum"
        )
        yield "mean for sum", text, right / np.maximum(counts, 1), 0.0


def _of_its_own(context: Context, use: Use, right: Array, where: str) -> Iterator[Mistake]:
    """What goes through a mean or sum and is spread again, as if by each element for itself."""
    n = right.size // max(use.record.out.size, 1)
    for other in context.path:
        if other.place.serial != use.record.serial:
            continue
        argument = context.flow.values.arrays(other.record)[other.position]
        raw = None
        if np.ndim(other.record.out) and broadcasts_to(argument, other.record.out.shape):
            full = np.broadcast_to(argument, other.record.out.shape).copy()
            raw = context.pulled(other, {2 + other.position: full})  # so that nothing is summed
        if raw is not None and raw.shape == right.shape != use.record.out.shape:
            own = raw / n if use.record.op.name == "mean" else raw
            text = (
                f"through {where} every element reaches every other: the sum of what arrives is "
                "to be taken, not each element's own share alone"
            )
            yield "not summed", text, own, 0.0


def _cut_elsewhere(g: Array, right: Array, where: str) -> Iterator[Mistake]:
    spare = [n - m for n, m in zip(g.shape, right.shape, strict=True)]
    if np.prod([n + 1 for n in spare]) > _MOST_OFFSETS:
        return
    for offset in product(*(range(n + 1) for n in spare)):
        cut = g[tuple(slice(o, o + n) for o, n in zip(offset, right.shape, strict=True))]
        text = (
            f"the border of {where} is cut off in the wrong place: what starts at {offset} is kept"
        )
        yield "padding", text, cut, 0.0


def _to_others(context: Context, use: Use, g: Array, right: Array, where: str) -> Iterator[Mistake]:
    """The gradient of an extremum, to the last of equal ones, or to all elements as of a mean."""

    def turned(given: list[Any], options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        flipped = [wrap(np.flip(t.data).copy(), None) for t in given[:3]]
        return [*flipped, *given[3:]], options

    last = context.pulled(use, rewrite=turned)
    if last is not None:
        text = f"where several elements tie in {where}, the last gets the gradient, not the first"
        yield "subset", text, np.flip(last), 0.0
    kept = keepdims_shape(right.shape, axis_of(use.record))
    whole = np.broadcast_to(g.reshape(kept), right.shape)
    n = right.size // max(g.size, 1)
    text = f"the gradient of {where} is spread over all elements; only the extremum gets it"
    yield "wrong factor", text, whole / n, 0.0
    yield "wrong factor", f"{text} (whole to each)", whole.copy(), 0.1


_MOST_INDICES = 32
_MOST_WORK = 20_000_000  # numbers that go through the rule, all indices together


def partial_sums(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """What the rule of a use gives of one index of an axis of g, and of all others.

    Only of axes that the rule sums over: of the others, an index is a part of the result, which is
    better told by which elements are wrong.
    """
    g = context.upstream(use.record)
    if g is None:
        return
    where = described(use.record)
    for axis, n in enumerate(g.shape):
        if n < 2 or min(n, _MOST_INDICES) * g.size > _MOST_WORK:
            continue
        if not _is_summed(context, use, g, axis, right):
            continue
        # People leave out the first and the last: the middle of a long axis is not tried.
        half = _MOST_INDICES // 2
        indices = range(n) if n <= _MOST_INDICES else [*range(half), *range(n - half, n)]
        for k in indices:
            share = _share(context, use, g, axis, k, right)
            if share is None:
                break
            index = f"index {k}{' (the last)' * (k == n - 1)} of axis {axis} of {where}"
            yield "not summed", f"only {index} is counted, and the others are not added", share, 0.1
            yield "subset", f"{index} is left out of the sum over that axis", right - share, 0.1


def _is_summed(context: Context, use: Use, g: Array, axis: int, right: Array) -> bool:
    """Whether the two largest indices of an axis reach the same elements."""
    rest = tuple(a for a in range(g.ndim) if a != axis)
    first, second = np.argsort(np.abs(g).sum(axis=rest))[-2:]
    one = _share(context, use, g, axis, int(first), right)
    two = _share(context, use, g, axis, int(second), right)
    return one is not None and two is not None and bool(((one != 0) & (two != 0)).any())


def _share(context: Context, use: Use, g: Array, axis: int, k: int, right: Array) -> Array | None:
    """What index k of an axis of g contributes."""
    index: list[Any] = [slice(None)] * g.ndim
    index[axis] = k
    alone = np.zeros_like(g)
    alone[tuple(index)] = g[tuple(index)]
    return gradient_like(right, context.pulled(use, {0: alone}))
