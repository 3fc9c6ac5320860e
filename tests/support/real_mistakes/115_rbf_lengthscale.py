"""The mean of a Gaussian process at new points, differentiated by the points (RBF kernel).
In the kernel's derivative the lengthscale is not squared."""

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/sarmueller/gibo/issues/3; Kernel grad in acquisition function; 2022"
KIND = "kernel"
FIRST = "x"
CAUSE = "dk/dx = -(x - X) / l^2 k: it was divided by the lengthscale l, not by its square"
WORDS = [["squar", "lengthscale", "power", "divided", "times", "factor", "1.7", "0.588"]]

LENGTH = 1.7


def forward(rng):
    x = Tensor(rng.standard_normal((4, 3)), requires_grad=True)
    X = Tensor(rng.standard_normal((6, 3)))
    alpha = Tensor(rng.standard_normal((6, 1)))
    diff = x.reshape(4, 1, 3) - X
    K = ag.exp(-0.5 * (diff**2).sum(axis=2) / LENGTH**2)
    mean = K @ alpha
    return {"x": x, "X": X, "alpha": alpha, "K": K, "mean": mean, "loss": -(mean**2).sum()}


def gradients(t):
    x, X, K = t["x"].data, t["X"].data, t["K"].data
    dmean = -2 * t["mean"].data
    dK = dmean @ t["alpha"].data.T
    grad_K = -(x[:, None, :] - X[None, :, :]) / LENGTH * K[:, :, None]
    dx = (dK[:, :, None] * grad_K).sum(axis=1)
    return {"mean": dmean, "K": dK, "x": dx}


def right(t):
    g = gradients(t)
    x, X, K = t["x"].data, t["X"].data, t["K"].data
    grad_K = -(x[:, None, :] - X[None, :, :]) / LENGTH**2 * K[:, :, None]
    return {**g, "x": (g["K"][:, :, None] * grad_K).sum(axis=1)}
