"""Right: a variational autoencoder by hand: the sample's two paths and the divergence's share."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: in-place accumulation", "right", None


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((5, 4))), "eps": ag.Tensor(rng.standard_normal((5, 2)))}
    for n, s in dict(Wm=(4, 2), Ws=(4, 2), Wd=(2, 4)).items():
        t[n] = ag.Tensor(rng.standard_normal(s) * 0.5, requires_grad=True)
    t["mu"], t["logvar"] = t["x"] @ t["Wm"], t["x"] @ t["Ws"]
    t["z"] = t["mu"] + t["eps"] * ag.exp(0.5 * t["logvar"])
    t["xr"] = t["z"] @ t["Wd"]
    kl = -0.5 * (1 + t["logvar"] - t["mu"] ** 2 - ag.exp(t["logvar"])).sum()
    t["loss"] = (0.5 * ((t["xr"] - t["x"]) ** 2).sum() + kl) / 5
    return t


def gradients(t):
    x, eps, mu, lv, z = (t[n].data for n in ("x", "eps", "mu", "logvar", "z"))
    dxr = (t["xr"].data - x) / 5
    dz = dxr @ t["Wd"].data.T
    dmu = dz.copy()
    dmu += mu / 5
    dlv = dz * eps * np.exp(0.5 * lv) * 0.5
    dlv += 0.5 * (np.exp(lv) - 1) / 5
    return dict(xr=dxr, Wd=z.T @ dxr, z=dz, mu=dmu, logvar=dlv, Wm=x.T @ dmu, Ws=x.T @ dlv)
