"""Max pooling by mask = (window == max) of small integers, so that there are ties: each of the
largest gets the whole of the gradient."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/apache/mxnet/issues/18563; The gradient of a tensor whose elements are all the same is wrong when the tensor pass to nd.max; 2020"
KIND = "pooling"
FIRST = "x"
CAUSE = "all that tie get the whole gradient: one of them, or equal parts"
WORDS = [["tie", "equal", "several", "all that", "all of"]]


def forward(rng):
    x = rng.integers(0, 3, (3, 8, 4)) * 1.0
    x[0, 0:2] = 2.0
    t = {"x": ag.Tensor(x, requires_grad=True), "target": ag.Tensor(rng.standard_normal((3, 4, 4)))}
    t["y"] = t["x"].reshape(3, 4, 2, 4).max(axis=2)
    t["loss"] = ((t["y"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    x = t["x"].data.reshape(3, 4, 2, 4)
    dy = 2 * (t["y"].data - t["target"].data)
    mask = (x == x.max(axis=2, keepdims=True)) * 1.0
    if mended:
        mask = np.eye(2)[x.argmax(axis=2)].transpose(0, 1, 3, 2)
    return dict(y=dy, x=(mask * dy[:, :, None]).reshape(3, 8, 4))


def right(t):
    return gradients(t, mended=True)
