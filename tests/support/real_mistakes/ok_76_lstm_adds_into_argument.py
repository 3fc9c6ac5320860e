"""An LSTM with all gates in one matrix (order i, f, o, g), batch in rows, two steps, the loss on every hidden state.
Right: the step's backward adds into the dnext_c that it was given, which a reader took for a mistake; the cell has two ways to the loss."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/cthorey/CS231/issues/1; lstm_step_backward line# 343 += is mistake or intend?; 2016"
KIND = "recurrence"
FIRST = None
CAUSE = None
WORDS = None


def forward(rng):
    N, D, H = 4, 2, 3
    x = rng.standard_normal((2, N, D))
    t = dict(x1=ag.Tensor(x[0], requires_grad=True), x2=ag.Tensor(x[1], requires_grad=True))
    for name, shape in dict(h0=(N, H), Wx=(D, 4 * H), Wh=(H, 4 * H), b=(4 * H,)).items():
        t[name] = ag.Tensor(rng.standard_normal(shape) * 0.8, requires_grad=True)
    weights = ag.Tensor(rng.standard_normal((2, N, H)))
    h, c, loss = t["h0"], ag.Tensor(np.zeros((N, H))), 0.0
    t |= dict(c0=c, weights=weights)
    for k in (1, 2):
        a = t[f"x{k}"] @ t["Wx"] + h @ t["Wh"] + t["b"]
        i, f, o = (ag.expit(a[:, j * H : (j + 1) * H]) for j in range(3))
        g = ag.tanh(a[:, 3 * H :])
        c = f * c + i * g
        h = o * ag.tanh(c)
        loss = loss + (weights[k - 1] * h).sum()
        t |= {f"a{k}": a, f"c{k}": c, f"h{k}": h}
    return t | dict(loss=loss)


def step_backward(dnext_h, dnext_c, a, prev_h, prev_c, next_c, x, Wx, Wh):
    H = prev_h.shape[1]
    s = 1 / (1 + np.exp(-a[:, : 3 * H]))
    i, f, o, g = s[:, :H], s[:, H : 2 * H], s[:, 2 * H :], np.tanh(a[:, 3 * H :])
    dnext_c += o * (1 - np.tanh(next_c) ** 2) * dnext_h
    gates = dnext_c * g * i * (1 - i), dnext_c * prev_c * f * (1 - f)
    da = np.hstack([*gates, dnext_h * np.tanh(next_c) * o * (1 - o), dnext_c * i * (1 - g**2)])
    return da, da @ Wx.T, da @ Wh.T, f * dnext_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def gradients(t):
    v = {k: a.data for k, a in t.items()}
    dWx, dWh, db, out = np.zeros_like(v["Wx"]), np.zeros_like(v["Wh"]), np.zeros_like(v["b"]), {}
    dprev_h, dprev_c = np.zeros_like(v["h0"]), np.zeros_like(v["c0"])
    for k in (2, 1):
        out[f"h{k}"], out[f"c{k}"] = (
            dprev_h + v["weights"][k - 1],
            dprev_c,
        )  # the latter is added to
        states = (
            v[f"a{k}"],
            v[f"h{k - 1}"],
            v[f"c{k - 1}"],
            v[f"c{k}"],
            v[f"x{k}"],
            v["Wx"],
            v["Wh"],
        )
        out[f"a{k}"], out[f"x{k}"], dprev_h, dprev_c, *d = step_backward(
            out[f"h{k}"], dprev_c, *states
        )
        dWx, dWh, db = dWx + d[0], dWh + d[1], db + d[2]
    return out | dict(h0=dprev_h, Wx=dWx, Wh=dWh, b=db)


right = gradients
