"""Right: lstm_step_backward, gates in one product, += into next_c's gradient (it was asked whether
that is a mistake)."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = (
    "https://github.com/cthorey/CS231/issues/1; lstm_step_backward line# 343 += is mistake or intend?; 2016 (it is right)",
    "right",
    None,
)


def forward(rng):
    N, D, H = 3, 4, 2
    t = {n: ag.Tensor(rng.standard_normal((N, H))) for n in ("up_h", "up_c")}
    for n, s in dict(
        x=(N, D), prev_h=(N, H), prev_c=(N, H), Wx=(D, 4 * H), Wh=(H, 4 * H), b=(4 * H,)
    ).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["a"] = t["x"] @ t["Wx"] + t["prev_h"] @ t["Wh"] + t["b"]
    t["i"], t["f"], t["o"] = (ag.expit(t["a"][:, k * H : (k + 1) * H]) for k in range(3))
    t["g"] = ag.tanh(t["a"][:, 3 * H :])
    t["next_c"] = t["f"] * t["prev_c"] + t["i"] * t["g"]
    t["next_h"] = t["o"] * ag.tanh(t["next_c"])
    t["loss"] = (t["next_h"] * t["up_h"]).sum() + (t["next_c"] * t["up_c"]).sum()
    return t


def gradients(t):
    d = {n: v.data for n, v in t.items()}
    i, f, o, g = d["i"], d["f"], d["o"], d["g"]
    dnext_c = d["up_c"].copy()
    dnext_c += o * (1 - np.tanh(d["next_c"]) ** 2) * d["up_h"]
    do = np.tanh(d["next_c"]) * d["up_h"]
    df, di, dg, dprev_c = d["prev_c"] * dnext_c, g * dnext_c, i * dnext_c, f * dnext_c
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    return dict(
        next_c=dnext_c,
        o=do,
        f=df,
        i=di,
        g=dg,
        prev_c=dprev_c,
        a=da,
        x=da @ d["Wx"].T,
        prev_h=da @ d["Wh"].T,
        Wx=d["x"].T @ da,
        Wh=d["prev_h"].T @ da,
        b=da.sum(axis=0),
    )
