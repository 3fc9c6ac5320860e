"""A dense network that takes its step layer by layer, on the way back: the gradient goes on to the
layer before through weights that have been updated already."""

import autograd as ag

SOURCE = "https://github.com/VikParuchuri/zero_to_gpt/issues/12; Gradient is being updated after upgradation of weights; 2025"
KIND = "update rule"
FIRST = "hidden"
CAUSE = "the weights of after the update were used: the gradient must go back through those of the forward pass"
WORDS = [
    ["update", "weight", "step", "learning rate", "lr", "changed", "forward", "overwritten", "W2"]
]
LR = 0.1


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((6, 3))), "y": ag.Tensor(rng.standard_normal((6, 2)))}
    for n, s in dict(W1=(3, 5), b1=(1, 5), W2=(5, 2), b2=(1, 2)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["pre"] = t["X"] @ t["W1"] + t["b1"]
    t["hidden"] = ag.maximum(t["pre"], 0)
    t["pred"] = t["hidden"] @ t["W2"] + t["b2"]
    t["loss"] = ((t["pred"] - t["y"]) ** 2).sum() / 6
    return t


def gradients(t, mended=False):
    layers = [
        [t["W1"].data.copy(), t["b1"].data.copy()],
        [t["W2"].data.copy(), t["b2"].data.copy()],
    ]
    inputs = [t["X"].data, t["hidden"].data]
    grad = 2 * (t["pred"].data - t["y"].data) / 6
    out = {"pred": grad}
    for i in (1, 0):
        if i == 0:
            grad = grad * (t["pre"].data > 0)
            out["pre"] = grad
        w_grad = inputs[i].T @ grad
        b_grad = grad.sum(axis=0, keepdims=True)
        out[f"W{i + 1}"], out[f"b{i + 1}"] = w_grad, b_grad
        before = layers[i][0].copy()
        layers[i][0] -= w_grad * LR
        layers[i][1] -= b_grad * LR
        grad = grad @ (before if mended else layers[i][0]).T
        if i == 1:
            out["hidden"] = grad
    return out


def right(t):
    return gradients(t, mended=True)
