"""Only the gradients of the four parameters are given. Those of the first layer are both wrong by
the derivative of tanh between, which was left out."""

import autograd as ag

SOURCE = "kind: one mistake in between explains two leaves"
KIND = "activation derivative"
FIRST = "b1"
CAUSE = "tanh's derivative 1 - a1**2 is missing on the way to W1 and b1: one mistake, not two"
WORDS = [["tanh", "1 - ", "derivative", "between", "one mistake", "both", "factor", "local"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((6, 3))), "Y": ag.Tensor(rng.standard_normal((6, 2)))}
    for n, s in dict(W1=(3, 4), b1=(4,), W2=(4, 2), b2=(2,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["a1"] = ag.tanh(t["X"] @ t["W1"] + t["b1"])
    t["a2"] = t["a1"] @ t["W2"] + t["b2"]
    t["loss"] = 0.5 * ((t["a2"] - t["Y"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    a1 = t["a1"].data
    delta2 = t["a2"].data - t["Y"].data
    delta1 = delta2 @ t["W2"].data.T
    if mended:
        delta1 = delta1 * (1 - a1**2)
    return dict(
        W2=a1.T @ delta2, b2=delta2.sum(axis=0), W1=t["X"].data.T @ delta1, b1=delta1.sum(axis=0)
    )


def right(t):
    return gradients(t, mended=True)
