"""Normalisation layers. Their weights start as ones, their biases as zeros."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

import numpy as np

from autograd import Tensor
from autograd.engine.modes import array_of
from autograd.ops.arguments import expect_constants
from autograd.ops.shapes.shape import as_tensor
from autograd.runtime.scopes import tracer
from nn import functional as F
from nn.layers.checks import divisor, positive
from nn.module import Buffer, Module, Parameter
from nn.parallel.processes import current


class _BatchNorm(Module):
    _expected: dict[int, str]  # shapes of inputs, by their number of axes

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        sync: bool = False,
    ) -> None:
        positive(type(self).__name__, num_features=num_features)
        expect_constants(type(self).__name__, momentum=momentum)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.sync = sync
        self.weight = Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_features, np.float32)) if affine else None
        track = track_running_stats
        self.running_mean = Buffer(np.zeros(num_features, np.float32)) if track else None
        self.running_var = Buffer(np.ones(num_features, np.float32)) if track else None
        self.num_batches_tracked = Buffer(np.zeros((), np.int64)) if track else None

    def forward(self, x: Tensor) -> Tensor:
        x = as_tensor(x)
        if x.ndim not in self._expected or x.shape[1] != self.num_features:
            shapes = " or ".join(self._expected.values()).replace("C", str(self.num_features))
            raise ValueError(f"{type(self).__name__}: {shapes} expected, shape {x.shape} given")
        momentum, tracked = self.momentum, self.num_batches_tracked
        if not self.training:
            tracked = None
        if momentum is None:  # a plain average over all batches so far
            momentum = 0.0 if tracked is None else 1 / (int(array_of(tracked)) + 1)
            if tracked is not None and (trace := tracer()) is not None:
                trace.refuse("a running average over all batches (momentum=None) counts in Python")
        y = F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            momentum,
            self.eps,
            current() if self.sync and self.training else None,
        )
        if tracked is not None:  # counted last, so that a batch that is refused is not
            tracked.data = array_of(tracked + 1)  # by an op, which a program sees
        return y

    def extra_repr(self) -> str:
        sync = ", sync=True" if self.sync else ""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}{sync}"


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) features or (N, C, L) sequences. See `functional.batch_norm`.

    With momentum None the running statistics are the plain averages over all batches. With sync,
    training takes the statistics of a batch over all processes; see `nn.distributed`.
    """

    _expected = {2: "features (N, C)", 3: "sequences (N, C, L)"}  # noqa: RUF012


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W) images. See `functional.batch_norm`.

    With momentum None the running statistics are the plain averages over all batches. With sync,
    training takes the statistics of a batch over all processes; see `nn.distributed`.
    """

    _expected = {4: "images (N, C, H, W)"}  # noqa: RUF012


class LayerNorm(Module):
    """Normalisation of each sample over its last axes. See `functional.layer_norm`.

    Weight and bias have normalized_shape.
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        given = normalized_shape
        shape = tuple(given) if isinstance(given, Sequence) else (index(given),)
        if not shape or min(shape) < 1:
            raise ValueError(
                f"LayerNorm: normalized_shape={normalized_shape} given, lengths from 1 expected"
            )
        self.normalized_shape, self.eps = shape, eps
        affine = elementwise_affine
        self.weight = Parameter(np.ones(shape, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(shape, np.float32)) if affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class GroupNorm(Module):
    """Normalisation of each sample over groups of its channels. See `functional.group_norm`.

    Weight and bias have num_channels.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True
    ) -> None:
        positive("GroupNorm", num_channels=num_channels)
        divisor("GroupNorm", "num_groups", num_groups, num_channels=num_channels)
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight = Parameter(np.ones(num_channels, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, np.float32)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        x = as_tensor(x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(
                f"GroupNorm: x (N, {self.num_channels}, ...) expected, shape {x.shape} given"
            )
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"
