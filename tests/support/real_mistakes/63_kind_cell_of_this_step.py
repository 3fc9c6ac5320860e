"""An LSTM over three steps. The forget gate's gradient is multiplied by c_t, the cell of its own
step, in place of c_{t-1}, which is what the gate multiplied."""

import numpy as np
import autograd as ag

SOURCE = "kind: c_t for c_{t-1}"
KIND = "recurrence"
FIRST = "f2"
CAUSE = "the forget gate multiplied c of the step before: c1 in place of c2"
WORDS = [["c1", "before", "previous", "c2", "step", "operand", "other", "t-1", "t - 1", "another"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((4, 2)))}
    t["x"] = ag.Tensor(rng.standard_normal((3, 4, 3)))
    for g in "fiog":
        t["W" + g] = ag.Tensor(rng.standard_normal((5, 2)) * 0.7, requires_grad=True)
    t["c-1"], t["h-1"] = (
        ag.Tensor(rng.standard_normal((4, 2))),
        ag.Tensor(rng.standard_normal((4, 2))),
    )
    for k in range(3):
        t[f"xh{k}"] = ag.concatenate([t["x"][k], t[f"h{k - 1}"]], axis=1)
        for g in "fiog":
            t[f"{g}{k}"] = (ag.tanh if g == "g" else ag.expit)(t[f"xh{k}"] @ t["W" + g])
        t[f"c{k}"] = t[f"f{k}"] * t[f"c{k - 1}"] + t[f"i{k}"] * t[f"g{k}"]
        t[f"h{k}"] = t[f"o{k}"] * ag.tanh(t[f"c{k}"])
    t["loss"] = ((t["h2"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    out = {"W" + g: np.zeros((5, 2)) for g in "fiog"}
    dh, dc = 2 * (t["h2"].data - t["target"].data), np.zeros((4, 2))
    for k in (2, 1, 0):
        f, i, o, g, c, c_prev, xh = (
            t[n].data for n in (f"f{k}", f"i{k}", f"o{k}", f"g{k}", f"c{k}", f"c{k - 1}", f"xh{k}")
        )
        out[f"h{k}"] = dh
        d = {"o": dh * np.tanh(c)}
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        out[f"c{k}"] = dc
        d["f"] = dc * (c_prev if mended else c)
        d["i"], d["g"] = dc * g, dc * i
        dxh = np.zeros_like(xh)
        for n, value in zip("fiog", (f, i, o, g)):
            out[f"{n}{k}"] = d[n]
            dz = d[n] * (1 - g**2 if n == "g" else value * (1 - value))
            out["W" + n] += xh.T @ dz
            dxh += dz @ t["W" + n].data.T
        dh, dc = dxh[:, 3:], dc * f
    return out


def right(t):
    return gradients(t, mended=True)
