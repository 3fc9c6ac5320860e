"""Three steps of an RNN, unrolled by hand in a course notebook; a squared loss at each step.
At t = 1 the gradient of the recurrent weights takes the hidden state of t = 1, not of t = 0."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/VikParuchuri/zero_to_gpt/issues/9; hidden state index at t=1 during backprop; 2023"
KIND = "recurrence"
FIRST = "Wh"
CAUSE = (
    "hidden 1 multiplies the gradient of step 1, which came from hidden 0: the step is one too late"
)
WORDS = [["step", "h0", "h1", "previous", "time"]]


def forward(rng):
    x = Tensor(rng.standard_normal((3, 4)))
    y = Tensor(rng.standard_normal((3, 2)))
    Wi = Tensor(rng.standard_normal((4, 5)) / 2, requires_grad=True)
    Wh = Tensor(rng.standard_normal((5, 5)) / 2, requires_grad=True)
    Wo = Tensor(rng.standard_normal((5, 2)), requires_grad=True)
    h0 = ag.tanh(x[0:1] @ Wi)
    h1 = ag.tanh(x[1:2] @ Wi + h0 @ Wh)
    h2 = ag.tanh(x[2:3] @ Wi + h1 @ Wh)
    out = ag.concatenate([h0, h1, h2]) @ Wo
    return {
        "x": x,
        "y": y,
        "Wi": Wi,
        "Wh": Wh,
        "Wo": Wo,
        "h0": h0,
        "h1": h1,
        "h2": h2,
        "out": out,
        "loss": ((out - y) ** 2).mean(),
    }


def _back(t, before_1):
    x, Wh, Wo = t["x"].data, t["Wh"].data, t["Wo"].data
    hiddens = np.concatenate([t["h0"].data, t["h1"].data, t["h2"].data])
    dout = 2 * (t["out"].data - t["y"].data) / 6
    h2_grad = dout[2:3] @ Wo.T
    z2_grad = h2_grad * (1 - hiddens[2:3] ** 2)
    h_weight_grad = hiddens[1, :][:, None] @ z2_grad
    h1_grad = dout[1:2] @ Wo.T + z2_grad @ Wh.T
    z1_grad = h1_grad * (1 - hiddens[1:2] ** 2)
    h_weight_grad += hiddens[before_1, :][:, None] @ z1_grad
    h0_grad = dout[0:1] @ Wo.T + z1_grad @ Wh.T
    z0_grad = h0_grad * (1 - hiddens[0:1] ** 2)
    i_weight_grad = x[2:3].T @ z2_grad + x[1:2].T @ z1_grad + x[0:1].T @ z0_grad
    return {
        "out": dout,
        "Wo": hiddens.T @ dout,
        "h2": h2_grad,
        "h1": h1_grad,
        "h0": h0_grad,
        "Wh": h_weight_grad,
        "Wi": i_weight_grad,
    }


def gradients(t):
    return _back(t, before_1=1)


def right(t):
    return _back(t, before_1=0)
