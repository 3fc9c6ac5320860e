"""Mistakes that belong to one op: overlaps overwritten, borders cut wrongly, extrema mistaken."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from autograd.checking.diagnosis.context import Context, Use, described
from autograd.checking.diagnosis.quantities import axis_of
from autograd.checking.diagnosis.rules import Mistake
from autograd.engine.tensor import Array, wrap
from autograd.ops.reductions.reduction import keepdims_shape
from autograd.ops.shapes.indexing import as_index

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
    # By taps, the last tap stays; by windows, the last window, which is the first tap.
    for taps in (list(np.ndindex(*window)), list(np.ndindex(*window))[::-1]):
        out = np.zeros_like(right)
        for tap in taps:
            place = tuple(
                slice(o * d, o * d + (m - 1) * s + 1, s)
                for o, d, m, s in zip(tap, dilation, counts, stride, strict=True)
            )
            at_tap: tuple[Any, ...] = (..., *tap)
            out[batch + place] = g[at_tap]
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
    for what, steps in (("the stride", (1,) * k),):
        if tuple(stride) == steps:
            continue
        out = np.zeros_like(right)
        for tap in np.ndindex(*window):
            place = tuple(
                slice(o * d, o * d + m) for o, d, m in zip(tap, dilation, counts, strict=True)
            )
            at_tap = (..., *tap)
            out[batch + place] += g[at_tap]
        words = f"the index of the windows of {where} ignores {what}: i in place of i * stride"
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

        def spread(
            given: list[Any], options: dict[str, Any], other: Use = other
        ) -> tuple[list[Any], dict[str, Any]]:
            full = np.broadcast_to(given[2 + other.position].data, other.record.out.shape)
            given = list(given)
            given[2 + other.position] = wrap(full.copy(), None)  # so that nothing is summed
            return given, options

        raw = context.pulled(other, spread) if np.ndim(other.record.out) else None
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

    last = context.pulled(use, turned)
    if last is not None:
        text = f"where several elements tie in {where}, the last gets the gradient, not the first"
        yield "subset", text, np.flip(last), 0.0
    kept = keepdims_shape(right.shape, axis_of(use.record))
    whole = np.broadcast_to(g.reshape(kept), right.shape)
    n = right.size // max(g.size, 1)
    text = f"the gradient of {where} is spread over all elements; only the extremum gets it"
    yield "wrong factor", text, whole / n, 0.0
    yield "wrong factor", f"{text} (whole to each)", whole.copy(), 0.1
