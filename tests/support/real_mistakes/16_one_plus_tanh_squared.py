"""A layer with tanh. "(tan x)' = 1 + tan(x)**2", and so the derivative of the hyperbolic tangent was
"corrected" to 1 + output**2."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = (
    "https://github.com/gy910210/neural-network-from-scratch/issues/2; (tanx)'=sec²x=1+tan²x; 2017"
)
KIND = "activation derivative"
FIRST = "z1"
CAUSE = "1 + a1**2 is the derivative of tan; that of tanh is 1 - a1**2"
WORDS = [["tanh", "1 -", "1 +", "derivative"], ["sign", "1 +", "tan", "derivative"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((7, 2))), "y": ag.Tensor(rng.integers(0, 3, 7))}
    for n, s in dict(W1=(2, 5), b1=(1, 5), W2=(5, 3), b2=(1, 3)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["z1"] = t["X"] @ t["W1"] + t["b1"]
    t["a1"] = ag.tanh(t["z1"])
    t["z2"] = t["a1"] @ t["W2"] + t["b2"]
    t["probs"] = F.softmax(t["z2"])
    t["loss"] = -ag.log(t["probs"][np.arange(7), t["y"].data]).sum() / 7
    return t


def tanh_backward(output, top_diff, mended):
    return ((1.0 - np.square(output)) if mended else (1.0 + np.square(output))) * top_diff


def gradients(t, mended=False):
    dz2 = t["probs"].data.copy()
    dz2[range(7), t["y"].data] -= 1
    dz2 /= 7
    dW2 = t["a1"].data.T @ dz2
    db2 = np.sum(dz2, axis=0, keepdims=True)
    da1 = dz2 @ t["W2"].data.T
    dz1 = tanh_backward(t["a1"].data, da1, mended)
    dW1 = t["X"].data.T @ dz1
    db1 = np.sum(dz1, axis=0, keepdims=True)
    return dict(z2=dz2, W2=dW2, b2=db2, a1=da1, z1=dz1, W1=dW1, b1=db1)


def right(t):
    return gradients(t, mended=True)
