"""The backward of an operation a / b, in a pull request that adds division to a library.
It returned dy / a and dy * b: the derivatives are 1 / b and -a / b^2."""

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/apache/singa/pull/484; SINGA-475 add Div operator implementation to singa; 2019"
KIND = "elementwise derivative"
FIRST = "b"
CAUSE = "db is the gradient multiplied by b: a / b has the derivative -a / b^2 by b"
WORDS = [
    [
        "divi",
        "1 /",
        "numerator",
        "denominator",
        "power",
        "square",
        "quotient",
        "local factor",
        "reciprocal",
    ]
]


def forward(rng):
    x = Tensor(rng.standard_normal((5, 4)))
    U = Tensor(rng.standard_normal((4, 3)), requires_grad=True)
    V = Tensor(rng.standard_normal((4, 3)), requires_grad=True)
    y = Tensor(rng.standard_normal((5, 3)))
    a = x @ U
    b = ag.exp(x @ V / 2)
    q = a / b
    return {"x": x, "U": U, "V": V, "y": y, "a": a, "b": b, "q": q, "loss": ((q - y) ** 2).mean()}


def _below(t, dq, da, db):
    x, b = t["x"].data, t["b"].data
    return {"q": dq, "a": da, "b": db, "U": x.T @ da, "V": x.T @ (db * b / 2)}


def gradients(t):
    a, b = t["a"].data, t["b"].data
    dq = 2 * (t["q"].data - t["y"].data) / 15
    return _below(t, dq, dq / a, dq * b)


def right(t):
    a, b = t["a"].data, t["b"].data
    dq = 2 * (t["q"].data - t["y"].data) / 15
    return _below(t, dq, dq / b, -dq * a / b**2)
