"""Scaled attention of one head."""

import numpy as np

MISTAKES = [
    ("dV = weights.T @ dout", "dV = weights @ dout"),
    ("dK = dscores.T @ Q / np.sqrt(d)", "dK = dscores.T @ Q"),
    (
        "dscores = weights * (dweights - np.sum(dweights * weights, axis=1, keepdims=True))",
        "dscores = weights * (1 - weights) * dweights",
    ),
]


def attention(x, Wq, Wk, Wv):
    Q, K, V = x @ Wq, x @ Wk, x @ Wv
    d = Q.shape[1]
    scores = Q @ K.T / np.sqrt(d)
    shifted = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    weights = shifted / np.sum(shifted, axis=1, keepdims=True)
    out = weights @ V
    return out, (x, Wq, Wk, Wv, Q, K, V, weights)


def attention_backward(dout, cache):
    x, Wq, Wk, Wv, Q, K, V, weights = cache
    d = Q.shape[1]
    dV = weights.T @ dout
    dweights = dout @ V.T
    dscores = weights * (dweights - np.sum(dweights * weights, axis=1, keepdims=True))
    dQ = dscores @ K / np.sqrt(d)
    dK = dscores.T @ Q / np.sqrt(d)
    dx = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    return dx, x.T @ dQ, x.T @ dK, x.T @ dV


def case(rng):
    shapes = [(4, 3), (3, 5), (3, 5), (3, 5)]
    return attention, attention_backward, *(rng.standard_normal(s) for s in shapes)
