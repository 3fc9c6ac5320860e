"""Splatting 2-D Gaussians: power = -(a dx^2 + c dy^2) / 2 - b dx dy, differentiated by a, b, c.
The cross term has no 1/2 in the forward, but -0.5 in the backward like the other two."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/graphdeco-inria/gaussian-splatting/issues/551; Gradient error in backpropagation; 2023"
KIND = "scale"
FIRST = "conic"
CAUSE = "the derivative of the cross term by b is -dx dy: its coefficient is -1, not -0.5"
WORDS = [["1/2", "0.5", "half", "2 times", "index 1", "coefficient"]]


def forward(rng):
    pixel = Tensor(rng.uniform(-1, 1, (7, 2)))
    mean2D = Tensor(rng.uniform(-1, 1, (3, 2)))
    conic = Tensor(
        np.array([1.5, 0.4, 0.9]) + 0.2 * rng.standard_normal((3, 3)), requires_grad=True
    )
    opacity = Tensor(rng.random((3, 1)), requires_grad=True)
    target = Tensor(rng.random(7))
    d = mean2D.reshape(3, 1, 2) - pixel
    dx, dy = d[:, :, 0], d[:, :, 1]
    a, b, c = (conic[:, k].reshape(3, 1) for k in range(3))
    power = -0.5 * (a * dx**2 + c * dy**2) - b * dx * dy
    G = ag.exp(power)
    color = (opacity * G).sum(axis=0)
    return {
        "pixel": pixel,
        "mean2D": mean2D,
        "conic": conic,
        "opacity": opacity,
        "target": target,
        "power": power,
        "G": G,
        "color": color,
        "loss": ((color - target) ** 2).sum(),
    }


def _back(t, cross):
    pixel, mean2D, G = t["pixel"].data, t["mean2D"].data, t["G"].data
    dL_dcolor = 2 * (t["color"].data - t["target"].data)
    dL_dG, dL_dpower = np.zeros((3, 7)), np.zeros((3, 7))
    dL_dconic, dL_dopacity = np.zeros((3, 3)), np.zeros((3, 1))
    for g in range(3):
        for p in range(7):
            dx, dy = mean2D[g] - pixel[p]
            dL_dG[g, p] = t["opacity"].data[g, 0] * dL_dcolor[p]
            dL_dpower[g, p] = gdL = G[g, p] * dL_dG[g, p]
            dL_dconic[g] += [-0.5 * dx * dx * gdL, cross * dx * dy * gdL, -0.5 * dy * dy * gdL]
            dL_dopacity[g, 0] += G[g, p] * dL_dcolor[p]
    return {
        "color": dL_dcolor,
        "G": dL_dG,
        "power": dL_dpower,
        "opacity": dL_dopacity,
        "conic": dL_dconic,
    }


def gradients(t):
    return _back(t, cross=-0.5)


def right(t):
    return _back(t, cross=-1.0)
