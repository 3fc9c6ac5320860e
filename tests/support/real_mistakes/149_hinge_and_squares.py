"""The multiclass SVM in loops, reg * sum(W^2) in the loss: the gradient has reg * W for it."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/bruceoutdoors/CS231n/issues/9; Error in svm_loss_naive method in linear_svm.py; 2018"
KIND = "regularisation"
FIRST = "W"
CAUSE = "the L2 term's gradient is 2 * reg * W: its 2 is missing"
WORDS = [
    ["reg", "L2", "decay", "penalty", "W**2", "0.05", "2 * W", "of W", "* W"],
    [
        "half",
        "twice",
        "1/2",
        "0.5",
        "2 times",
        "times 2",
        "factor 2",
        "factor of 2",
        "2 * ",
        "* 2",
        "2/n",
        "2/7",
        "square",
        "too little",
        "too small",
        "missing",
        "less",
    ],
]
reg = 0.05


def forward(rng):
    t = {"X": Tensor(rng.standard_normal((6, 5)))}
    t["W"] = Tensor(rng.standard_normal((5, 4)), requires_grad=True)
    y = rng.integers(0, 4, 6)
    t["Y"] = Tensor(np.eye(4)[y])
    t["scores"] = t["X"] @ t["W"]
    correct = (t["scores"] * t["Y"]).sum(axis=1, keepdims=True)
    margins = ag.maximum(t["scores"] - correct + 1, 0.0) * (1 - t["Y"])
    t["loss"] = margins.sum() / 6 + reg * (t["W"] ** 2).sum()
    return t


def backward(t, factor):
    X, W, y = t["X"].data, t["W"].data, t["Y"].data.argmax(axis=1)
    dW, num_train = np.zeros(W.shape), len(X)
    for i in range(num_train):
        scores = X[i].dot(W)
        for j in range(W.shape[1]):
            if j != y[i] and scores[j] - scores[y[i]] + 1 > 0:
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    dW /= num_train
    dW += factor * reg * W
    return {"W": dW}


def gradients(t):
    return backward(t, 1)


def right(t):
    return backward(t, 2)
