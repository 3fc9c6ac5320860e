"""Right: a bias before batch normalisation, whose gradient is 0 but for rounding."""

import autograd as ag

SOURCE, KIND, FIRST, CHOICE = "style: rounding zeros", "right", None, True


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((7, 3))), "Y": ag.Tensor(rng.standard_normal((7, 4)))}
    t["W"] = ag.Tensor(rng.standard_normal((3, 4)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["z"] = t["X"] @ t["W"] + t["b"]
    c = t["z"] - t["z"].mean(axis=0)
    t["istd"] = 1 / ag.sqrt((c**2).mean(axis=0) + 1e-8)
    t["zn"] = c * t["istd"]
    t["loss"] = ((t["zn"] - t["Y"]) ** 2).sum()
    return t


def gradients(t):
    zn = t["zn"].data
    dzn = 2 * (zn - t["Y"].data)
    dz = (dzn - dzn.mean(axis=0) - zn * (dzn * zn).mean(axis=0)) * t["istd"].data
    return dict(zn=dzn, z=dz, W=t["X"].data.T @ dz, b=dz.sum(axis=0))
