"""The layers as functions: forward compositions of autograd ops, and nothing else.

Images are (N, C, H, W): batch, channels, height, width. Convolution keeps them in memory as
(C, H, W, N): the numbers of a batch side by side, so that every shift of a window is a copy of long
runs, and a convolution is one matrix product with no transpose before or after.
"""

from nn.functional.activations import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from nn.functional.arguments import Length, Lengths, Pair, Reduction, pair
from nn.functional.classification import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    nll_loss,
)
from nn.functional.convolution import conv1d, conv2d
from nn.functional.linear_maps import embedding, linear
from nn.functional.noise import dropout
from nn.functional.normalization import batch_norm, group_norm, layer_norm
from nn.functional.pooling import (
    adaptive_avg_pool2d,
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from nn.functional.regression import huber_loss, l1_loss, mse_loss, smooth_l1_loss
from nn.functional.shaping import flatten

__all__ = [
    "Length",
    "Lengths",
    "Pair",
    "Reduction",
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "flatten",
    "gelu",
    "group_norm",
    "huber_loss",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool1d",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "pair",
    "relu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]
