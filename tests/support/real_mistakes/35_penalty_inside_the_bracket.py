"""A recommender: the rating as biases and a product of factors, squared error and L2. The penalty's
term stands inside the bracket, and is multiplied by twice the error."""

import autograd as ag

SOURCE = "https://github.com/dandxy89/BellkorAlgorithm/issues/3; calculation of gradients maybe wrong; 2020"
KIND = "regularisation"
FIRST = "q"
CAUSE = "the penalty's term 2 * reg * q must not be multiplied by 2 * error"
WORDS = [
    ["penalty", "regular", "L2", "term", "reg", "decay"],
    ["error", "multiplied", "factor", "times", "scale"],
]
REG = 0.3


def forward(rng):
    t = {"r": ag.Tensor(4.0), "mu": ag.Tensor(0.8)}
    t["b_u"], t["b_i"] = (ag.Tensor(rng.standard_normal(), requires_grad=True) for _ in range(2))
    t["p"], t["q"] = (ag.Tensor(rng.standard_normal(4), requires_grad=True) for _ in range(2))
    t["pred"] = t["mu"] + t["b_u"] + t["b_i"] + (t["q"] * t["p"]).sum()
    penalty = t["b_u"] ** 2 + t["b_i"] ** 2 + (t["p"] ** 2).sum() + (t["q"] ** 2).sum()
    t["loss"] = (t["r"] - t["pred"]) ** 2 + REG * penalty
    return t


def gradients(t, mended=False):
    b_u, b_i, p, q = (t[n].data for n in ("b_u", "b_i", "p", "q"))
    error = t["r"].data - t["pred"].data
    grads = dict(pred=-2 * error, b_u=-2 * error + 2 * REG * b_u, b_i=-2 * error + 2 * REG * b_i)
    if mended:
        return grads | dict(p=-2 * error * q + 2 * REG * p, q=-2 * error * p + 2 * REG * q)
    return grads | dict(p=2 * error * (-q + 2 * REG * p), q=2 * error * (-p + 2 * REG * q))


def right(t):
    return gradients(t, mended=True)
