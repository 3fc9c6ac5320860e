"""Right: a convolution by im2col, its backward by col2im, as in a book."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: im2col", "right", None


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((3, 4, 3, 4)))}
    t["x"] = ag.Tensor(rng.standard_normal((3, 2, 4, 6)), requires_grad=True)
    t["W"] = ag.Tensor(rng.standard_normal((4, 2, 2, 3)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    windows = ag.sliding_windows(t["x"], (2, 3), (1, 1), (1, 1))
    t["col"] = windows.transpose(0, 2, 3, 1, 4, 5).reshape(36, 12)
    t["out2d"] = t["col"] @ t["W"].reshape(4, 12).T + t["b"]
    t["out"] = t["out2d"].reshape(3, 3, 4, 4).transpose(0, 3, 1, 2)
    t["loss"] = ((t["out"] - t["target"]) ** 2).mean()
    return t


def gradients(t):
    dout = 2 * (t["out"].data - t["target"].data) / t["out"].data.size
    dout2d = dout.transpose(0, 2, 3, 1).reshape(-1, 4)
    db = np.sum(dout2d, axis=0)
    dW = np.dot(t["col"].data.T, dout2d).transpose(1, 0).reshape(4, 2, 2, 3)
    dcol = np.dot(dout2d, t["W"].data.reshape(4, -1))
    col = dcol.reshape(3, 3, 4, 2, 2, 3).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((3, 2, 4, 6))
    for y in range(2):
        for x in range(3):
            img[:, :, y : y + 3, x : x + 4] += col[:, :, y, x, :, :]
    return dict(out=dout, out2d=dout2d, b=db, W=dW, col=dcol, x=img)
