"""Right: the likelihood of a hidden Markov model by the forward pass; gradients by forward-backward."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: forward-backward, sums over time steps", "right", None


def forward(rng):
    t = {"obs": ag.Tensor(rng.integers(0, 4, 6))}
    t["pi"] = ag.Tensor(rng.dirichlet(np.ones(3)), requires_grad=True)
    t["A"] = ag.Tensor(rng.dirichlet(np.ones(3), 3), requires_grad=True)
    t["B"] = ag.Tensor(rng.dirichlet(np.ones(4), 3), requires_grad=True)
    o = t["obs"].data
    t["alpha0"] = t["pi"] * t["B"][:, o[0]]
    for k in range(1, 6):
        t[f"alpha{k}"] = (t[f"alpha{k - 1}"] @ t["A"]) * t["B"][:, o[k]]
    t["loss"] = -ag.log(t["alpha5"].sum())
    return t


def gradients(t):
    A, B, o = t["A"].data, t["B"].data, t["obs"].data
    beta, Z = np.ones(3), t["alpha5"].data.sum()
    out = dict(A=np.zeros_like(A), B=np.zeros_like(B))
    for k in (5, 4, 3, 2, 1):
        alpha = t[f"alpha{k - 1}"].data
        out[f"alpha{k}"] = -beta / Z
        out["A"] -= np.outer(alpha, B[:, o[k]] * beta) / Z
        out["B"][:, o[k]] -= (alpha @ A) * beta / Z
        beta = A @ (B[:, o[k]] * beta)
    out["alpha0"] = -beta / Z
    out["B"][:, o[0]] -= t["pi"].data * beta / Z
    return out | dict(pi=-B[:, o[0]] * beta / Z)
