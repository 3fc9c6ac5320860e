"""An autoencoder whose loss is np.mean over all numbers of the batch. The gradient is divided by the
number of rows, len(X)."""

import autograd as ag

SOURCE = "kind: one global factor, rows in place of all numbers"
KIND = "scale"
FIRST = "X_hat"
CAUSE = "divided by the 5 rows in place of all 5 * 4 numbers: 4 times too large"
WORDS = [["4 times", "columns", "rows", "mean", "size", "elements", "numbers", "features"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((5, 4)))}
    t["We"] = ag.Tensor(rng.standard_normal((4, 2)), requires_grad=True)
    t["Wd"] = ag.Tensor(rng.standard_normal((2, 4)), requires_grad=True)
    t["code"] = ag.tanh(t["X"] @ t["We"])
    t["X_hat"] = t["code"] @ t["Wd"]
    t["loss"] = ((t["X_hat"] - t["X"]) ** 2).mean()
    return t


def gradients(t, mended=False):
    X, X_hat, code = t["X"].data, t["X_hat"].data, t["code"].data
    d_X_hat = 2 * (X_hat - X) / (X.size if mended else len(X))
    d_Wd = code.T @ d_X_hat
    d_code = d_X_hat @ t["Wd"].data.T
    d_We = X.T @ (d_code * (1 - code**2))
    return dict(X_hat=d_X_hat, Wd=d_Wd, code=d_code, We=d_We)


def right(t):
    return gradients(t, mended=True)
