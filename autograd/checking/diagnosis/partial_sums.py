"""A sum over an axis of the upstream gradient of which one index is left out, or alone taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.checking.diagnosis.context import Context, Use, as_gradient, described, summed_to
from autograd.checking.diagnosis.rules import Mistake
from autograd.engine.tensor import Array, wrap

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

    def only(given: list[Any], options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        return [wrap(alone, None), *given[1:]], options

    share = context.pulled(use, only)
    if share is None:
        return None
    try:
        return as_gradient(summed_to(share, right.shape), right.dtype)
    except ValueError:
        return None
