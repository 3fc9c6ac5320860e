"""L layers of a course, of the same width. In the loop over the hidden layers each gets the gradient
dA of the last hidden layer: dA + str(L) for dA + str(l + 1)."""

import autograd as ag

SOURCE = "https://github.com/fanghao6666/neural-networks-and-deep-learning/pull/7; Change in L_model_backward function; 2019"
KIND = "exchange"
FIRST = "Z1"
CAUSE = "computed from dA2, the gradient of a later layer, in place of dA1"
WORDS = [
    ["A2", "another", "other", "later", "exchange", "wrong layer", "layer", "arrives", "skipped"]
]


def forward(rng):
    t = {
        "A0": ag.Tensor(rng.standard_normal((4, 6))),
        "Y": ag.Tensor(rng.integers(0, 2, (1, 6)) * 1.0),
    }
    for l, s in enumerate([(4, 4), (4, 4), (1, 4)], start=1):
        t[f"W{l}"] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
        t[f"b{l}"] = ag.Tensor(rng.standard_normal((s[0], 1)) * 0.3, requires_grad=True)
        t[f"Z{l}"] = t[f"W{l}"] @ t[f"A{l - 1}"] + t[f"b{l}"]
        t[f"A{l}"] = ag.expit(t[f"Z{l}"]) if l == 3 else ag.maximum(t[f"Z{l}"], 0)
    t["loss"] = -(t["Y"] * ag.log(t["A3"]) + (1 - t["Y"]) * ag.log(1 - t["A3"])).sum() / 6
    return t


def gradients(t, mended=False):
    Y, AL, L = t["Y"].data, t["A3"].data, 3
    grads = {}
    grads["A3"] = (-(Y / AL) + (1 - Y) / (1 - AL)) / Y.shape[1]
    for l in (3, 2, 1):
        if l == L:
            dZ = grads["A3"] * AL * (1 - AL)
        else:
            dA = grads[f"A{l if mended else L - 1}"]
            dZ = dA * (t[f"Z{l}"].data > 0)
        grads[f"Z{l}"] = dZ
        grads[f"W{l}"] = dZ @ t[f"A{l - 1}"].data.T
        grads[f"b{l}"] = dZ.sum(axis=1, keepdims=True)
        if l > 1:
            grads[f"A{l - 1}"] = t[f"W{l}"].data.T @ dZ
    return grads


def right(t):
    return gradients(t, mended=True)
