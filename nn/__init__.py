"""Neural networks as compositions of autograd ops, under PyTorch's names. No derivative is here."""

from nn import functional, init, optim, schedule
from nn.layers import (
    BatchNorm2d,
    Conv2d,
    CrossEntropyLoss,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    Softmax,
)
from nn.module import Buffer, Module, Parameter

__all__ = [
    "BatchNorm2d",
    "Buffer",
    "Conv2d",
    "CrossEntropyLoss",
    "Flatten",
    "Linear",
    "MaxPool2d",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Softmax",
    "functional",
    "init",
    "optim",
    "schedule",
]
