"""Right: rnn_backward of an assignment, (N, T, D), a step function with a cache."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: cs231n caches, sums over time steps", "right", None


def forward(rng):
    N, T, D, H = 3, 4, 2, 5
    t = {"dh": ag.Tensor(rng.standard_normal((N, T, H)))}
    t["x"] = ag.Tensor(rng.standard_normal((N, T, D)), requires_grad=True)
    t["h0"] = ag.Tensor(rng.standard_normal((N, H)), requires_grad=True)
    for n, s in dict(Wx=(D, H), Wh=(H, H), b=(H,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s) * 0.5, requires_grad=True)
    h, hs = t["h0"], []
    for k in range(T):
        h = ag.tanh(t["x"][:, k] @ t["Wx"] + h @ t["Wh"] + t["b"])
        hs.append(h)
    t["h"] = ag.stack(hs, axis=1)
    t["loss"] = (t["h"] * t["dh"]).sum()
    return t


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def gradients(t):
    x, h, dh, Wx, Wh, h0 = (t[n].data for n in ("x", "h", "dh", "Wx", "Wh", "h0"))
    dx, dprev = np.zeros_like(x), np.zeros_like(h0)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(5)
    for k in reversed(range(4)):
        prev = h[:, k - 1] if k > 0 else h0
        dx[:, k], dprev, a, b, c = rnn_step_backward(
            dh[:, k] + dprev, (x[:, k], prev, Wx, Wh, h[:, k])
        )
        dWx += a
        dWh += b
        db += c
    return dict(h=dh, x=dx, h0=dprev, Wx=dWx, Wh=dWh, b=db)
