"""Functions of one number, and softmax: what stands between two linear maps."""

from __future__ import annotations

from math import pi, sqrt
from typing import Literal

import autograd as ag
from autograd import Tensor
from nn.functional.arguments import expect_axis, in_floats, in_single, number, of_tensors


@of_tensors
def relu(x: Tensor) -> Tensor:
    """max(0, x); the slope at 0 is 0, because the tie goes to the first argument."""
    return ag.maximum(0, x)


@of_tensors
@in_floats
def leaky_relu(x: Tensor, negative_slope: Tensor | float = 0.01) -> Tensor:
    """x above 0, negative_slope * x from 0 down (Maas et al. 2013); so is the slope at 0.

    A negative_slope that is a tensor broadcasts, and has a gradient.
    """
    return ag.where(x > 0, x, number("leaky_relu", "negative_slope", negative_slope, x) * x)


@of_tensors
@in_floats
def elu(x: Tensor, alpha: Tensor | float = 1.0) -> Tensor:
    """x above 0, alpha (e^x - 1) from 0 down (Clevert et al. 2016, eq. 15); so are all derivatives
    at 0.

    An alpha that is a tensor broadcasts, and has a gradient.
    """
    positive = x > 0
    # Where the branch is not taken its argument is 0: e^x would overflow, and inf * 0 is NaN.
    below = ag.expm1(ag.where(positive, 0, x))
    return ag.where(positive, x, number("elu", "alpha", alpha, x) * below)


@of_tensors
@in_floats
def gelu(x: Tensor, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """x Phi(x), with Phi the distribution of N(0, 1) (Hendrycks & Gimpel 2016, section 2).

    Args:
        x: any shape.
        approximate: "none" is x/2 (1 + erf(x / sqrt(2))), "tanh" their approximation
            x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), which is off by at most 5e-4.
    """
    c = ag.clip(x, -40, 40)  # beyond, all of a product is in one factor, and may be inf * 0
    if approximate == "none":
        y = c * (0.5 * ag.erfc(c * -sqrt(0.5)))  # in 1 + erf, and in 1 + tanh, digits would cancel
    elif approximate == "tanh":
        y = c * ag.expit(sqrt(8 / pi) * (c + 0.044715 * (c * c * c)))
    else:
        raise ValueError(f"gelu: approximate '{approximate}' given, none or tanh expected")
    return ag.where(x > 40, x, y)


@of_tensors
@in_floats
def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), without overflow."""
    return ag.expit(x)


@of_tensors
@in_floats
def silu(x: Tensor) -> Tensor:
    """x / (1 + e^-x), also called swish (Elfwing et al. 2018; Ramachandran et al. 2017)."""
    return x * ag.expit(x)


@of_tensors
@in_floats
def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return ag.tanh(x)


@of_tensors
@in_floats
def softplus(x: Tensor, beta: Tensor | float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta x)) / beta, a smooth ReLU; x itself where beta x is above the threshold.

    A beta that is a tensor broadcasts, and has a gradient.
    """
    beta = number("softplus", "beta", beta, x, expected="another number", holds=lambda b: b != 0)
    scaled = beta * x
    linear = scaled > number("softplus", "threshold", threshold)
    return ag.where(linear, x, ag.softplus(scaled) / beta)


@of_tensors
@in_single
def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along one axis, shifted by the maximum so that nothing overflows. The
    slopes are right to the rounding of 1."""
    expect_axis("softmax", x, dim)
    e = ag.exp(x - x.detach().max(axis=dim, keepdims=True))
    return e * (1 / e.sum(axis=dim, keepdims=True))  # to divide once a row, here and in the sweep


@of_tensors
@in_single
def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    """x - log(sum(exp(x))) along one axis, by the shifted log-sum-exp (Blanchard et al. 2021);
    right to the rounding of 1, as are the slopes."""
    expect_axis("log_softmax", x, dim)
    shifted = x - x.detach().max(axis=dim, keepdims=True)
    return shifted - ag.log(ag.exp(shifted).sum(axis=dim, keepdims=True))
