"""Batch normalisation without scale and shift over images and places (N, C, L), then tanh and squared error.
Right: Caffe's short formula, made of the output alone; a reader missed the term with the mean of the output, which is 0."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/BVLC/caffe/issues/4110; BatchNormLayer backward; 2016"
KIND = "norm"
FIRST = None
CAUSE = None
WORDS = None
EPS = 1e-5


def forward(rng):
    x = ag.Tensor(rng.standard_normal((4, 3, 5)) * 2 + 1, requires_grad=True)
    target = ag.Tensor(rng.standard_normal((4, 3, 5)))
    mean = x.mean(axis=(0, 2), keepdims=True)
    var = ((x - mean) ** 2).mean(axis=(0, 2), keepdims=True)
    top = (x - mean) / ag.sqrt(var + EPS)
    a = ag.tanh(top)
    loss = ((a - target) ** 2).sum() / 4
    return dict(x=x, target=target, var=var, top=top, a=a, loss=loss)


def gradients(t):
    a, y, var = t["a"].data, t["top"].data, t["var"].data
    da = 2 * (a - t["target"].data) / 4
    top_diff = da * (1 - a * a)

    def spread(values):  # its mean for each channel, at every place again
        channels = values.transpose(1, 0, 2).reshape(values.shape[1], -1)
        return channels.mean(axis=1)[None, :, None] * np.ones_like(values)

    bottom_diff = spread(top_diff * y)
    bottom_diff *= y
    bottom_diff += spread(top_diff)
    bottom_diff *= -1
    bottom_diff += top_diff
    bottom_diff /= np.sqrt(var + EPS)
    return dict(a=da, top=top_diff, x=bottom_diff)


right = gradients
