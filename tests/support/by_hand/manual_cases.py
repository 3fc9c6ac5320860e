"""Networks, images and the tape that the derivation by hand is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from support.by_hand.manual_network import STEPS, Step, backward, forward

import autograd as ag
import nn
from autograd import Tensor, compare
from autograd.checking import Comparison
from mnist.models import basic
from nn import functional as F

Array = NDArray[Any]
Generator = np.random.Generator

PARAMETERS = {
    "kernel": "0.weight",
    "gamma": "1.weight",
    "beta": "1.bias",
    "weight": "5.weight",
    "bias": "5.bias",
}
OUTPUTS = ["convolved", "normed", "rectified", "pooled", "flat", "logits"]  # of the six modules


def noise(rng: Generator, n: int) -> Array:
    return rng.standard_normal((n, 1, 28, 28))


def digits(rng: Generator, n: int) -> Array:
    """Noise on an empty background, where all windows see the same, and tie."""
    images = np.zeros((n, 1, 28, 28))
    images[:, :, 6:21, 7:22] = rng.random((n, 1, 15, 15))
    return images


def tiles(rng: Generator, n: int) -> Array:
    """Three grey levels in tiles of 4 x 4: within a tile, windows tie above 0 too."""
    return rng.integers(0, 3, (n, 1, 7, 7)).repeat(4, 2).repeat(4, 3) / 2


def blank(rng: Generator, n: int) -> Array:
    """No variance, and where beta is 0, a ReLU at 0 exactly."""
    return np.zeros((n, 1, 28, 28))


IMAGES = [noise, digits, tiles, blank]


def network(rng: Generator) -> nn.Sequential:
    """The basic CNN in float64, its normalisation no longer at gamma = 1, beta = 0."""
    model = basic(rng).to(np.float64)
    parameters = dict(model.named_parameters())
    gamma, beta = parameters[PARAMETERS["gamma"]], parameters[PARAMETERS["beta"]]
    gamma.data = rng.uniform(0.5, 1.5, gamma.shape)
    beta.data = rng.uniform(-0.5, 0.5, beta.shape)
    beta.data[:4] = 0
    return model


def given(model: nn.Sequential, images: Array, labels: Array) -> dict[str, Any]:
    parameters = dict(model.named_parameters())
    convolution, normalization = model[0], model[1]
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(normalization, nn.BatchNorm2d)
    return {
        "images": images,
        "labels": labels,
        "padding": convolution.padding,
        "eps": normalization.eps,
        **{name: parameters[theirs].data for name, theirs in PARAMETERS.items()},
    }


def case(rng: Generator, images_of: Any, n: int) -> tuple[nn.Sequential, dict[str, Any]]:
    """A network, and all that the derivation by hand starts from."""
    model = network(rng)
    if images_of is tiles:
        # In eighths, sums over images of few levels are exact in whatever order: what ties here,
        # ties in every engine. (With random images, so few weights make sums of equal terms in
        # another order, and rounding says which is the largest.)
        kernel = dict(model.named_parameters())[PARAMETERS["kernel"]]
        kernel.data = np.round(kernel.data * 8) / 8
    return model, given(model, images_of(rng, n), rng.integers(0, 10, n))


def on_the_tape(inputs: dict[str, Any]) -> dict[str, Tensor]:
    """The same network of autograd's ops, each of its values a tensor that keeps its gradient."""
    t = {
        name: Tensor(value, requires_grad=True)
        for name, value in inputs.items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
    }
    kernel, p, channel = t["kernel"], inputs["padding"], (slice(None), None, None)
    padded = ag.pad(t["images"], ((0, 0), (0, 0), (p, p), (p, p)))
    windows = ag.sliding_windows(padded, kernel.shape[2:], (1, 1), (1, 1))
    n, c, h, w, u, v = windows.shape
    t["columns"] = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * u * v)
    rows = t["columns"] @ kernel.reshape(len(kernel), -1).T
    t["convolved"] = rows.transpose(0, 3, 1, 2)
    t["mean"] = t["convolved"].mean(axis=(0, 2, 3), keepdims=True)
    t["centred"] = t["convolved"] - t["mean"]
    t["variance"] = (t["centred"] ** 2).mean(axis=(0, 2, 3), keepdims=True)
    t["x_hat"] = t["centred"] / ag.sqrt(t["variance"] + inputs["eps"])
    t["normed"] = t["x_hat"] * t["gamma"][channel] + t["beta"][channel]
    t["rectified"] = F.relu(t["normed"])
    t["pooled"] = F.max_pool2d(t["rectified"], 2)
    t["flat"] = t["pooled"].reshape(n, -1)
    t["logits"] = F.linear(t["flat"], t["weight"], t["bias"])
    t["log_probabilities"] = F.log_softmax(t["logits"])
    t["loss"] = F.nll_loss(t["log_probabilities"], inputs["labels"])
    for tensor in t.values():
        tensor.retain_grad()
    return t


def with_kinks(rng: Generator) -> dict[str, Any]:
    """Three images whose maxima tie; in the first channel, all ReLUs stand at 0 exactly.

    A corner of 14 x 14 of each: there are many mistakes, and each is looked into.
    """
    _, inputs = case(rng, digits, 3)
    inputs["gamma"][0] = inputs["beta"][0] = 0
    inputs["images"] = inputs["images"][:, :, :14, :14]
    inputs["weight"] = rng.standard_normal((10, 16 * 7 * 7)) / 28
    return inputs


def compared(inputs: dict[str, Any], steps: Sequence[Step] = STEPS) -> Comparison:
    tape = on_the_tape(inputs)
    gradients = backward(forward(inputs), steps)
    return compare(tape["loss"], **{name: (tape[name], gradients[name]) for name in gradients})
