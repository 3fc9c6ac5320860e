"""CBOW with negative sampling, the hidden vector being the mean of the context vectors.
The error of the mean is added to every context vector whole, not divided by their number."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = (
    "https://github.com/piskvorky/gensim/issues/1873; Is this a bug in the code or my "
    "misunderstanding?; 2018"
)
KIND = "scale"
FIRST = "syn0"
CAUSE = "the hidden vector is a mean of 3 words: each of them gets 1/3 of the error, not all of it"
WORDS = [["mean", "divided", "1/3", "3 times", "average"]]

CONTEXT = np.array([[0, 2, 5], [1, 3, 4], [6, 0, 1], [2, 2, 7]])
WORD = np.array([[1, 4, 6], [0, 5, 2], [3, 7, 4], [5, 1, 0]])  # the word itself, then two negatives
LABEL = np.array([1.0, 0.0, 0.0])


def forward(rng):
    syn0 = Tensor(rng.standard_normal((8, 5)), requires_grad=True)
    syn1neg = Tensor(rng.standard_normal((8, 5)), requires_grad=True)
    l1 = syn0[CONTEXT].mean(axis=1)
    f = (syn1neg[WORD] * l1.reshape(4, 1, 5)).sum(axis=2)
    loss = (ag.softplus(f) - Tensor(LABEL) * f).sum()
    return {"syn0": syn0, "syn1neg": syn1neg, "l1": l1, "f": f, "loss": loss}


def gradients(t):
    l1 = t["l1"].data
    g = 1 / (1 + np.exp(-t["f"].data)) - LABEL
    neu1e = np.zeros((4, 5))
    dsyn1neg, dsyn0 = np.zeros((8, 5)), np.zeros((8, 5))
    for n in range(4):
        for k in range(3):
            neu1e[n] += g[n, k] * t["syn1neg"].data[WORD[n, k]]
            dsyn1neg[WORD[n, k]] += g[n, k] * l1[n]
        for word in CONTEXT[n]:
            dsyn0[word] += neu1e[n]
    return {"f": g, "l1": neu1e, "syn1neg": dsyn1neg, "syn0": dsyn0}


def right(t):
    g = gradients(t)
    return {**g, "syn0": g["syn0"] / CONTEXT.shape[1]}
