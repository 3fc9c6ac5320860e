"""Every error names the layer, what was given and what was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_loops import zeros

import nn
from nn import functional as F

Array = NDArray[Any]
Generator = np.random.Generator
Pair = tuple[int, int]


BAD_CALLS: dict[str, tuple[Callable[[], object], list[str]]] = {
    # What is called, and what the error says: the layer, what was given, what was expected.
    "Linear": (lambda: nn.Linear(3, 2)(zeros(4, 5)), ["linear", "(4, 5)", "(..., 3)"]),
    "Linear, a scalar": (lambda: nn.Linear(3, 2)(zeros()), ["linear", "()", "(..., 3)"]),
    "linear's bias": (lambda: F.linear(zeros(4, 3), zeros(2, 3), zeros(5)), ["linear", "5", "2"]),
    "Conv2d, channels": (
        lambda: nn.Conv2d(1, 1, 3)(zeros(4, 2, 5, 5)),
        ["conv2d", "(4, 2, 5, 5)", "(F, 2, U, V)", "(1, 1, 3, 3)"],
    ),
    "Conv2d, no batch": (
        lambda: nn.Conv2d(1, 1, 3)(zeros(1, 5, 5)),
        ["conv2d", "(1, 5, 5)", "(N, C, H, W)"],
    ),
    "Conv2d, small image": (lambda: nn.Conv2d(1, 1, 5)(zeros(1, 1, 4, 4)), ["conv2d", "4", "5"]),
    "conv2d's bias": (
        lambda: F.conv2d(zeros(1, 1, 5, 5), zeros(2, 1, 3, 3), zeros(4)),
        ["conv2d", "4", "2"],
    ),
    "Conv2d, stride 0": (
        lambda: nn.Conv2d(1, 1, 3, stride=0)(zeros(1, 1, 5, 5)),
        ["conv2d", "stride", "0", "at least 1"],
    ),
    "Conv2d, padding -1": (
        lambda: nn.Conv2d(1, 1, 3, padding=-1)(zeros(1, 1, 5, 5)),
        ["conv2d", "padding", "-1", "at least 0"],
    ),
    "Conv2d, three lengths": (
        lambda: nn.Conv2d(1, 1, (3, 4, 5)),  # type: ignore[arg-type]
        ["conv2d", "(3, 4, 5)"],
    ),
    "Conv2d, one length": (
        lambda: nn.Conv2d(1, 1, (3,)),  # type: ignore[arg-type]
        ["conv2d", "(3,)"],
    ),
    "MaxPool2d, no batch": (
        lambda: nn.MaxPool2d(2)(zeros(1, 4, 4)),
        ["max_pool2d", "(1, 4, 4)", "(N, C, H, W)"],
    ),
    "MaxPool2d, small image": (
        lambda: nn.MaxPool2d(5)(zeros(1, 1, 4, 4)),
        ["max_pool2d", "4", "5"],
    ),
    "MaxPool2d, much padding": (
        lambda: nn.MaxPool2d(3, padding=2)(zeros(1, 1, 4, 4)),
        ["max_pool2d", "(2, 2)", "half of the window (3, 3)"],
    ),
    "BatchNorm2d, channels": (
        lambda: nn.BatchNorm2d(3)(zeros(4, 2, 2, 2)),
        ["batchnorm2d", "(4, 2, 2, 2)", "(N, 3, H, W)"],
    ),
    "BatchNorm2d, no image": (
        lambda: nn.BatchNorm2d(3)(zeros(4, 3)),
        ["batchnorm2d", "(4, 3)", "(N, 3, H, W)"],
    ),
    "batch_norm, one axis": (
        lambda: F.batch_norm(zeros(4), None, None),
        ["batch_norm", "(4,)", "(N, C, ...)"],
    ),
    "batch_norm's weight": (
        lambda: F.batch_norm(zeros(4, 3, 2), None, None, zeros(5)),
        ["batch_norm", "5", "3"],
    ),
    "batch_norm's running mean": (
        # Of length 1 it would broadcast, and change its shape.
        lambda: F.batch_norm(zeros(4, 3, 2), zeros(1), zeros(1), training=True),
        ["batch_norm", "1", "3"],
    ),
    "BatchNorm2d, one value": (
        lambda: nn.BatchNorm2d(3)(zeros(1, 3, 1, 1)),
        ["batch_norm", "(1, 3, 1, 1)", "more than one value per channel"],
    ),
    "Softmax's axis": (lambda: nn.Softmax(2)(zeros(4, 3)), ["softmax", "2", "(4, 3)"]),
    "CrossEntropyLoss, one axis": (
        lambda: nn.CrossEntropyLoss()(zeros(3), [0, 1, 2]),
        ["cross_entropy", "(3,)", "(N, C)"],
    ),
    "CrossEntropyLoss, lengths": (
        lambda: nn.CrossEntropyLoss()(zeros(3, 4), [0, 1]),
        ["cross_entropy", "(3, 4)", "(2,)"],
    ),
    "CrossEntropyLoss, one-hot": (
        lambda: nn.CrossEntropyLoss()(zeros(3, 3), np.eye(3)),
        ["cross_entropy", "(3, 3) (float64)", "integer classes"],
    ),
    "CrossEntropyLoss, floats": (
        lambda: nn.CrossEntropyLoss()(zeros(2, 3), [0.0, 1.0]),
        ["cross_entropy", "float64", "integer classes"],
    ),
    "CrossEntropyLoss, high class": (
        lambda: nn.CrossEntropyLoss()(zeros(2, 3), [0, 3]),
        ["cross_entropy", "from 0 to 2 expected", "0 to 3 given"],
    ),
    "CrossEntropyLoss, negative class": (
        # NumPy would take it as an index from the end.
        lambda: nn.CrossEntropyLoss()(zeros(2, 3), [-1, 1]),
        ["cross_entropy", "from 0 to 2 expected", "-1 to 1 given"],
    ),
    "CrossEntropyLoss, reduction": (
        lambda: nn.CrossEntropyLoss(reduction="max")(zeros(1, 3), [0]),  # type: ignore[arg-type]
        ["cross_entropy", "'max'", "mean, sum or none"],
    ),
    "CrossEntropyLoss, a reduction for a weight": (
        lambda: nn.CrossEntropyLoss("sum"),
        ["crossentropyloss", "weight 'sum'", "reduction="],
    ),
    "cross_entropy, a reduction for a weight": (
        lambda: F.cross_entropy(zeros(2, 3), [0, 1], "sum"),  # type: ignore[arg-type]
        ["cross_entropy", "weight 'sum'", "(3,)"],
    ),
    "CrossEntropyLoss, weights": (
        lambda: nn.CrossEntropyLoss(np.ones(2))(zeros(2, 3), [0, 1]),
        ["cross_entropy", "weight", "(3,)", "(2,)"],
    ),
    "CrossEntropyLoss, smoothing": (
        lambda: nn.CrossEntropyLoss(label_smoothing=1.5)(zeros(2, 3), [0, 1]),
        ["cross_entropy", "label_smoothing=1.5", "0 to 1"],
    ),
    "NLLLoss, high class": (
        lambda: nn.NLLLoss()(zeros(2, 3), [0, 3]),
        ["nll_loss", "from 0 to 2 expected", "0 to 3 given"],
    ),
    "MSELoss": (
        # (4,) and (4, 1) would broadcast to all pairs.
        lambda: nn.MSELoss()(zeros(4), zeros(4, 1)),
        ["mse_loss", "(4,)", "(4, 1)"],
    ),
    "MSELoss, reduction": (
        lambda: nn.MSELoss("max")(zeros(4), zeros(4)),  # type: ignore[arg-type]
        ["mse_loss", "'max'", "mean, sum or none"],
    ),
    "MSELoss, nothing": (lambda: nn.MSELoss()(zeros(0), zeros(0)), ["mse_loss", "(0,)", "mean"]),
    "L1Loss": (lambda: nn.L1Loss()(zeros(4), zeros(3)), ["l1_loss", "(4,)", "(3,)"]),
    "HuberLoss, delta": (
        lambda: nn.HuberLoss(delta=0.0)(zeros(4), zeros(4)),
        ["huber_loss", "delta=0.0", "above 0"],
    ),
    "SmoothL1Loss, beta": (
        lambda: nn.SmoothL1Loss(beta=-1.0)(zeros(4), zeros(4)),
        ["smooth_l1_loss", "beta=-1.0", "at least 0"],
    ),
    "BCEWithLogitsLoss": (
        lambda: nn.BCEWithLogitsLoss()(zeros(4), zeros(4, 1)),
        ["binary_cross_entropy_with_logits", "(4,)", "(4, 1)"],
    ),
    "BCEWithLogitsLoss, weights": (
        lambda: nn.BCEWithLogitsLoss(pos_weight=[1.0, 2.0])(zeros(4, 3), zeros(4, 3)),
        ["binary_cross_entropy_with_logits", "pos_weight", "(4, 3)", "(2,)"],
    ),
    "Conv1d, channels": (
        lambda: nn.Conv1d(1, 1, 3)(zeros(4, 2, 5)),
        ["conv1d", "(4, 2, 5)", "(F, 2, U)", "(1, 1, 3)"],
    ),
    "Conv1d, images": (
        lambda: nn.Conv1d(2, 1, 3)(zeros(4, 2, 5, 5)),
        ["conv1d", "(N, C, L)", "(4, 2, 5, 5)"],
    ),
    "Conv2d, groups of inputs": (
        lambda: nn.Conv2d(3, 4, 3, groups=2),
        ["conv2d", "groups=2", "in_channels=3"],
    ),
    "Conv2d, groups of outputs": (
        lambda: nn.Conv2d(4, 3, 3, groups=2),
        ["conv2d", "groups=2", "out_channels=3"],
    ),
    "Conv2d, no groups": (lambda: nn.Conv2d(4, 3, 3, groups=0), ["conv2d", "groups=0"]),
    "conv2d, groups": (
        lambda: F.conv2d(zeros(1, 3, 5, 5), zeros(2, 1, 2, 2), groups=2),
        ["conv2d", "groups=2", "3 channels", "(1, 3, 5, 5)"],
    ),
    "conv2d, groups of a weight": (
        lambda: F.conv2d(zeros(1, 4, 5, 5), zeros(3, 2, 2, 2), groups=2),
        ["conv2d", "groups=2", "3 filters"],
    ),
    "conv2d, weight of groups": (
        lambda: F.conv2d(zeros(1, 4, 5, 5), zeros(2, 4, 2, 2), groups=2),
        ["conv2d", "(F, 2, U, V)", "groups=2", "(2, 4, 2, 2)"],
    ),
    "Conv2d, same with a stride": (
        lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same")(zeros(1, 1, 5, 5)),
        ["conv2d", "(2, 2)", "same"],
    ),
    "Conv2d, unknown padding": (
        lambda: nn.Conv2d(1, 1, 3, padding="full")(zeros(1, 1, 5, 5)),  # type: ignore[arg-type]
        ["conv2d", "'full'", "same, valid"],
    ),
    "AvgPool2d, much padding": (
        lambda: nn.AvgPool2d(3, padding=2)(zeros(1, 1, 4, 4)),
        ["avg_pool2d", "(2, 2)", "half of the window (3, 3)"],
    ),
    "AvgPool2d, divisor": (
        lambda: nn.AvgPool2d(2, divisor_override=0)(zeros(1, 1, 4, 4)),
        ["avg_pool2d", "divisor_override=0"],
    ),
    "MaxPool1d, images": (
        lambda: nn.MaxPool1d(2)(zeros(1, 1, 4, 4)),
        ["max_pool1d", "(N, C, L)", "(1, 1, 4, 4)"],
    ),
    "AvgPool1d, small": (lambda: nn.AvgPool1d(5)(zeros(1, 1, 4)), ["avg_pool1d", "(5,)", "(4,)"]),
    "AdaptiveAvgPool2d, size": (
        lambda: nn.AdaptiveAvgPool2d(0)(zeros(1, 1, 4, 4)),
        ["adaptive_avg_pool2d", "output_size", "at least 1"],
    ),
    "AdaptiveAvgPool2d, sizes": (
        lambda: nn.AdaptiveAvgPool2d((1, 2, 3))(zeros(1, 1, 4, 4)),  # type: ignore[arg-type]
        ["adaptive_avg_pool2d", "(1, 2, 3)", "(height, width)"],
    ),
    "AdaptiveAvgPool2d, no pixels": (
        lambda: nn.AdaptiveAvgPool2d(1)(zeros(1, 1, 0, 4)),
        ["adaptive_avg_pool2d", "(1, 1, 0, 4)"],
    ),
    "BatchNorm1d, images": (
        lambda: nn.BatchNorm1d(3)(zeros(4, 3, 2, 2)),
        ["batchnorm1d", "(N, 3) or", "(N, 3, L)", "(4, 3, 2, 2)"],
    ),
    "LayerNorm": (lambda: nn.LayerNorm(3)(zeros(4, 5)), ["layer_norm", "(..., 3)", "(4, 5)"]),
    "LayerNorm, no axes": (lambda: nn.LayerNorm(()), ["layernorm", "()", "lengths from 1"]),
    "layer_norm's weight": (
        lambda: F.layer_norm(zeros(4, 5), 5, zeros(4)),
        ["layer_norm", "weight", "(5,)", "(4,)"],
    ),
    "GroupNorm": (
        lambda: nn.GroupNorm(2, 4)(zeros(4, 6)),
        ["groupnorm", "(N, 4, ...)", "(4, 6)"],
    ),
    "GroupNorm, groups": (
        lambda: nn.GroupNorm(3, 4),
        ["groupnorm", "num_groups=3", "num_channels=4"],
    ),
    "group_norm, groups": (
        lambda: F.group_norm(zeros(2, 4), 3),
        ["group_norm", "num_groups=3", "4 channels", "(2, 4)"],
    ),
    "Dropout": (lambda: nn.Dropout(1.5), ["dropout", "p=1.5", "0 to 1"]),
    "dropout": (lambda: F.dropout(zeros(2), -0.1), ["dropout", "p=-0.1", "0 to 1"]),
    "Embedding, high index": (
        lambda: nn.Embedding(3, 2)([0, 3]),
        ["embedding", "from 0 to 2 expected", "0 to 3 given"],
    ),
    "Embedding, negative index": (
        lambda: nn.Embedding(3, 2)([-1]),
        ["embedding", "from 0 to 2 expected", "-1 to -1 given"],
    ),
    "Embedding, floats": (
        lambda: nn.Embedding(3, 2)([0.0]),
        ["embedding", "integer", "float64"],
    ),
    "Embedding, padding": (
        lambda: nn.Embedding(3, 2, padding_idx=3),
        ["embedding", "padding_idx=3", "3 rows"],
    ),
    "GELU": (
        lambda: nn.GELU("sigmoid"),  # type: ignore[arg-type]
        ["gelu", "'sigmoid'", "none or tanh"],
    ),
    "Softplus": (lambda: nn.Softplus(0.0)(zeros(2)), ["softplus", "beta=0"]),
    "LogSoftmax's axis": (
        lambda: nn.LogSoftmax(2)(zeros(4, 3)),
        ["log_softmax", "2", "(4, 3)"],
    ),
    "no inputs": (lambda: nn.Linear(0, 3), ["linear", "in_features=0", "at least 1"]),
    "no outputs": (lambda: nn.Conv2d(1, 0, 3), ["conv2d", "out_channels=0", "at least 1"]),
    "no window": (lambda: nn.Conv2d(1, 1, (3, 0)), ["conv2d", "kernel_width=0", "at least 1"]),
    "no features": (lambda: nn.BatchNorm2d(0), ["batchnorm2d", "num_features=0", "at least 1"]),
}


@pytest.mark.parametrize(("call", "said"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_an_error_names_the_layer_and_what_it_expected(
    call: Callable[[], object], said: list[str]
) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    name, *rest = said
    assert message.lower().startswith(name)
    assert [part for part in rest if part not in message] == []


def test_one_number_of_numpys_is_a_length_too() -> None:
    assert nn.Conv2d(1, 2, np.int64(3)).state_dict()["weight"].shape == (2, 1, 3, 3)
