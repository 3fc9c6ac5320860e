"""Matrix factorisation by stochastic gradient: the user's factors take their step first, and the
item's gradient is computed with the new ones. Here the gradients are read from the steps."""

import autograd as ag

SOURCE = "https://github.com/albertauyeung/matrix-factorization-in-python/pull/3; Fix SGD; 2018"
KIND = "update rule"
FIRST = "Q"
CAUSE = "computed with P after its update; both gradients must be taken at the old values"
WORDS = [
    [
        "update",
        "step",
        "old value",
        "changed",
        "another",
        "overwritten",
        "in place",
        "alpha",
        "learning rate",
    ]
]
ALPHA, BETA = 0.05, 0.02


def forward(rng):
    t = {"r": ag.Tensor(5.0), "b": ag.Tensor(3.1)}
    t["b_u"], t["b_i"] = (
        ag.Tensor(rng.standard_normal() * 0.3, requires_grad=True) for _ in range(2)
    )
    t["P"], t["Q"] = (ag.Tensor(rng.standard_normal(5), requires_grad=True) for _ in range(2))
    t["pred"] = t["b"] + t["b_u"] + t["b_i"] + t["P"] @ t["Q"]
    squares = t["b_u"] ** 2 + t["b_i"] ** 2 + (t["P"] ** 2).sum() + (t["Q"] ** 2).sum()
    t["loss"] = 0.5 * (t["r"] - t["pred"]) ** 2 + 0.5 * BETA * squares
    return t


def gradients(t, mended=False):
    b_u, b_i, P, Q = (t[n].data.copy() for n in ("b_u", "b_i", "P", "Q"))
    e = t["r"].data - t["pred"].data
    before = dict(b_u=b_u.copy(), b_i=b_i.copy(), P=P.copy(), Q=Q.copy())
    b_u += ALPHA * (e - BETA * b_u)
    b_i += ALPHA * (e - BETA * b_i)
    P += ALPHA * (e * Q - BETA * P)
    Q += ALPHA * (e * (before["P"] if mended else P) - BETA * Q)
    after = dict(b_u=b_u, b_i=b_i, P=P, Q=Q)
    return {n: (before[n] - after[n]) / ALPHA for n in after}


def right(t):
    return gradients(t, mended=True)
