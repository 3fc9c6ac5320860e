"""CLiMF's smoothed reciprocal rank for one user: the first term of an item's gradient lacks the user's
factors U, and V is stepped item by item before U's gradient is computed from it."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/gamboviol/climf/pull/2; Simultaneously update U and V, and U[i] multiplication on dV like described in paper; 2017"
KIND = "chain rule"
FIRST = "V"
CAUSE = "g(-f_j), the derivative in f_j, is to be multiplied by U: the derivative of f_j = U . V_j"
WORDS = [
    [
        "times U",
        "* U",
        "U is missing",
        "factor U",
        "by U",
        "inner",
        "outer product",
        "chain",
        "missing U",
        "U missing",
        "broadcast",
        "without U",
    ],
]
lbda, gamma = 0.001, 0.0001


def forward(rng):
    t = {"U": Tensor(rng.standard_normal(3), requires_grad=True)}
    t["V"] = Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    t["f"] = t["V"] @ t["U"]
    between = t["f"][None, :] - t["f"][:, None]
    t["loss"] = (
        ag.log(ag.expit(t["f"])).sum()
        + ag.log(1 - ag.expit(between)).sum()
        - 0.5 * lbda * ((t["U"] ** 2).sum() + (t["V"] ** 2).sum())
    )
    return t


def g(x):
    return 1 / (1 + np.exp(-x))


def dg(x):
    return np.exp(x) / (1 + np.exp(x)) ** 2


def backward(t, mended):
    U, V, f = t["U"].data, t["V"].data.copy(), t["f"].data
    dU, dVs = -lbda * U, []
    for j in range(5):
        dV = g(-f[j]) * (U if mended else 1) - lbda * V[j]
        for k in range(5):
            inner = 1 / (1 - g(f[k] - f[j])) - 1 / (1 - g(f[j] - f[k]))
            dV += dg(f[j] - f[k]) * inner * U
        dVs.append(dV)
        V[j] += 0 if mended else gamma * dV
        dU += g(-f[j]) * V[j]
        for k in range(5):
            dU += (V[j] - V[k]) * dg(f[k] - f[j]) / (1 - g(f[k] - f[j]))
    return {"U": dU, "V": np.array(dVs)}


def gradients(t):
    return backward(t, mended=False)


def right(t):
    return backward(t, mended=True)
