"""Noise that a network is trained with."""

from __future__ import annotations

import numpy as np

from autograd import Tensor
from autograd.ops.arguments import expect_constants
from autograd.random import Generator
from nn import functional as F
from nn.init import Source
from nn.module import Module


class Dropout(Module):
    """Each number 0 with probability p, else by 1 - p; in evaluation, x. See `functional.dropout`.

    Args:
        p: from 0 to 1.
        rng: where the masks come from; by default the thread's `autograd.random` generator, at the
            time of each call.
    """

    def __init__(self, p: float = 0.5, *, rng: Source = None) -> None:
        expect_constants("Dropout", p=p)
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p={p} given, a probability from 0 to 1 expected")
        self.p = p
        self.rng = Generator(rng) if isinstance(rng, np.random.Generator) else rng

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p}"
