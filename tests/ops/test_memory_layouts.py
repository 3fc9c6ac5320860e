"""Activations stored with the batch innermost: results and gradients are stored so too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.specs.compositions import MODES
from support.specs.sampling import Array

import autograd as ag
from autograd import Tensor

BATCH_INNERMOST: dict[str, Callable[[Tensor], Tensor]] = {
    "cumsum": lambda x: ag.cumsum(x, 1),
    "cumprod": lambda x: ag.cumprod(x, 2),
    "flip": lambda x: ag.flip(x, 2) * 1,
    "roll": lambda x: ag.roll(x, 1, 2),
    "repeat": lambda x: ag.repeat(x, 2, 2),
    "tile": lambda x: ag.tile(x, (1, 1, 2, 2)),
    "concatenate": lambda x: ag.concatenate([x, x], 1),
    "index_add": lambda x: ag.index_add(x, (0, 1), 1),
    "index_update": lambda x: ag.index_update(x, (slice(None), [1, 1]), 1),
    "tril": ag.tril,
    "prod": lambda x: ag.prod(x, 1, keepdims=True),
    "var": lambda x: ag.var(x, 1, keepdims=True),
    "max": lambda x: ag.max(x, (2, 3), keepdims=True),
    "min": lambda x: ag.min(x, (2, 3), keepdims=True),
    "split": lambda x: ag.split(x, 2, 1)[1] * 1,
    **{
        f"pad {mode}": lambda x, mode=mode: ag.pad(x, ((0, 0), (0, 0), (1, 2), (2, 1)), mode)
        for mode in ("constant", *MODES)
    },
}


@pytest.mark.parametrize("name", BATCH_INNERMOST)
def test_batch_stays_innermost_in_memory(name: str) -> None:
    """(N, C, H, W) activations are stored as (C, H, W, N); so are results and gradients."""
    f = BATCH_INNERMOST[name]
    x = Tensor(np.ones((4, 5, 6, 3)).transpose(3, 0, 1, 2), requires_grad=True)
    out = f(x)
    assert innermost(out.data) == 0
    out.backward(Tensor(np.ones_like(out.data)))
    assert x.grad is not None
    assert innermost(x.grad.data) == 0


def innermost(x: Array) -> int:
    return int(np.argmin([s if n > 1 else np.inf for s, n in zip(x.strides, x.shape, strict=True)]))
