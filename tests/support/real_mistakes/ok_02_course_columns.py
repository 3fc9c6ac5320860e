"""Right: a course's L layers, examples in columns, 1/m at the weights (so that its dZ is m times the
gradient, and is not given)."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: (D, N), 1/N at the weights", "right", None


def forward(rng):
    t = {
        "A0": ag.Tensor(rng.standard_normal((4, 6))),
        "Y": ag.Tensor(rng.integers(0, 2, (1, 6)) * 1.0),
    }
    for l, s in enumerate([(5, 4), (3, 5), (1, 3)], start=1):
        t[f"W{l}"] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
        t[f"b{l}"] = ag.Tensor(rng.standard_normal((s[0], 1)), requires_grad=True)
        Z = t[f"W{l}"] @ t[f"A{l - 1}"] + t[f"b{l}"]
        t[f"A{l}"] = ag.expit(Z) if l == 3 else ag.maximum(0, Z)
    t["loss"] = -(t["Y"] * ag.log(t["A3"]) + (1 - t["Y"]) * ag.log(1 - t["A3"])).sum() / 6
    return t


def gradients(t):
    grads, m = {}, 6
    dZ = t["A3"].data - t["Y"].data
    for l in (3, 2, 1):
        grads[f"W{l}"] = 1 / m * np.dot(dZ, t[f"A{l - 1}"].data.T)
        grads[f"b{l}"] = 1 / m * np.sum(dZ, axis=1, keepdims=True)
        if l > 1:
            dZ = np.multiply(np.dot(t[f"W{l}"].data.T, dZ), np.int64(t[f"A{l - 1}"].data > 0))
    return grads
