"""Right: an oscillator by six symplectic Euler steps; the adjoint runs back through time."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: sums over time steps, recomputation of nothing", "right", None
H = 0.1


def forward(rng):
    t = {"goal": ag.Tensor(rng.standard_normal(3))}
    t["k"], t["c"] = ag.Tensor(2.0, requires_grad=True), ag.Tensor(0.3, requires_grad=True)
    t["x0"], t["v0"] = (ag.Tensor(rng.standard_normal(3), requires_grad=True) for _ in range(2))
    for i in range(6):
        t[f"v{i + 1}"] = t[f"v{i}"] - H * (t["k"] * t[f"x{i}"] + t["c"] * t[f"v{i}"])
        t[f"x{i + 1}"] = t[f"x{i}"] + H * t[f"v{i + 1}"]
    t["loss"] = 0.5 * ((t["x6"] - t["goal"]) ** 2).sum()
    return t


def gradients(t):
    k, c = t["k"].data, t["c"].data
    ax, av, dk, dc = t["x6"].data - t["goal"].data, np.zeros(3), 0.0, 0.0
    for i in range(5, -1, -1):
        av = av + H * ax
        dk -= H * av @ t[f"x{i}"].data
        dc -= H * av @ t[f"v{i}"].data
        ax, av = ax - H * k * av, av * (1 - H * c)
    return dict(x0=ax, v0=av, k=dk, c=dc)
