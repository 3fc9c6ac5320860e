"""Right: layer normalisation over the last axis of three, written with einsum."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: einsum", "right", None


def forward(rng):
    t = {"up": ag.Tensor(rng.standard_normal((2, 3, 5)))}
    t["x"] = ag.Tensor(rng.standard_normal((2, 3, 5)), requires_grad=True)
    t["g"] = ag.Tensor(rng.standard_normal(5), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(5), requires_grad=True)
    c = t["x"] - t["x"].mean(axis=-1, keepdims=True)
    t["s"] = ag.sqrt((c * c).mean(axis=-1, keepdims=True) + 1e-6)
    t["n"] = c / t["s"]
    t["y"] = t["n"] * t["g"] + t["b"]
    t["loss"] = (t["y"] * t["y"] * t["up"]).sum()
    return t


def gradients(t):
    n, y = t["n"].data, t["y"].data
    dy = 2 * y * t["up"].data
    dn = np.einsum("btd,d->btd", dy, t["g"].data)
    inner = np.einsum("btd,btd->bt", dn, n)[..., None] / 5
    dx = (dn - np.einsum("btd->bt", dn)[..., None] / 5 - n * inner) / t["s"].data
    return dict(y=dy, g=np.einsum("btd,btd->d", dy, n), b=np.einsum("btd->d", dy), x=dx)
