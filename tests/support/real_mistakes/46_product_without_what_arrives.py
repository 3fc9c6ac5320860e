"""A product with broadcasting, scores times gate, inside a network. Its backward returns the other
operand, summed where it was broadcast, and never multiplies by the gradient that arrives."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/deeplearning4j/deeplearning4j/issues/5978; Libnd4j: multiply_bp incorrect for broadcast case; 2018"
KIND = "chain rule"
FIRST = "scores"
CAUSE = "the gradient that arrives, dL/dout, is not used: multiply by it"
WORDS = [
    [
        "arrives",
        "incoming",
        "upstream",
        "chain",
        "not used",
        "factor",
        "local",
        "output's gradient",
        "missing",
        "forgotten",
    ]
]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((5, 2))), "y": ag.Tensor(rng.standard_normal((5, 4)))}
    t["w"] = ag.Tensor(rng.standard_normal((2, 4)), requires_grad=True)
    t["gate"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["scores"] = t["x"] @ t["w"]
    t["out"] = t["scores"] * t["gate"]
    t["loss"] = ((ag.tanh(t["out"]) - t["y"]) ** 2).sum()
    return t


def multiply_bp(a, b, eps_next, mended):
    if mended:
        return eps_next * b, (eps_next * a).sum(axis=0)
    return np.broadcast_to(b, a.shape), a.sum(axis=0)


def gradients(t, mended=False):
    s = np.tanh(t["out"].data)
    eps_next = 2 * (s - t["y"].data) * (1 - s**2)
    d_scores, d_gate = multiply_bp(t["scores"].data, t["gate"].data, eps_next, mended)
    return dict(out=eps_next, scores=d_scores, gate=d_gate, w=t["x"].data.T @ d_scores)


def right(t):
    return gradients(t, mended=True)
