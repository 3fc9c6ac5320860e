"""Dense layers in columns, sigmoid after each. The weights' gradient was "corrected" to the delta
that the layer passes on, for the delta that it receives; with square weights the shapes fit."""

import autograd as ag

SOURCE = "https://github.com/hanbt/learn_dl/issues/23; (are the gradients of weight and bias in backward of fc.py a slip of the pen?); 2018"
KIND = "exchange"
FIRST = "b2"
CAUSE = "the delta of the layer's input (z1) in place of that of its output (z2)"
WORDS = [
    ["z1", "delta", "exchange", "another", "other", "input", "layer before", "earlier", "arrives"]
]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((3, 1))), "label": ag.Tensor(rng.random((4, 1)))}
    t["a0"] = t["x"]
    for l, s in enumerate([(4, 3), (4, 4), (4, 4)], start=1):
        t[f"W{l}"] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
        t[f"b{l}"] = ag.Tensor(rng.standard_normal((4, 1)) * 0.1, requires_grad=True)
        t[f"z{l}"] = t[f"W{l}"] @ t[f"a{l - 1}"] + t[f"b{l}"]
        t[f"a{l}"] = ag.expit(t[f"z{l}"])
    t["loss"] = 0.5 * ((t["a3"] - t["label"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    a3 = t["a3"].data
    out = {"z3": a3 * (1 - a3) * (a3 - t["label"].data)}
    out["W3"], out["b3"] = out["z3"] @ t["a2"].data.T, out["z3"]
    for l in (2, 1):
        a = t[f"a{l}"].data
        out[f"z{l}"] = a * (1 - a) * (t[f"W{l + 1}"].data.T @ out[f"z{l + 1}"])
    use = out["z2"] if mended else out["z1"]
    out["W2"], out["b2"] = use @ t["a1"].data.T, use
    out["W1"], out["b1"] = out["z1"] @ t["x"].data.T, out["z1"]
    return out


def right(t):
    return gradients(t, mended=True)
