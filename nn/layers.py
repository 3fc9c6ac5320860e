"""Layers: parameters, and a call of the function of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

import numpy as np

from autograd import Tensor
from nn import functional as F
from nn import init
from nn.functional import Pair, Reduction
from nn.module import Buffer, Module, Parameter

Generator = np.random.Generator


class Sequential(Module):
    """Modules applied one after the other; numbered from 0 in the state dict."""

    def __init__(self, *modules: Module) -> None:
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(
                    f"Sequential: argument {i} is a {type(module).__name__}, a Module expected"
                )
            setattr(self, str(i), module)

    def forward(self, x: Any) -> Any:
        for module in self:
            x = module(x)
        return x

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def __len__(self) -> int:
        return sum(1 for _ in self.named_children())

    def __getitem__(self, index: int) -> Module:
        return list(self)[index]


class Linear(Module):
    """x W^T + b: (..., in_features) -> (..., out_features). See `functional.linear`."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Generator | None = None,
    ) -> None:
        _positive("Linear", in_features=in_features, out_features=out_features)
        self.weight = Parameter(init.kaiming_uniform((out_features, in_features), rng))
        self.bias = _bias(bias, out_features, in_features, rng)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        outputs, inputs = self.weight.shape
        return f"{inputs}, {outputs}, bias={self.bias is not None}"


class Conv2d(Module):
    """A convolution of (N, in_channels, H, W) images. See `functional.conv2d`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        bias: bool = True,
        *,
        rng: Generator | None = None,
    ) -> None:
        window = F.pair("Conv2d: kernel_size", kernel_size, least=0)  # its axes are named below
        _positive("Conv2d", in_channels=in_channels, out_channels=out_channels)
        _positive("Conv2d", kernel_height=window[0], kernel_width=window[1])
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.weight = Parameter(init.kaiming_uniform((out_channels, in_channels, *window), rng))
        self.bias = _bias(bias, out_channels, in_channels * window[0] * window[1], rng)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        outputs, inputs, *window = self.weight.shape
        return (
            f"{inputs}, {outputs}, kernel_size={tuple(window)}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, bias={self.bias is not None}"
        )


class BatchNorm2d(Module):
    """Batch normalisation of (N, C, H, W) images. See `functional.batch_norm`."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        _positive("BatchNorm2d", num_features=num_features)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_features, np.float32)) if affine else None
        track = track_running_stats
        self.running_mean = Buffer(np.zeros(num_features, np.float32)) if track else None
        self.running_var = Buffer(np.ones(num_features, np.float32)) if track else None
        self.num_batches_tracked = Buffer(np.zeros((), np.int64)) if track else None

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.num_features:
            raise ValueError(
                f"BatchNorm2d: images (N, {self.num_features}, H, W) expected, "
                f"shape {x.shape} given"
            )
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.data = np.asarray(self.num_batches_tracked.data + 1)
            if momentum is None:  # a plain average over all batches so far
                momentum = 1 / int(self.num_batches_tracked.data)
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            0.0 if momentum is None else momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class ReLU(Module):
    """max(0, x)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x)


class MaxPool2d(Module):
    """The maximum of each window. See `functional.max_pool2d`."""

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        stride = self.kernel_size if self.stride is None else self.stride
        return f"{self.kernel_size}, stride={stride}, padding={self.padding}"


class Flatten(Module):
    """(N, ...) -> (N, the product of the rest)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.flatten(x)


class Softmax(Module):
    """Scores to probabilities along one axis."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class CrossEntropyLoss(Module):
    """Softmax, and -log of the right class's probability. See `functional.cross_entropy`."""

    def __init__(self, reduction: Reduction = "mean") -> None:
        self.reduction = reduction

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return F.cross_entropy(x, target, self.reduction)


def _bias(wanted: bool, size: int, fan_in: int, rng: Generator | None) -> Parameter | None:
    return Parameter(init.uniform((size,), 1 / sqrt(fan_in), rng)) if wanted else None


def _positive(layer: str, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{layer}: {name}={size} given, at least 1 expected")
