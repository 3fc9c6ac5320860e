"""Linear maps of features: dense, and of one-hot vectors."""

from __future__ import annotations

from math import sqrt
from typing import Any

from autograd import Tensor
from nn import functional as F
from nn import init
from nn.init import Source
from nn.layers.checks import positive
from nn.module import Module, Parameter


class Linear(Module):
    """x W^T + b: (..., in_features) -> (..., out_features). See `functional.linear`.

    weight (out_features, in_features) and bias (out_features,) start uniform within
    1 / sqrt(in_features).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Source = None,
    ) -> None:
        positive("Linear", in_features=in_features, out_features=out_features)
        self.weight = Parameter(init.kaiming_uniform((out_features, in_features), rng))
        bound = 1 / sqrt(in_features)
        self.bias = Parameter(init.uniform((out_features,), bound, rng)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        outputs, inputs = self.weight.shape
        return f"{inputs}, {outputs}, bias={self.bias is not None}"


class Embedding(Module):
    """A vector for each of num_embeddings things: integers (...) -> (..., embedding_dim).

    weight (num_embeddings, embedding_dim) starts as N(0, 1), but 0 in row padding_idx, which gets
    no gradient. See `functional.embedding`.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: Source = None,
    ) -> None:
        positive("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"Embedding: padding_idx={padding_idx} given, one of {num_embeddings} rows expected"
            )
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        values = init.normal((num_embeddings, embedding_dim), 1.0, rng)
        if self.padding_idx is not None:
            values[self.padding_idx] = 0
        self.weight = Parameter(values)

    def forward(self, input: Any) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        rows, features = self.weight.shape
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{rows}, {features}{padding}"
