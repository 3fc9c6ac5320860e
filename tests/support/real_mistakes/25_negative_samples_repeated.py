"""word2vec with negative samples, of which some words come twice. U[samples] += ... counts a word
that is sampled twice only once."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/ZacBi/CS224n-2019-solutions/issues/5; Is it wrong at line 147 of word2vec.py, assigment 2?; 2019"
KIND = "indexing"
FIRST = "U"
CAUSE = "a sample that comes twice must be counted twice: np.add.at for grad[idx] += g"
WORDS = [["repeat", "twice", "add.at", "duplicate", "same index", "overwritten", "several", "once"]]


def forward(rng):
    t = {"negative": ag.Tensor(np.array([4, 2, 4, 1, 2]))}
    t["v"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["U"] = ag.Tensor(rng.standard_normal((6, 3)), requires_grad=True)
    t["u_o"] = t["U"][0]
    t["u_k"] = t["U"][t["negative"].data]
    t["loss"] = (
        -ag.log(ag.expit((t["u_o"] * t["v"]).sum())) - ag.log(ag.expit(-(t["u_k"] @ t["v"]))).sum()
    )
    return t


def gradients(t, mended=False):
    v, U, idx = t["v"].data, t["U"].data, t["negative"].data
    y = 1 / (1 + np.exp(-np.dot(U[0], v)))
    z = 1 / (1 + np.exp(np.dot(U[idx], v)))
    grad_center = (y - 1) * U[0] + np.dot(U[idx].T, 1 - z)
    grad_outside = np.zeros_like(U)
    grad_outside[0] += (y - 1) * v
    if mended:
        np.add.at(grad_outside, idx, np.outer(1 - z, v))
    else:
        grad_outside[idx] += np.outer(1 - z, v)
    return dict(v=grad_center, U=grad_outside)


def right(t):
    return gradients(t, mended=True)
