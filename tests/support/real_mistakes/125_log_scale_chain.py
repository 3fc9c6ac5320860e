"""Covariances R S S R^T of Gaussians whose scales are given by their logarithms, a fit to others.
The kernel's gradient of the scale is handed back as that of the logarithm."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = (
    "https://github.com/openvdb/fvdb-core/issues/432; Missing chain rule for log_scales gradient "
    "in projection backward pass; 2026"
)
KIND = "chain rule"
FIRST = "log_scales"
CAUSE = "scale = exp(log_scale): the factor exp(log_scale), the scale itself, is missing"
WORDS = [["exp", "log", "local factor", "forgotten", "chain"]]


def forward(rng):
    angle = rng.uniform(0, 3, 4)
    R = Tensor(
        np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).transpose(
            2, 0, 1
        )
    )
    log_scales = Tensor(rng.normal(-0.5, 0.7, (4, 2)), requires_grad=True)
    target = Tensor(np.tile(np.eye(2), (4, 1, 1)))
    M = R * ag.exp(log_scales).reshape(4, 1, 2)
    Sigma = M @ M.swapaxes(1, 2)
    return {
        "R": R,
        "log_scales": log_scales,
        "target": target,
        "M": M,
        "Sigma": Sigma,
        "loss": ((Sigma - target) ** 2).sum() / 2,
    }


def gradients(t):
    R, M = t["R"].data, t["M"].data
    dSigma = t["Sigma"].data - t["target"].data
    dM = (dSigma + dSigma.swapaxes(1, 2)) @ M
    dscale = (R * dM).sum(axis=1)
    return {"Sigma": dSigma, "M": dM, "log_scales": dscale}


def right(t):
    g = gradients(t)
    return {**g, "log_scales": g["log_scales"] * np.exp(t["log_scales"].data)}
