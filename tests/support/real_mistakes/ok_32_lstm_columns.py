"""Right: an LSTM over three steps, examples in columns, [h; x] concatenated, only parameters given."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: (D, N), sums over time steps", "right", None


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((3, 4)))}
    for g in "fico":
        t["W" + g] = ag.Tensor(rng.standard_normal((3, 5)) * 0.7, requires_grad=True)
        t["b" + g] = ag.Tensor(rng.standard_normal((3, 1)), requires_grad=True)
    t["a-1"], t["c-1"] = ag.Tensor(np.zeros((3, 4))), ag.Tensor(np.zeros((3, 4)))
    for k in range(3):
        t[f"xc{k}"] = ag.concatenate(
            [t[f"a{k - 1}"], ag.Tensor(rng.standard_normal((2, 4)))], axis=0
        )
        gate = {g: t["W" + g] @ t[f"xc{k}"] + t["b" + g] for g in "fico"}
        for g in "fico":
            t[f"g{g}{k}"] = ag.tanh(gate[g]) if g == "c" else ag.expit(gate[g])
        t[f"c{k}"] = t[f"gf{k}"] * t[f"c{k - 1}"] + t[f"gi{k}"] * t[f"gc{k}"]
        t[f"a{k}"] = t[f"go{k}"] * ag.tanh(t[f"c{k}"])
    t["loss"] = ((t["a2"] - t["target"]) ** 2).mean()
    return t


def gradients(t):
    out = {n: np.zeros_like(t[n].data) for g in "fico" for n in ("W" + g, "b" + g)}
    da, dc = 2 * (t["a2"].data - t["target"].data) / 12, np.zeros((3, 4))
    for k in (2, 1, 0):
        f, i, cc, o = (t[f"g{g}{k}"].data for g in "fico")
        tc = np.tanh(t[f"c{k}"].data)
        dc = dc + da * o * (1 - tc**2)
        dz = dict(
            o=da * tc * o * (1 - o),
            c=dc * i * (1 - cc**2),
            i=dc * cc * i * (1 - i),
            f=dc * t[f"c{k - 1}"].data * f * (1 - f),
        )
        da = np.zeros((3, 4))
        for g in "fico":
            out["W" + g] += dz[g] @ t[f"xc{k}"].data.T
            out["b" + g] += dz[g].sum(axis=1, keepdims=True)
            da += t["W" + g].data[:, :3].T @ dz[g]
        dc = dc * f
    return out
