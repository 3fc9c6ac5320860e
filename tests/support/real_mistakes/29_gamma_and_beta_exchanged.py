"""Layer normalisation whose two parameters' gradients are returned in the wrong order: gamma gets
beta's and beta gets gamma's. They have the same shape, so nothing is noticed."""

import autograd as ag

SOURCE = "https://github.com/Oneflow-Inc/oneflow/pull/6149; fix backward index for gamma beta; 2021"
KIND = "exchange"
FIRST = "beta"
CAUSE = "exchanged: this is the gradient of gamma, and gamma has beta's"
WORDS = [["gamma", "exchange", "swap", "other"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((4, 6)))}
    t["x"] = ag.Tensor(rng.standard_normal((4, 6)), requires_grad=True)
    t["gamma"] = ag.Tensor(rng.uniform(0.5, 1.5, 6), requires_grad=True)
    t["beta"] = ag.Tensor(rng.standard_normal(6), requires_grad=True)
    centred = t["x"] - t["x"].mean(axis=1, keepdims=True)
    t["std"] = ag.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    t["x_hat"] = centred / t["std"]
    t["y"] = t["gamma"] * t["x_hat"] + t["beta"]
    t["loss"] = ((t["y"] - t["target"]) ** 2).sum() / 2
    return t


def layer_norm_backward(dy, x_hat, gamma, std):
    d_gamma = (dy * x_hat).sum(axis=0)
    d_beta = dy.sum(axis=0)
    dx_hat = dy * gamma
    dx = (
        dx_hat
        - dx_hat.mean(axis=1, keepdims=True)
        - x_hat * (dx_hat * x_hat).mean(axis=1, keepdims=True)
    ) / std
    return dx, d_gamma, d_beta


def gradients(t, mended=False):
    dy = t["y"].data - t["target"].data
    dx, first, second = layer_norm_backward(dy, t["x_hat"].data, t["gamma"].data, t["std"].data)
    if mended:
        return dict(y=dy, x=dx, gamma=first, beta=second)
    return dict(y=dy, x=dx, beta=first, gamma=second)


def right(t):
    return gradients(t, mended=True)
