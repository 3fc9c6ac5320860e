"""A sigmoid layer, inverted dropout, a linear layer, mean squared error; no mask was kept from the forward pass.
Right, as no input of the dropout is 0: the backward takes output / input for the mask with its scale (Kaldi)."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/kaldi-asr/kaldi/issues/3890; Potential bug in the back propagation implementation of DropoutComponent; 2020"
KIND = "dropout"
FIRST = None
CAUSE = None
WORDS = None
KEEP = 0.6


def forward(rng):
    x = ag.Tensor(rng.standard_normal((5, 4)))
    y = ag.Tensor(rng.standard_normal((5, 3)))
    W1 = ag.Tensor(rng.standard_normal((4, 6)), requires_grad=True)
    b1 = ag.Tensor(rng.standard_normal(6) / 2, requires_grad=True)
    W2 = ag.Tensor(rng.standard_normal((6, 3)), requires_grad=True)
    z = x @ W1 + b1
    in_value = ag.expit(z)
    out_value = in_value * ((rng.random((5, 6)) < KEEP) / KEEP)
    prediction = out_value @ W2
    loss = ((prediction - y) ** 2).mean()
    t = dict(x=x, y=y, W1=W1, b1=b1, W2=W2, z=z)
    return t | dict(in_value=in_value, out_value=out_value, prediction=prediction, loss=loss)


def gradients(t):
    x, in_value, out_value = t["x"].data, t["in_value"].data, t["out_value"].data
    dprediction = (t["prediction"].data - t["y"].data) / (t["y"].data.size / 2)
    dW2 = np.dot(dprediction.T, out_value).T
    out_deriv = np.dot(dprediction, t["W2"].data.T)
    in_deriv = np.where(in_value == 0, out_deriv, out_value / in_value * out_deriv)
    dz = in_deriv * (in_value - in_value**2)
    dW1 = sum(np.outer(row, d) for row, d in zip(x, dz))
    db1 = np.ones(len(dz)) @ dz
    d = dict(prediction=dprediction, W2=dW2, out_value=out_deriv)
    return d | dict(in_value=in_deriv, z=dz, W1=dW1, b1=db1)


right = gradients
