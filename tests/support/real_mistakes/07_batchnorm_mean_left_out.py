"""Batch normalisation of images in one formula. Of the two terms by which all of a channel act on
each other, that of the variance is there, and that of the mean is not."""

import autograd as ag

SOURCE = "https://github.com/BVLC/caffe/pull/1891; Added batchnorm layer with tests (review: misses the second part of the derivative over the mean); 2015"
KIND = "norm"
FIRST = "bottom"
CAUSE = "the mean depends on x too: minus the mean of dy over the channel is missing"
WORDS = [["mean"], ["term", "missing", "forgotten", "constant", "centred", "ignored"]]


def forward(rng):
    t = {"weights": ag.Tensor(rng.standard_normal((4, 2, 3, 5)))}
    t["bottom"] = ag.Tensor(rng.standard_normal((4, 2, 3, 5)), requires_grad=True)
    centred = t["bottom"] - t["bottom"].mean(axis=(0, 2, 3), keepdims=True)
    t["std"] = ag.sqrt((centred**2).mean(axis=(0, 2, 3), keepdims=True) + 1e-5)
    t["top"] = centred / t["std"]
    t["loss"] = (t["weights"] * t["top"] + 0.1 * t["top"] ** 3).sum()
    return t


def gradients(t, mended=False):
    y, axes = t["top"].data, (0, 2, 3)
    top_diff = t["weights"].data + 0.3 * y**2
    bottom_diff = (top_diff * y).mean(axis=axes, keepdims=True) * y
    if mended:
        bottom_diff = bottom_diff + top_diff.mean(axis=axes, keepdims=True)
    bottom_diff = (top_diff - bottom_diff) / t["std"].data
    return dict(top=top_diff, bottom=bottom_diff)


def right(t):
    return gradients(t, mended=True)
