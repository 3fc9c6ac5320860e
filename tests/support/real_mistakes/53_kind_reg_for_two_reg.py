"""A linear SVM of an assignment, loops, with reg * sum(W * W). The gradient of the penalty is
reg * W; the 2 of the square is missing."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/jingtinghuang/CS231n-Spring-2017/issues/3; Missing factor of 2 in gradient of L2 regularization; 2018"
KIND = "regularisation"
FIRST = "W"
CAUSE = "2 * reg * W is the gradient of reg * W**2: the 2 is missing"
WORDS = [
    ["l2", "regular", "penalty", "decay", "reg *", "term"],
    ["2 *", "half", "1/2", "0.5", "twice", "factor", "times what"],
]
REG = 0.4


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((7, 4))), "y": ag.Tensor(rng.integers(0, 3, 7))}
    t["W"] = ag.Tensor(rng.standard_normal((4, 3)), requires_grad=True)
    t["scores"] = t["X"] @ t["W"]
    y = t["y"].data
    correct = t["scores"][np.arange(7), y].reshape(7, 1)
    margins = ag.maximum(0, t["scores"] - correct + 1) * (np.arange(3)[None] != y[:, None])
    t["loss"] = margins.sum() / 7 + REG * (t["W"] * t["W"]).sum()
    return t


def gradients(t, mended=False):
    X, y, W, scores = (t[n].data for n in ("X", "y", "W", "scores"))
    dW = np.zeros(W.shape)
    for i in range(7):
        for j in range(3):
            if j != y[i] and scores[i, j] - scores[i, y[i]] + 1 > 0:
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    dW /= 7
    dW += (2 if mended else 1) * REG * W
    return dict(W=dW)


def right(t):
    return gradients(t, mended=True)
