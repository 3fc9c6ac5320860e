"""An RNN with an output at each step. In the loop back through time the gradients of the parameters
are assigned, not added: what is left is that of the step done last."""

import numpy as np
import autograd as ag

SOURCE = "kind: recurrence, one step counts only"
KIND = "recurrence"
FIRST = "Why"
CAUSE = "= for +=: the gradients of all steps must be added, only one step's is left"
WORDS = [
    ["step", "sum", "added", "+=", "accumulat", "overwritten", "only", "index 0", "first", "last"]
]


def forward(rng):
    t = {"xs": ag.Tensor(rng.standard_normal((4, 3))), "ys": ag.Tensor(rng.standard_normal((4, 2)))}
    for n, s in dict(Wxh=(5, 3), Whh=(5, 5), Why=(2, 5)).items():
        t[n] = ag.Tensor(rng.standard_normal(s) * 0.5, requires_grad=True)
    t["h-1"] = ag.Tensor(np.zeros(5))
    t["loss"] = ag.Tensor(0.0)
    for k in range(4):
        t[f"h{k}"] = ag.tanh(t["Wxh"] @ t["xs"][k] + t["Whh"] @ t[f"h{k - 1}"])
        t[f"y{k}"] = t["Why"] @ t[f"h{k}"]
        t["loss"] = t["loss"] + 0.5 * ((t[f"y{k}"] - t["ys"][k]) ** 2).sum()
    return t


def gradients(t, mended=False):
    out = {n: np.zeros_like(t[n].data) for n in ("Why", "Whh", "Wxh")}
    dh_next = np.zeros(5)
    for k in (3, 2, 1, 0):
        h = t[f"h{k}"].data
        dy = t[f"y{k}"].data - t["ys"].data[k]
        dh = t["Why"].data.T @ dy + dh_next
        draw = (1 - h * h) * dh
        out[f"y{k}"], out[f"h{k}"] = dy, dh
        shares = dict(
            Why=np.outer(dy, h),
            Whh=np.outer(draw, t[f"h{k - 1}"].data),
            Wxh=np.outer(draw, t["xs"].data[k]),
        )
        for n, share in shares.items():
            out[n] = out[n] + share if mended else share
        dh_next = t["Whh"].data.T @ draw
    return out


def right(t):
    return gradients(t, mended=True)
