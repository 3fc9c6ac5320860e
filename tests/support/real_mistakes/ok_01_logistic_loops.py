"""Right: logistic regression in loops over examples and features, divided by m at the end."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: loops", "right", None


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((7, 3))), "y": ag.Tensor(rng.integers(0, 2, 7) * 1.0)}
    t["w"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["b"] = ag.Tensor(0.3, requires_grad=True)
    t["a"] = ag.expit(t["X"] @ t["w"] + t["b"])
    t["loss"] = -(t["y"] * ag.log(t["a"]) + (1 - t["y"]) * ag.log(1 - t["a"])).mean()
    return t


def gradients(t):
    X, y, w, b = (t[n].data for n in ("X", "y", "w", "b"))
    m, n = X.shape
    dw, db = np.zeros(n), 0.0
    for i in range(m):
        z = b
        for j in range(n):
            z = z + w[j] * X[i, j]
        dz = 1 / (1 + np.exp(-z)) - y[i]
        for j in range(n):
            dw[j] += X[i, j] * dz
        db += dz
    return dict(w=dw / m, b=db / m)
