"""One step of an LSTM with the four gates in one product, split as i, f, o, g. In the backward the
gradients of i and f are put together in the other order."""

import numpy as np
import autograd as ag

SOURCE = "kind: gates exchanged"
KIND = "exchange"
FIRST = "a"
CAUSE = "the gradients of the input gate and of the forget gate are exchanged"
WORDS = [
    ["exchange", "swap", "order", "permut", "another", "columns", "rolled", "reshaped", "other"]
]


def forward(rng):
    N, D, H = 4, 3, 5
    t = {n: ag.Tensor(rng.standard_normal((N, H))) for n in ("prev_c", "up_h", "up_c")}
    t["x"], t["prev_h"] = (
        ag.Tensor(rng.standard_normal((N, D))),
        ag.Tensor(rng.standard_normal((N, H))),
    )
    t["Wx"] = ag.Tensor(rng.standard_normal((D, 4 * H)), requires_grad=True)
    t["Wh"] = ag.Tensor(rng.standard_normal((H, 4 * H)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(4 * H), requires_grad=True)
    t["a"] = t["x"] @ t["Wx"] + t["prev_h"] @ t["Wh"] + t["b"]
    i, f, o = (ag.expit(t["a"][:, k * H : (k + 1) * H]) for k in range(3))
    g = ag.tanh(t["a"][:, 3 * H :])
    t["next_c"] = f * t["prev_c"] + i * g
    t["next_h"] = o * ag.tanh(t["next_c"])
    t["loss"] = (t["next_h"] * t["up_h"]).sum() + (t["next_c"] * t["up_c"]).sum()
    return t


def gradients(t, mended=False):
    a, next_c, prev_c = t["a"].data, t["next_c"].data, t["prev_c"].data
    i, f, o = (1 / (1 + np.exp(-a[:, 5 * k : 5 * k + 5])) for k in range(3))
    g = np.tanh(a[:, 15:])
    dnext_h = t["up_h"].data
    dnext_c = t["up_c"].data + dnext_h * o * (1 - np.tanh(next_c) ** 2)
    di = dnext_c * g * i * (1 - i)
    df = dnext_c * prev_c * f * (1 - f)
    do = dnext_h * np.tanh(next_c) * o * (1 - o)
    dg = dnext_c * i * (1 - g**2)
    da = np.hstack((di, df, do, dg) if mended else (df, di, do, dg))
    return dict(
        next_h=dnext_h,
        next_c=dnext_c,
        a=da,
        Wx=t["x"].data.T @ da,
        Wh=t["prev_h"].data.T @ da,
        b=da.sum(axis=0),
    )


def right(t):
    return gradients(t, mended=True)
