"""The network of manual_derivations.py: its functions in the order in which they run.

Two tables, and for each a loop that anyone would write. A test plants a mistake by putting another
function into a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from support.by_hand import manual_derivations as hand

Array = NDArray[Any]


class Value(NamedTuple):
    """A line of the forward: `name` = function(values of the names in `reads`)."""

    name: str
    function: Callable[..., Array]
    reads: tuple[str, ...]


class Step(NamedTuple):
    """A line of the backward: the gradient of `of` = rule(gradients of `upstream`, values of
    `reads`)."""

    of: str
    rule: Callable[..., Array]
    upstream: tuple[str, ...]
    reads: tuple[str, ...] = ()


FORWARD = (
    Value("columns", hand.im2col, ("images", "kernel", "padding")),
    Value("convolved", hand.convolve, ("columns", "kernel")),
    Value("mean", hand.mean, ("convolved",)),
    Value("centred", hand.center, ("convolved", "mean")),
    Value("variance", hand.variance, ("centred",)),
    Value("x_hat", hand.normalize, ("centred", "variance", "eps")),
    Value("normed", hand.scale_and_shift, ("x_hat", "gamma", "beta")),
    Value("rectified", hand.relu, ("normed",)),
    Value("pooled", hand.max_pool, ("rectified",)),
    Value("flat", hand.flatten, ("pooled",)),
    Value("logits", hand.linear, ("flat", "weight", "bias")),
    Value("log_probabilities", hand.log_softmax, ("logits",)),
    Value("loss", hand.cross_entropy, ("log_probabilities", "labels")),
)

STEPS = (
    Step("log_probabilities", hand.d_log_probabilities, ("loss",), ("log_probabilities", "labels")),
    Step("logits", hand.d_logits, ("log_probabilities",), ("log_probabilities",)),
    Step("bias", hand.d_bias, ("logits",)),
    Step("weight", hand.d_weight, ("logits",), ("flat",)),
    Step("flat", hand.d_flat, ("logits",), ("weight",)),
    Step("pooled", hand.d_pooled, ("flat",), ("pooled",)),
    Step("rectified", hand.d_rectified, ("pooled",), ("rectified",)),
    Step("normed", hand.d_normed, ("rectified",), ("normed",)),
    Step("beta", hand.d_beta, ("normed",)),
    Step("gamma", hand.d_gamma, ("normed",), ("x_hat",)),
    Step("x_hat", hand.d_x_hat, ("normed",), ("gamma",)),
    Step("variance", hand.d_variance, ("x_hat",), ("centred", "variance", "eps")),
    Step("centred", hand.d_centred, ("x_hat", "variance"), ("centred", "variance", "eps")),
    Step("mean", hand.d_mean, ("centred",)),
    Step("convolved", hand.d_convolved, ("centred", "mean")),
    Step("kernel", hand.d_kernel, ("convolved",), ("columns", "kernel")),
    Step("columns", hand.d_columns, ("convolved",), ("kernel",)),
    Step("images", hand.d_images, ("columns",), ("images", "kernel", "padding")),
)


def forward(given: Mapping[str, Any]) -> dict[str, Any]:
    """All values of the network by name, "loss" the last.

    Args:
        given: images (N, C, H, W), labels (N,), kernel (F, C, U, V), gamma and beta (F,), weight
            (K, I), bias (K,), padding and eps. A value of FORWARD that is given is not computed:
            so one can ask what the loss would be if it were another.
    """
    values = dict(given)
    for name, function, reads in FORWARD:
        if name not in values:
            values[name] = function(*(values[read] for read in reads))
    return values


def backward(values: Mapping[str, Any], steps: Sequence[Step] = STEPS) -> dict[str, Array]:
    """The gradient of every value by name, from what `forward` returned.

    A sweep back over a tape, written out by hand: it starts from dL/dL = 1.
    """
    gradients: dict[str, Array] = {"loss": np.ones(())}
    for of, rule, upstream, reads in steps:
        gradients[of] = rule(*(gradients[g] for g in upstream), *(values[read] for read in reads))
    return gradients
