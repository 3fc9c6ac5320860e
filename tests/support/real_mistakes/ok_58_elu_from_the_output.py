"""Right: ELU, leaky ReLU, tanh and sigmoid, each derivative from the output alone."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = (
    "https://github.com/tsoding/nn.h/issues/18; qa not calculated correctly in backpropagation; 2024 (the derivative is taken from the output, which is right)",
    "right",
    None,
)


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((5, 4))), "y": ag.Tensor(rng.standard_normal((5, 4)))}
    for l in range(4):
        t[f"W{l}"] = ag.Tensor(rng.standard_normal((4, 4)) * 0.7, requires_grad=True)
    z = t["z0"] = t["x"] @ t["W0"]
    a = t["a0"] = ag.where(z.data > 0, z, ag.exp(z) - 1)
    z = t["z1"] = a @ t["W1"]
    a = t["a1"] = ag.where(z.data > 0, z, 0.1 * z)
    z = t["z2"] = a @ t["W2"]
    a = t["a2"] = ag.tanh(z)
    z = t["z3"] = a @ t["W3"]
    t["a3"] = ag.expit(z)
    t["loss"] = ((t["a3"] - t["y"]) ** 2).sum()
    return t


DERIVATIVES = [
    lambda a: np.where(a > 0, 1, a + 1),
    lambda a: np.where(a > 0, 1, 0.1),
    lambda a: 1 - a**2,
    lambda a: a * (1 - a),
]


def gradients(t):
    out, da = {}, 2 * (t["a3"].data - t["y"].data)
    for l in (3, 2, 1, 0):
        out[f"a{l}"] = da
        out[f"z{l}"] = dz = da * DERIVATIVES[l](t[f"a{l}"].data)
        out[f"W{l}"] = (t[f"a{l - 1}"] if l else t["x"]).data.T @ dz
        da = dz @ t[f"W{l}"].data.T
    return out
