"""A dense layer wrapped in dropout: a mask on its input and 1/(1 - p) on its output, after a tanh layer; squared error.
The wrapper's backward multiplies by 1/(1 - p) and hands on what the layer returns: the mask is not applied to it."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/ddbourgin/numpy-ml/issues/94; Backpropagation of dropout wrapper does not apply the mask; 2024"
KIND = "dropout"
FIRST = "X"
CAUSE = "What was dropped in the forward pass gets no gradient: the dropout mask is not applied on the way back."
WORDS = [["mask", "dropout", "dropped", "multiply", "factor", "forgotten", "missing", "zero"]]
P = 0.4


def forward(rng):
    inputs = ag.Tensor(rng.standard_normal((5, 3)))
    target = ag.Tensor(rng.standard_normal((5, 2)))
    W0 = ag.Tensor(rng.standard_normal((3, 6)) / 2, requires_grad=True)
    b0 = ag.Tensor(rng.standard_normal(6) / 4, requires_grad=True)
    W = ag.Tensor(rng.standard_normal((6, 2)) / 2, requires_grad=True)
    b = ag.Tensor(rng.standard_normal(2) / 4, requires_grad=True)
    mask = ag.Tensor((rng.random((5, 6)) >= P).astype(float))
    Z0 = inputs @ W0 + b0
    X = ag.tanh(Z0)
    dropped = mask * X
    out = (1.0 / (1.0 - P)) * (dropped @ W + b)
    loss = 0.5 * ((out - target) ** 2).mean()
    return dict(
        inputs=inputs,
        target=target,
        W0=W0,
        b0=b0,
        W=W,
        b=b,
        mask=mask,
        Z0=Z0,
        X=X,
        out=out,
        loss=loss,
    )


def _backward(t, apply_mask):
    v = {k: a.data for k, a in t.items()}
    dLdy = (v["out"] - v["target"]) / v["out"].size
    out = dict(out=dLdy.copy())
    # the wrapper: its scale, and then the backward of the layer in it, which has seen mask * X
    dLdy *= 1.0 / (1.0 - P)
    out["W"] = (v["mask"] * v["X"]).T @ dLdy
    out["b"] = dLdy.sum(axis=0)
    out["X"] = dLdy @ v["W"].T
    if apply_mask:
        out["X"] *= v["mask"]
    out["Z0"] = out["X"] * (1 - v["X"] ** 2)
    out["W0"] = v["inputs"].T @ out["Z0"]
    out["b0"] = out["Z0"].sum(axis=0)
    return out


def gradients(t):
    return _backward(t, apply_mask=False)


def right(t):
    return _backward(t, apply_mask=True)
