"""Losses: each the function of its name in `functional`, where formula and errors stand.

`reduction` is "mean", "sum" or "none", one loss for each element or sample. Weights are buffers.
"""

from __future__ import annotations

from typing import Any

from autograd import Tensor
from nn import functional as F
from nn.functional import Reduction
from nn.module import Buffer, Module


class _Loss(Module):
    reduction: Reduction

    def extra_repr(self) -> str:
        return "" if self.reduction == "mean" else f"reduction='{self.reduction}'"


class MSELoss(_Loss):
    """(x - target)^2. See `functional.mse_loss`."""

    def __init__(self, reduction: Reduction = "mean") -> None:
        self.reduction = reduction

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return F.mse_loss(x, target, self.reduction)


class L1Loss(_Loss):
    """|x - target|. See `functional.l1_loss`."""

    def __init__(self, reduction: Reduction = "mean") -> None:
        self.reduction = reduction

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return F.l1_loss(x, target, self.reduction)


class HuberLoss(_Loss):
    """Half the squared error up to delta, linear beyond. See `functional.huber_loss`."""

    tensor_options = ("delta",)

    def __init__(self, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        self.reduction, self.delta = reduction, delta

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return F.huber_loss(x, target, self.reduction, self.delta)


class SmoothL1Loss(_Loss):
    """Huber's loss with delta = beta, by beta. See `functional.smooth_l1_loss`."""

    tensor_options = ("beta",)

    def __init__(self, reduction: Reduction = "mean", beta: float = 1.0) -> None:
        self.reduction, self.beta = reduction, beta

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return F.smooth_l1_loss(x, target, self.reduction, self.beta)


class NLLLoss(_Loss):
    """-x[target], of logarithms of probabilities. See `functional.nll_loss`."""

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        self.weight = _weight("NLLLoss", weight)
        self.ignore_index, self.reduction = ignore_index, reduction

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return F.nll_loss(x, target, self.weight, self.ignore_index, self.reduction)


class CrossEntropyLoss(_Loss):
    """Softmax, and -log of the right class's probability. See `functional.cross_entropy`."""

    tensor_options = ("label_smoothing",)

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        self.weight = _weight("CrossEntropyLoss", weight)
        self.ignore_index, self.reduction = ignore_index, reduction
        self.label_smoothing = label_smoothing

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return F.cross_entropy(
            x, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class BCEWithLogitsLoss(_Loss):
    """The cross-entropy of probabilities given by their scores, each of which is yes or no.

    See `functional.binary_cross_entropy_with_logits`.
    """

    def __init__(
        self, weight: Any = None, reduction: Reduction = "mean", pos_weight: Any = None
    ) -> None:
        self.weight = _weight("BCEWithLogitsLoss", weight)
        self.reduction = reduction
        self.pos_weight = _weight("BCEWithLogitsLoss", pos_weight)

    def forward(self, x: Tensor, target: Any) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            x, target, self.weight, self.reduction, self.pos_weight
        )


def _weight(layer: str, given: Any) -> Buffer | None:
    if isinstance(given, str):
        # Where PyTorch's first arguments are weights, it is easy to give a reduction instead.
        raise TypeError(f"{layer}: weight '{given}' given, numbers expected; reduction= is meant?")
    return None if given is None else Buffer(given)
