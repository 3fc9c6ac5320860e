"""Right: the mean's gradient without the variance's share, which is 0, as the centred sum to 0."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = (
    "https://github.com/pjreddie/darknet/issues/1634; Questions about batchnorm_backward_layer; 2019 (asked why a term is left out; it is 0)",
    "right",
    None,
)


def forward(rng):
    t = {"delta": ag.Tensor(rng.standard_normal((8, 3)))}
    t["x"] = ag.Tensor(rng.standard_normal((8, 3)) * 3 + 2, requires_grad=True)
    t["mean"] = t["x"].mean(axis=0)
    t["variance"] = ((t["x"] - t["mean"]) ** 2).mean(axis=0)
    t["out"] = (t["x"] - t["mean"]) / ag.sqrt(t["variance"] + 1e-5)
    t["loss"] = (t["out"] * t["delta"]).sum()
    return t


def gradients(t):
    x, mean, variance, delta = (t[n].data for n in ("x", "mean", "variance", "delta"))
    mean_delta, variance_delta = np.zeros(3), np.zeros(3)
    for i in range(3):
        for j in range(8):
            mean_delta[i] += delta[j, i]
            variance_delta[i] += delta[j, i] * (x[j, i] - mean[i])
        mean_delta[i] *= -1.0 / np.sqrt(variance[i] + 1e-5)
        variance_delta[i] *= -0.5 * (variance[i] + 1e-5) ** -1.5
    dx = delta / np.sqrt(variance + 1e-5) + variance_delta * 2 * (x - mean) / 8 + mean_delta / 8
    return dict(mean=mean_delta, variance=variance_delta, x=dx)
