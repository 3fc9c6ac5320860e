"""Noise that a network is trained with."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor
from nn.functional.arguments import number, of_tensors


@of_tensors
def dropout(
    x: Tensor, p: float = 0.5, training: bool = True, *, rng: ag.random.Generator | None = None
) -> Tensor:
    """Each number is 0 with probability p, else x / (1 - p), so that the mean stays the same
    (Srivastava et al. 2014, section 10). Outside of training, x.

    Args:
        x: any shape.
        p: from 0 to 1.
        training: False leaves x alone, and draws nothing.
        rng: where the mask comes from; by default the thread's `autograd.random` generator.
    """
    p = number("dropout", "p", p)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p={p} given, a probability from 0 to 1 expected")
    if not training:
        return x
    source = ag.random.default_generator() if rng is None else rng
    kept = source.bernoulli(1 - p, x.shape)
    return ag.where(kept, x * (1 / (1 - p) if p < 1 else 1.0), 0)
