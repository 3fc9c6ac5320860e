"""A penalty |out|^3 after a linear layer, as a power with a number. The backward of the power was
copied from ReLU's: the gradient passes where the base is positive."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/ahrefs/ocannl/issues/73; Major bug: pointpow (exponentiation) gradient op is missing; 2023"
KIND = "activation derivative"
FIRST = "base"
CAUSE = "ReLU's gradient in place of the power's: 3 * base**2"
WORDS = [["power", "**", "base", "3", "derivative", "factor", "local"]]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((5, 4)))}
    t["w"] = ag.Tensor(rng.standard_normal((4, 3)), requires_grad=True)
    t["base"] = t["x"] @ t["w"]
    t["powed"] = t["base"] ** 3
    t["out"] = ag.tanh(t["powed"])
    t["loss"] = t["out"].sum() + 0.1 * t["powed"].sum()
    return t


def gradients(t, mended=False):
    base, out = t["base"].data, t["out"].data
    d_powed = (1 - out**2) + 0.1
    if mended:
        d_base = 3 * base**2 * d_powed
    else:
        d_base = np.where(base > 0, d_powed, 0.0)
    return dict(powed=d_powed, base=d_base, w=t["x"].data.T @ d_base)


def right(t):
    return gradients(t, mended=True)
