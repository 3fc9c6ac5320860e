"""Batch normalisation with its gradient in one formula; parameters and results in dicts."""

import numpy as np

MISTAKES = [
    (
        'grads["gamma"] = np.sum(dout * x_hat, axis=0)',
        'grads["gamma"] = np.sum(dout * cache["x"], axis=0)',
    ),
    ("dx -= x_hat * np.sum(dx_hat * x_hat, axis=0)", "dx -= np.sum(dx_hat * x_hat, axis=0)"),
    ('dx_hat = dout * cache["gamma"]', "dx_hat = dout"),
]
# Judged when it is whole.
LINES = {1: 'dx /= N * cache["std"]'}


def forward(x, params):
    mean = x.mean(axis=0)
    std = np.sqrt(x.var(axis=0) + 1e-5)
    x_hat = (x - mean) / std
    out = params["gamma"] * x_hat + params["beta"]
    cache = {"x": x, "x_hat": x_hat, "std": std, "gamma": params["gamma"]}
    return out, cache


def backward(dout, cache):
    grads = {}
    x_hat = cache["x_hat"]
    N = dout.shape[0]
    grads["beta"] = np.sum(dout, axis=0)
    grads["gamma"] = np.sum(dout * x_hat, axis=0)
    dx_hat = dout * cache["gamma"]
    dx = N * dx_hat
    dx -= np.sum(dx_hat, axis=0)
    dx -= x_hat * np.sum(dx_hat * x_hat, axis=0)
    dx /= N * cache["std"]
    grads["x"] = dx
    return grads


def case(rng):
    params = {"gamma": rng.uniform(0.5, 2, 4), "beta": rng.standard_normal(4)}
    return forward, backward, rng.standard_normal((6, 4)) * 2, params
