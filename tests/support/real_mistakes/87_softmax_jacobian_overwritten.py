"""A softmax node whose Jacobian's elements are stored in a vector, in a double loop: each row keeps
its last element only, and the input stands where the output belongs."""

import numpy as np
import autograd as ag

SOURCE = "https://python.dizzycoding.com/numpy-calculate-the-derivative-of-the-softmax-function/ (a copy of a Stack Overflow question); numpy : calculate the derivative of the softmax function; year not shown"
KIND = "activation derivative"
FIRST = "input"
CAUSE = "softmax's gradient is a matrix, s_i (1 - s_i) and -s_i s_j, in the output s; here a vector, overwritten, with the input"
WORDS = [["softmax"]]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal(4)), "label": ag.Tensor(np.eye(5)[rng.integers(5)])}
    t["w"] = ag.Tensor(rng.standard_normal((5, 4)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(5), requires_grad=True)
    t["input"] = t["w"] @ t["x"] + t["b"]
    t["value"] = ag.exp(t["input"]) / ag.exp(t["input"]).sum()
    t["loss"] = -(t["label"] * ag.log(t["value"])).sum()
    return t


def gradients(t, mended=False):
    value, x_in = t["value"].data, t["input"].data
    incoming = -t["label"].data / value
    if mended:
        J = np.diag(value) - np.outer(value, value)
        d_in = J @ incoming
    else:
        gradient = np.zeros(5)
        for i in range(5):
            for j in range(5):
                if i == j:
                    gradient[i] = value[i] * (1 - x_in[i])
                else:
                    gradient[i] = -value[i] * x_in[j]
        d_in = gradient * incoming
    return dict(value=incoming, input=d_in, w=np.outer(d_in, t["x"].data), b=d_in)


def right(t):
    return gradients(t, mended=True)
