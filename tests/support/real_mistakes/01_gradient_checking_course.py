"""Three layers, ReLU, ReLU, sigmoid, cross-entropy, examples in columns. The course's exercise in
gradient checking: a 2 left in dW2 and a 4 for the 1 in db1."""

import autograd as ag

SOURCE = "https://github.com/bighuang624/Andrew-Ng-Deep-Learning-notes/issues/10; mistakes in assignments/assignment2-1/3.Gradient+Checking.ipynb; 2018"
KIND = "scale"
FIRST = "W2"
CAUSE = (
    "dW2 is multiplied by 2: nothing in the forward gives that factor (and db1 is multiplied by 4)"
)
WORDS = [["twice", "2 times", "factor", "times the right", "multiplied by 2", "scale"]]


def forward(rng):
    t = {
        "X": ag.Tensor(rng.standard_normal((4, 6))),
        "Y": ag.Tensor(rng.integers(0, 2, (1, 6)) * 1.0),
    }
    for n, s in dict(W1=(5, 4), b1=(5, 1), W2=(3, 5), b2=(3, 1), W3=(1, 3), b3=(1, 1)).items():
        t[n] = ag.Tensor(rng.standard_normal(s) * 0.7 + 0.1, requires_grad=True)
    t["Z1"] = t["W1"] @ t["X"] + t["b1"]
    t["A1"] = ag.maximum(t["Z1"], 0)
    t["Z2"] = t["W2"] @ t["A1"] + t["b2"]
    t["A2"] = ag.maximum(t["Z2"], 0)
    t["Z3"] = t["W3"] @ t["A2"] + t["b3"]
    t["A3"] = ag.expit(t["Z3"])
    logprobs = -ag.log(t["A3"]) * t["Y"] - ag.log(1 - t["A3"]) * (1 - t["Y"])
    t["loss"] = logprobs.sum() / 6
    return t


def gradients(t, mended=False):
    X, Y, A1, A2, A3 = (t[n].data for n in ("X", "Y", "A1", "A2", "A3"))
    m = X.shape[1]
    dZ3 = 1 / m * (A3 - Y)
    dW3 = dZ3 @ A2.T
    db3 = dZ3.sum(axis=1, keepdims=True)
    dA2 = t["W3"].data.T @ dZ3
    dZ2 = dA2 * (A2 > 0)
    dW2 = dZ2 @ A1.T * (1 if mended else 2)
    db2 = dZ2.sum(axis=1, keepdims=True)
    dZ1 = (t["W2"].data.T @ dZ2) * (A1 > 0)
    dW1 = dZ1 @ X.T
    db1 = (1 if mended else 4) * dZ1.sum(axis=1, keepdims=True)
    return dict(Z3=dZ3, W3=dW3, b3=db3, A2=dA2, Z2=dZ2, W2=dW2, b2=db2, Z1=dZ1, W1=dW1, b1=db1)


def right(t):
    return gradients(t, mended=True)
