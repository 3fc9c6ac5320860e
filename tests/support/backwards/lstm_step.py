"""One step of an LSTM, whose state arrives and goes on in two gradients."""

import numpy as np

MISTAKES = [
    (
        "dc = dnext_c + dnext_h * o * (1 - np.tanh(next_c) ** 2)",
        "dc = dnext_h * o * (1 - np.tanh(next_c) ** 2)",
    ),
    ("dc = dnext_c + dnext_h * o * (1 - np.tanh(next_c) ** 2)", "dc = dnext_c"),
    (
        "dc = dnext_c + dnext_h * o * (1 - np.tanh(next_c) ** 2)",
        "dc = dnext_c + dnext_h * o * (1 - next_c**2)",
    ),
    ("df = dc * prev_c", "df = dc * next_c"),
    ("dprev_c = dc * f", "dprev_c = dc * i"),
    ("dWh = prev_h.T.dot(da)", "dWh = prev_h.T.dot(da) * 0.5"),
]


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    do = dnext_h * np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - np.tanh(next_c) ** 2)
    di = dc * g
    df = dc * prev_c
    dg = dc * i
    dprev_c = dc * f
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def case(rng):
    shapes = [(3, 4), (3, 5), (3, 5), (4, 20), (5, 20), (20,)]
    return lstm_step_forward, lstm_step_backward, *(rng.standard_normal(s) for s in shapes)
