"""A factorization machine with a squared loss; the gradients of w0, W and V by hand.
For W the gradient that arrives was divided by the features, in place of multiplied by them."""

from autograd import Tensor

SOURCE = "https://github.com/apache/systemds/pull/696; [SYSTEMML-1437] Factorization Machines; 2017"
KIND = "matrix calculus"
FIRST = "W"
CAUSE = "dout is divided by X, (1 / X)^T dout: it must be multiplied, X^T dout"
WORDS = [["divi", "reciprocal", "1 /", "multipl", "inverse", "power"]]


def forward(rng):
    X = Tensor(rng.uniform(0.5, 2, (6, 5)) * rng.choice([-1, 1], (6, 5)))
    y = Tensor(rng.standard_normal((6, 1)))
    w0 = Tensor(rng.standard_normal((1, 1)), requires_grad=True)
    W = Tensor(rng.standard_normal((5, 1)), requires_grad=True)
    V = Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    XV = X @ V
    pairs = ((XV**2) - (X**2) @ (V**2)).sum(axis=1, keepdims=True) / 2
    out = w0 + X @ W + pairs
    return {"X": X, "y": y, "w0": w0, "W": W, "V": V, "out": out, "loss": ((out - y) ** 2).mean()}


def gradients(t):
    X, V = t["X"].data, t["V"].data
    dout = 2 * (t["out"].data - t["y"].data) / 6
    dw0 = dout.sum(axis=0, keepdims=True)
    dW = (1 / X).T @ dout
    dV = X.T @ (dout * (X @ V)) - V * ((X**2).T @ dout)
    return {"out": dout, "w0": dw0, "W": dW, "V": dV}


def right(t):
    g = gradients(t)
    return {**g, "W": t["X"].data.T @ g["out"]}
