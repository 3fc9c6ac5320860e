"""An LSTM, two steps. The cell's gradient is dh * o * (1 - tanh(c)**2): what comes from the next
step's cell, f_{t+1} * dc_{t+1}, is overwritten by = for +=."""

import numpy as np
import autograd as ag

SOURCE = (
    "https://github.com/apache/mxnet/issues/4057; lstm python seems not correct in backward; 2016"
)
KIND = "recurrence"
FIRST = "c0"
CAUSE = "the path through the next step's cell is forgotten: dc += , not ="
WORDS = [["cell", "c1", "path", "next step", "way", "term", "use", "missing", "later", "forgotten"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((4, 3)))}
    t["c-1"], h = ag.Tensor(rng.standard_normal((4, 3))), ag.Tensor(rng.standard_normal((4, 3)))
    t["h-1"] = h
    for g in "fiog":
        t["U" + g] = ag.Tensor(rng.standard_normal((3, 3)), requires_grad=True)
    for k in range(2):
        for g in "fiog":
            t[f"{g}{k}"] = (ag.tanh if g == "g" else ag.expit)(t[f"h{k - 1}"] @ t["U" + g])
        t[f"c{k}"] = t[f"f{k}"] * t[f"c{k - 1}"] + t[f"i{k}"] * t[f"g{k}"]
        t[f"h{k}"] = t[f"o{k}"] * ag.tanh(t[f"c{k}"])
    t["loss"] = ((t["h1"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    out = {"U" + g: np.zeros((3, 3)) for g in "fiog"}
    dh, dc = 2 * (t["h1"].data - t["target"].data), np.zeros((4, 3))
    for k in (1, 0):
        f, i, o, g, c = (t[f"{n}{k}"].data for n in "fiogc")
        through = dh * o * (1 - np.tanh(c) ** 2)
        dc = dc + through if mended else through
        out[f"h{k}"], out[f"c{k}"] = dh, dc
        dz = dict(
            f=dc * t[f"c{k - 1}"].data * f * (1 - f),
            i=dc * g * i * (1 - i),
            o=dh * np.tanh(c) * o * (1 - o),
            g=dc * i * (1 - g * g),
        )
        for n in "fiog":
            out["U" + n] += t[f"h{k - 1}"].data.T @ dz[n]
        dh, dc = sum(dz[n] @ t["U" + n].data.T for n in "fiog"), dc * f
    return out


def right(t):
    return gradients(t, mended=True)
