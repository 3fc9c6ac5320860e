"""Ridge regression by a layer whose penalty runs over all parameters, the bias too. The bias's
gradient has no term of the penalty."""

import autograd as ag

SOURCE = "kind: regularisation, the L2 term of a bias forgotten"
KIND = "regularisation"
FIRST = "b"
CAUSE = "the penalty's term 2 * lam * b is missing"
WORDS = [
    ["l2", "regular", "penalty", "decay", "term", "2 * lam", "0.5 * b"],
    ["missing", "forgotten", "left out", "without"],
]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((8, 3))), "y": ag.Tensor(rng.standard_normal((8, 2)))}
    t["W"] = ag.Tensor(rng.standard_normal((3, 2)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(2), requires_grad=True)
    t["pred"] = t["X"] @ t["W"] + t["b"]
    t["loss"] = ((t["pred"] - t["y"]) ** 2).sum() / 8 + 0.25 * (
        (t["W"] ** 2).sum() + (t["b"] ** 2).sum()
    )
    return t


def gradients(t, mended=False):
    d = 2 * (t["pred"].data - t["y"].data) / 8
    dW = t["X"].data.T @ d + 2 * 0.25 * t["W"].data
    db = d.sum(axis=0)
    if mended:
        db += 2 * 0.25 * t["b"].data
    return dict(pred=d, W=dW, b=db)


def right(t):
    return gradients(t, mended=True)
