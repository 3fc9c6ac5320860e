"""Max pooling by a generator of patches. The return stands one level too deep: after the first patch
the loop is left, and all other gradients stay 0."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/riccardoandreoni0/CNN-from-scratch/issues/1; MaxPoolingLayer back_prop return incorrectly indented; 2023"
KIND = "pooling"
FIRST = "image"
CAUSE = "only the first window was done: the loop returns too early"
WORDS = [["first", "window", "only", "index 0", "zero", "left out", "rest", "missing", "return"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((3, 2, 3)))}
    t["image"] = ag.Tensor(rng.standard_normal((6, 4, 3)), requires_grad=True)
    t["output"] = t["image"].reshape(3, 2, 2, 2, 3).max(axis=(1, 3))
    t["loss"] = ((t["output"] - t["target"]) ** 2).sum()
    return t


def patches(image):
    for h in range(3):
        for w in range(2):
            yield image[2 * h : 2 * h + 2, 2 * w : 2 * w + 2], h, w


def back_prop(dE_dY, image, mended):
    dE_dk = np.zeros(image.shape)
    for patch, h, w in patches(image):
        for k in range(3):
            i, j = np.unravel_index(np.argmax(patch[..., k]), (2, 2))
            dE_dk[h * 2 + i, w * 2 + j, k] = dE_dY[h, w, k]
        if not mended:
            return dE_dk
    return dE_dk


def gradients(t, mended=False):
    dE_dY = 2 * (t["output"].data - t["target"].data)
    return dict(output=dE_dY, image=back_prop(dE_dY, t["image"].data, mended))


def right(t):
    return gradients(t, mended=True)
