"""Right: log det and a quadratic form of A: inverse and transpose, A not symmetric."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: matrix calculus", "right", None


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal(4), requires_grad=True)}
    t["A"] = ag.Tensor(rng.standard_normal((4, 4)) + 4 * np.eye(4), requires_grad=True)
    t["loss"] = t["x"] @ t["A"] @ t["x"] - 3 * ag.slogdet(t["A"])[1]
    return t


def gradients(t):
    x, A = t["x"].data, t["A"].data
    return dict(x=(A + A.T) @ x, A=np.outer(x, x) - 3 * np.linalg.inv(A).T)
