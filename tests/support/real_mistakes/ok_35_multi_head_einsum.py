"""Right: multi-head attention with einsum throughout, heads merged by an output projection."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = "style: einsum", "right", None


def forward(rng):
    B, T, E, H, D = 2, 3, 6, 2, 4
    t = {
        "x": ag.Tensor(rng.standard_normal((B, T, E)), requires_grad=True),
        "up": ag.Tensor(rng.standard_normal((B, T, E))),
    }
    for n in ("wq", "wk", "wv"):
        t[n] = ag.Tensor(rng.standard_normal((E, H, D)) / 2, requires_grad=True)
    t["wo"] = ag.Tensor(rng.standard_normal((H, D, E)), requires_grad=True)
    t["q"], t["k"], t["v"] = (ag.einsum("bte,ehd->bhtd", t["x"], t["w" + n]) for n in "qkv")
    t["s"] = ag.einsum("bhtd,bhud->bhtu", t["q"], t["k"]) / 2
    t["p"] = F.softmax(t["s"])
    t["c"] = ag.einsum("bhtu,bhud->bhtd", t["p"], t["v"])
    t["y"] = ag.einsum("bhtd,hde->bte", t["c"], t["wo"])
    t["loss"] = (t["y"] * t["up"]).sum()
    return t


def gradients(t):
    d = {n: a.data for n, a in t.items()}
    e = np.einsum
    dy = d["up"]
    dwo, dc = e("bhtd,bte->hde", d["c"], dy), e("bte,hde->bhtd", dy, d["wo"])
    dp, dv = e("bhtd,bhud->bhtu", dc, d["v"]), e("bhtu,bhtd->bhud", d["p"], dc)
    ds = d["p"] * (dp - e("bhtu,bhtu->bht", dp, d["p"])[..., None])
    dq, dk = e("bhtu,bhud->bhtd", ds, d["k"]) / 2, e("bhtu,bhtd->bhud", ds, d["q"]) / 2
    out = dict(wo=dwo, c=dc, p=dp, v=dv, s=ds, q=dq, k=dk, x=np.zeros_like(d["x"]))
    for n, g in (("wq", dq), ("wk", dk), ("wv", dv)):
        out[n] = e("bte,bhtd->ehd", d["x"], g)
        out["x"] += e("bhtd,ehd->bte", g, d[n])
    return out
