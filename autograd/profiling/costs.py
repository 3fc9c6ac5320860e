"""What a call has cost of which the arrays are there: they know what memory they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.primitives import Saved
from autograd.engine.tensor import Array
from autograd.program.costs import Extent
from autograd.program.costs import cost as cost_from

Shapes = tuple[tuple[int, ...], ...]


class Cost(NamedTuple):
    """Bytes and operations of one call; `flops` is None where no count is known for the op."""

    nbytes: int
    flops: int | None
    arguments: Shapes
    results: Shapes


def cost(op: Any, arrays: Sequence[Any], returned: Any) -> Cost:
    """What a forward that was given `arrays` and returned `returned` has moved and computed."""
    if isinstance(returned, Saved):
        returned = returned.out
    outs = [np.asarray(o) for o in (returned if isinstance(returned, tuple) else (returned,))]
    given = [a for a in arrays if isinstance(a, np.ndarray)]
    shapes = tuple([a.shape for a in given]), tuple([out.shape for out in outs])
    if all(_is_view(out, given) for out in outs):
        return Cost(0, 0, *shapes)
    read, written, flops = cost_from(op, list(map(_occupied, arrays)), list(map(_occupied, outs)))
    return Cost(read + written, flops, *shapes)


def _is_view(out: Array, given: list[Array]) -> bool:
    return any(out is a or (out.base is not None and np.may_share_memory(out, a)) for a in given)


def _occupied(array: Any) -> Any:
    """An array that reads less memory than it has numbers, as its extent.

    What lies along a repeated axis, and what windows share, counts once, so that stand-ins and
    broadcast arrays cost next to nothing.
    """
    if not isinstance(array, np.ndarray) or array.flags.forc or not array.size:
        return array
    reach = sum((n - 1) * abs(s) for n, s in zip(array.shape, array.strides, strict=True))
    nbytes = min(array.nbytes, int(reach) + array.itemsize)
    return Extent(array.shape, array.size, nbytes)
