"""Right: a system A u = f and a misfit of u; the adjoint's solution gives all gradients."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: adjoint method", "right", None


def forward(rng):
    t = {"data": ag.Tensor(rng.standard_normal(5))}
    t["A"] = ag.Tensor(rng.standard_normal((5, 5)) + 5 * np.eye(5), requires_grad=True)
    t["f"] = ag.Tensor(rng.standard_normal(5), requires_grad=True)
    t["u"] = ag.solve(t["A"], t["f"])
    t["loss"] = 0.5 * ((t["u"] - t["data"]) ** 2).sum()
    return t


def gradients(t):
    A, u = t["A"].data, t["u"].data
    du = u - t["data"].data
    lam = np.linalg.solve(A.T, du)
    return dict(u=du, f=lam, A=-np.outer(lam, u))
