"""Right: a GRU of two steps, the reset gate before the product, all paths to h_prev added up."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: in-place accumulation over paths", "right", None


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((5, 3)))}
    for g in "zrh":
        t["W" + g] = ag.Tensor(rng.standard_normal((2, 3)), requires_grad=True)
        t["U" + g] = ag.Tensor(rng.standard_normal((3, 3)) * 0.7, requires_grad=True)
    t["h0"] = h = ag.Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    for k in (1, 2):
        t[f"x{k}"] = x = ag.Tensor(rng.standard_normal((5, 2)))
        t[f"z{k}"] = ag.expit(x @ t["Wz"] + h @ t["Uz"])
        t[f"r{k}"] = ag.expit(x @ t["Wr"] + h @ t["Ur"])
        t[f"n{k}"] = ag.tanh(x @ t["Wh"] + (t[f"r{k}"] * h) @ t["Uh"])
        t[f"h{k}"] = h = (1 - t[f"z{k}"]) * h + t[f"z{k}"] * t[f"n{k}"]
    t["loss"] = 0.5 * ((h - t["target"]) ** 2).sum()
    return t


def gradients(t):
    out = {a + g: np.zeros_like(t[a + g].data) for a in "WU" for g in "zrh"}
    dh = t["h2"].data - t["target"].data
    for k in (2, 1):
        z, r, n, x, prev = (t[s].data for s in (f"z{k}", f"r{k}", f"n{k}", f"x{k}", f"h{k - 1}"))
        out[f"h{k}"] = dh
        dn = dh * z * (1 - n**2)
        dz = dh * (n - prev) * z * (1 - z)
        drh = dn @ t["Uh"].data.T
        dr = drh * prev * r * (1 - r)
        dprev = dh * (1 - z)
        dprev += drh * r
        dprev += dz @ t["Uz"].data.T
        dprev += dr @ t["Ur"].data.T
        for g, d, into in (("z", dz, prev), ("r", dr, prev), ("h", dn, r * prev)):
            out["W" + g] += x.T @ d
            out["U" + g] += into.T @ d
        dh = dprev
    out["h0"] = dh
    return out
