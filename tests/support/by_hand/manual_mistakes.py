"""What goes wrong in the derivation by hand: for each of its steps, steps that are nearly right.

Most are what the docstrings of manual_derivations.py warn of. `planted` puts one into the backward,
and what comes after it computes on with what it returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from support.by_hand import manual_derivations as hand
from support.by_hand.manual_derivations import PER_CHANNEL
from support.by_hand.manual_network import STEPS, Step

Array = NDArray[Any]

_RIGHT = {step.of: step for step in STEPS}


class Mistake(NamedTuple):
    """What is wrong, in words, and the step that is wrong."""

    kind: str
    step: Step

    def __str__(self) -> str:
        return f"{self.step.of}: {self.kind}"


def planted(mistake: Mistake) -> tuple[Step, ...]:
    """STEPS with the mistaken step in the place of the right one."""
    return tuple(mistake.step if step.of == mistake.step.of else step for step in STEPS)


def _mistake(of: str, kind: str, rule: Callable[..., Any], *reads: str) -> Mistake:
    """A rule that gets what the right one gets, or in place of its values those in `reads`."""
    right = _RIGHT[of]
    return Mistake(kind, right._replace(rule=rule, reads=reads or right.reads))


def _returning(of: str, kind: str, change: Callable[[Array], Array]) -> Mistake:
    """The right result, changed."""
    right = _RIGHT[of].rule
    return _mistake(of, kind, lambda *args: change(right(*args)))


def _scaled(of: str, kind: str, factor: float) -> Mistake:
    return _returning(of, kind, lambda gradient: gradient * factor)


def _sum(g: Array) -> Array:
    return g.sum(axis=PER_CHANNEL, keepdims=True)


def _row_sum(g: Array) -> Array:
    return g.sum(axis=1, keepdims=True)


def _at_all_maxima(g: Array, rectified: Array) -> Array:
    whole = np.ones((2, 2))
    return np.kron(g, whole) * (rectified == np.kron(hand.max_pool(rectified), whole))


def _shared_by_maxima(g: Array, rectified: Array) -> Array:
    whole = np.ones((2, 2))
    at = rectified == np.kron(hand.max_pool(rectified), whole)
    n, c, h, w = at.shape
    tied = at.reshape(n, c, h // 2, 2, w // 2, 2).sum(axis=(3, 5))
    return np.kron(g / tied, whole) * at


def _at_last_maximum(g: Array, rectified: Array) -> Array:
    turned = hand.d_rectified(g[..., ::-1, ::-1], rectified[..., ::-1, ::-1])
    return turned[..., ::-1, ::-1]


def _scattered(
    g: Array, images: Array, kernel: Array, padding: int, *, add: bool = True, cut: int = 1
) -> Array:
    """`d_images`, with `=` for `+=` unless `add`, cut off at `cut` paddings from the first edge."""
    (n, c, h, w), (u, v) = images.shape, kernel.shape[2:]
    taps = g.reshape(*g.shape[:3], c, u, v)
    padded = np.zeros((n, c, h + 2 * padding, w + 2 * padding))
    for i, j in np.ndindex(u, v):
        target = padded[:, :, i : i + g.shape[1], j : j + g.shape[2]]
        target[...] = add * target + np.moveaxis(taps[..., i, j], -1, 1)
    return padded[:, :, cut * padding :, cut * padding :][:, :, :h, :w]


def _with_padding(g: Array, images: Array, kernel: Array, padding: int) -> Array:
    edge = (padding, padding)
    return hand.d_images(g, np.pad(images, ((0, 0), (0, 0), edge, edge)), kernel, 0)


def _flipped_taps(g: Array, images: Array, kernel: Array, padding: int) -> Array:
    return hand.d_images(g[..., ::-1], images, kernel, padding)  # one channel: its taps alone


# What another may do as well: where slopes divide, compare lets it pass.
CHOICES = (
    _mistake("rectified", "to the last that ties", _at_last_maximum),
    _mistake("rectified", "in equal parts to all that tie", _shared_by_maxima),
    _mistake("normed", ">= for >", lambda g, x: g * (x >= 0)),
    _mistake("normed", "half of g at 0", lambda g, x: g * (np.sign(x) + 1) / 2),
)

MISTAKES = (
    _mistake(
        "log_probabilities",
        "a sum for the mean",
        lambda g, logs, labels: hand.d_log_probabilities(g * len(labels), logs, labels),
    ),
    _mistake(
        "log_probabilities",
        "the number of classes for N",
        lambda g, logs, labels: (
            hand.d_log_probabilities(g, logs, labels) * len(labels) / logs.shape[1]
        ),
    ),
    _mistake(
        "log_probabilities",
        "at the class after the label",
        lambda g, logs, labels: hand.d_log_probabilities(g, logs, (labels + 1) % logs.shape[1]),
    ),
    _scaled("log_probabilities", "the sign", -1),
    _mistake("logits", "no -1 at the label", lambda g, logs: -np.exp(logs) * _row_sum(g)),
    _mistake("logits", "-1 in the whole row", lambda g, logs: (1 - np.exp(logs)) * _row_sum(g)),
    _mistake(
        "logits",
        "-1 after the division by N",
        lambda g, logs: g * len(g) - np.exp(logs) * _row_sum(g),
    ),
    _mistake("logits", "softmax taken as elementwise", lambda g, logs: g - np.exp(logs) * g),
    _mistake("logits", "logarithms for probabilities", lambda g, logs: g - logs * _row_sum(g)),
    _scaled("logits", "the sign", -1),
    _mistake("bias", "not summed", lambda g: g),
    _mistake("bias", "a mean for the sum", lambda g: g.mean(axis=0)),
    _mistake("bias", "summed over the classes", lambda g: g.sum(axis=1)),
    _scaled("bias", "the sign", -1),
    _returning("weight", "transposed", np.transpose),
    _mistake("weight", "a mean over the batch", lambda g, flat: g.T @ flat / len(g)),
    _mistake("weight", "of the last image only", lambda g, flat: g[-1:].T @ flat[-1:]),
    _mistake("weight", "another image's features", lambda g, flat: g.T @ np.roll(flat, 1, axis=0)),
    _scaled("weight", "added twice", 2),
    _mistake("flat", "one class left out", lambda g, weight: g[:, :-1] @ weight[:-1]),
    _mistake("flat", "classes in reverse", lambda g, weight: g[:, ::-1] @ weight),
    _scaled("flat", "the sign", -1),
    _mistake(
        "pooled",
        "channels last",
        lambda g, x: np.moveaxis(g.reshape(len(g), *x.shape[2:], x.shape[1]), -1, 1),
    ),
    _returning("pooled", "height and width exchanged", lambda g: g.swapaxes(2, 3)),
    _returning("pooled", "images in reverse", lambda g: g[::-1]),
    _mistake("rectified", "to all that tie", _at_all_maxima),
    _mistake("rectified", "a mean", lambda g, x: np.kron(g, np.full((2, 2), 1 / 4))),
    _mistake("rectified", "to the smallest", lambda g, x: hand.d_rectified(g, -x)),
    _mistake("normed", "no mask", lambda g, x: g),
    _mistake("normed", "the gradient's mask", lambda g, x: g * (g > 0)),
    _mistake("normed", "the other half", lambda g, x: g * (x < 0)),
    _mistake("normed", "times the output", lambda g, x: g * np.maximum(x, 0)),
    _mistake("beta", "summed over the batch only", lambda g: g.sum(axis=0)),
    _mistake("beta", "a mean for the sum", lambda g: g.mean(axis=PER_CHANNEL)),
    _mistake("beta", "without the last image", lambda g: g[:-1].sum(axis=PER_CHANNEL)),
    _scaled("beta", "the sign", -1),
    _mistake("gamma", "not yet normalised", hand.d_gamma, "centred"),
    _mistake("gamma", "what came in", hand.d_gamma, "convolved"),
    _mistake("gamma", "no x-hat", lambda g, x_hat: g.sum(axis=PER_CHANNEL)),
    _mistake("gamma", "summed over the batch only", lambda g, x_hat: (g * x_hat).sum(axis=0)),
    _mistake("x_hat", "no gamma", lambda g, gamma: g),
    _mistake("x_hat", "beta for gamma", hand.d_x_hat, "beta"),
    _mistake("x_hat", "channels off by one", lambda g, gamma: hand.d_x_hat(g, np.roll(gamma, 1))),
    _scaled("x_hat", "the sign", -1),
    _mistake(
        "variance",
        "the power -1/2",
        lambda g, c, v, eps: -0.5 * (v + eps) ** -0.5 * _sum(g * c),
    ),
    _mistake("variance", "no eps", lambda g, c, v, eps: hand.d_variance(g, c, v, 0)),
    _mistake(
        "variance",
        "not centred",
        hand.d_variance,
        *("convolved", "variance", "eps"),
    ),
    _scaled("variance", "no 1/2", 2),
    _scaled("variance", "the sign", -1),
    _mistake("centred", "the variance a constant", lambda g, gv, c, v, eps: g / np.sqrt(v + eps)),
    _mistake(
        "centred",
        "no 1/M",
        lambda g, gv, c, v, eps: hand.d_centred(g, gv * (c.size // v.size), c, v, eps),
    ),
    _mistake(
        "centred",
        "M - 1 for M",
        lambda g, gv, c, v, eps: hand.d_centred(g, gv * c.size / (c.size - v.size), c, v, eps),
    ),
    _mistake("centred", "no 2", lambda g, gv, c, v, eps: hand.d_centred(g, gv / 2, c, v, eps)),
    _mistake("centred", "no eps", lambda g, gv, c, v, eps: hand.d_centred(g, gv, c, v, 0)),
    _mistake("centred", "minus", lambda g, gv, c, v, eps: hand.d_centred(g, -gv, c, v, eps)),
    _scaled("mean", "the sign", -1),
    _mistake("mean", "a mean for the sum", lambda g: -g.mean(axis=PER_CHANNEL, keepdims=True)),
    _mistake("mean", "summed over all channels", lambda g: np.full_like(_sum(g), -g.sum())),
    _mistake("convolved", "the mean a constant", lambda g, gm: g),
    _mistake("convolved", "no 1/M", lambda g, gm: g + gm),
    _mistake("convolved", "the batch size for M", lambda g, gm: g + gm / len(g)),
    _mistake("convolved", "minus", lambda g, gm: hand.d_convolved(g, -gm)),
    _mistake(
        "kernel",
        "reshaped, not moved",
        lambda g, columns, kernel: (
            g.reshape(-1, len(kernel)).T @ columns.reshape(-1, kernel[0].size)
        ).reshape(kernel.shape),
    ),
    _mistake(
        "kernel",
        "a mean over the places",
        lambda g, columns, kernel: hand.d_kernel(g, columns, kernel) / (g.size // len(kernel)),
    ),
    _mistake(
        "kernel",
        "of the last image only",
        lambda g, columns, kernel: hand.d_kernel(g[-1:], columns[-1:], kernel),
    ),
    _returning("kernel", "flipped", lambda g: g[..., ::-1, ::-1]),
    _returning("kernel", "taps transposed", lambda g: g.swapaxes(2, 3)),
    _mistake(
        "columns",
        "the kernel scrambled",
        lambda g, kernel: np.moveaxis(g, 1, -1) @ kernel.reshape(-1, len(kernel)).T,
    ),
    _mistake(
        "columns",
        "the kernel flipped",
        lambda g, kernel: hand.d_columns(g, kernel[..., ::-1, ::-1]),
    ),
    _mistake(
        "columns", "one filter left out", lambda g, kernel: hand.d_columns(g[:, :-1], kernel[:-1])
    ),
    _scaled("columns", "the sign", -1),
    _mistake("images", "= for +=", lambda *args: _scattered(*args, add=False)),
    _mistake("images", "padding cut off at one edge", lambda *args: _scattered(*args, cut=2)),
    _mistake("images", "padding left on", _with_padding),
    _mistake("images", "taps flipped", _flipped_taps),
    _scaled("images", "added twice", 2),
)
