"""Convolution layers."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any, Literal

from autograd import Tensor
from nn import functional as F
from nn import init
from nn.functional import Length, Pair
from nn.functional.arguments import lengths
from nn.init import Source
from nn.layers.checks import divisor, positive
from nn.module import Module, Parameter


class _Conv(Module):
    """Weight (out_channels, in_channels / groups, *kernel_size) and bias (out_channels,), which
    start uniform within 1 / sqrt(the numbers that one output is computed from)."""

    def __init__(
        self,
        axes: tuple[str, ...],
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        groups: int,
        bias: bool,
        rng: Source,
    ) -> None:
        layer = type(self).__name__
        # The window's axes are named one by one below.
        window = lengths(f"{layer}: kernel_size", kernel_size, len(axes), least=0)
        positive(layer, in_channels=in_channels, out_channels=out_channels)
        positive(layer, **dict(zip(axes, window, strict=True)))
        divisor(layer, "groups", groups, in_channels=in_channels, out_channels=out_channels)
        shape = (out_channels, in_channels // groups, *window)
        self.groups = groups
        self.weight = Parameter(init.kaiming_uniform(shape, rng))
        bound = 1 / sqrt(prod(shape[1:]))
        self.bias = Parameter(init.uniform((out_channels,), bound, rng)) if bias else None

    stride: Any
    padding: Any
    dilation: Any

    def extra_repr(self) -> str:
        outputs, inputs, *window = self.weight.shape
        groups = "" if self.groups == 1 else f", groups={self.groups}"
        return (
            f"{inputs * self.groups}, {outputs}, kernel_size={tuple(window)}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}{groups}, "
            f"bias={self.bias is not None}"
        )


class Conv1d(_Conv):
    """A convolution of (N, in_channels, L) sequences. See `functional.conv1d`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Length,
        stride: Length = 1,
        padding: Length | Literal["same", "valid"] = 0,
        dilation: Length = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: Source = None,
    ) -> None:
        super().__init__(
            ("kernel_size",), in_channels, out_channels, kernel_size, groups, bias, rng
        )
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class Conv2d(_Conv):
    """A convolution of (N, in_channels, H, W) images. See `functional.conv2d`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | Literal["same", "valid"] = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: Source = None,
    ) -> None:
        axes = ("kernel_height", "kernel_width")
        super().__init__(axes, in_channels, out_channels, kernel_size, groups, bias, rng)
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )
