"""Layers that change no number."""

from __future__ import annotations

from typing import Any

from autograd import Tensor
from nn import functional as F
from nn.module import Module


class Flatten(Module):
    """The axes from start_dim to end_dim as one: (N, ...) -> (N, the product of the rest)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        return F.flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        standard = (self.start_dim, self.end_dim) == (1, -1)
        return "" if standard else f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """x itself: what stands where a layer is left out. Arguments are ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        return x
