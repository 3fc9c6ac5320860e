"""A vanilla RNN over sequences: step functions, a buffer for all hidden states, a list of caches."""

import numpy as np

MISTAKES = [
    ("dnext_h = dh[:, t, :] + dprev_h", "dnext_h = dh[:, t, :]"),
    ("dnext_h = dh[:, t, :] + dprev_h", "dnext_h = dprev_h"),
    ("dtanh = dnext_h * (1 - next_h**2)", "dtanh = dnext_h * (1 - next_h)"),
    ("dWh += dWh_t", "dWh = dWh_t"),
    ("dWx = x.T.dot(dtanh)", "dWx = x.T.dot(dnext_h)"),
    ("dh0 = dprev_h", "dh0 = dnext_h"),
]


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dtanh = dnext_h * (1 - next_h**2)
    dx = dtanh.dot(Wx.T)
    dprev_h = dtanh.dot(Wh.T)
    dWx = x.T.dot(dtanh)
    dWh = prev_h.T.dot(dtanh)
    db = np.sum(dtanh, axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H))
    cache = []
    prev_h = h0
    for t in range(T):
        next_h, cache_t = rnn_step_forward(x[:, t, :], prev_h, Wx, Wh, b)
        h[:, t, :] = next_h
        prev_h = next_h
        cache.append(cache_t)
    return h, cache


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx, dWh, db = np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    dprev_h = np.zeros((N, H))
    for t in reversed(range(T)):
        dnext_h = dh[:, t, :] + dprev_h
        dx[:, t, :], dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dnext_h, cache[t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


def case(rng):
    shapes = [(2, 4, 3), (2, 5), (3, 5), (5, 5), (5,)]
    return rnn_forward, rnn_backward, *(0.7 * rng.standard_normal(s) for s in shapes)
