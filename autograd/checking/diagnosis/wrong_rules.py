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


def _overwritten_items(g: Array, right: Array, where: str, index: Any) -> Iterator[Mistake]:
    out = np.zeros_like(right)
    out[as_index(index)] = g
    text = (
        f"where the index of {where} names an element more than once, one gradient overwrites the "
        "other; they are to be added (np.add.at)"
    )
    yield "overwritten", text, out, 0.0


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
