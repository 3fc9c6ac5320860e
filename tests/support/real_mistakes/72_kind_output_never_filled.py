"""A convolution whose gradient is gathered in a padded copy. What is returned is the array that was
made before, full of zeros, and never filled from the copy."""

import numpy as np
import autograd as ag

SOURCE = "kind: convolution, an output never filled"
KIND = "convolution"
FIRST = "x"
CAUSE = "all zeros: dx was made and never filled from dx_pad"
WORDS = [["zero", "never", "empty", "filled"]]


def forward(rng):
    t = {"up": ag.Tensor(rng.standard_normal((2, 3, 4, 4)))}
    t["x"] = ag.Tensor(rng.standard_normal((2, 2, 4, 4)), requires_grad=True)
    t["w"] = ag.Tensor(rng.standard_normal((3, 2, 3, 3)), requires_grad=True)
    padded = ag.pad(t["x"], ((0, 0), (0, 0), (1, 1), (1, 1)))
    t["out"] = ag.einsum(
        "nchwij,fcij->nfhw", ag.sliding_windows(padded, (3, 3), (1, 1), (1, 1)), t["w"]
    )
    t["loss"] = (t["out"] * t["up"]).sum()
    return t


def gradients(t, mended=False):
    x, w, dout = t["x"].data, t["w"].data, t["up"].data
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    x_pad = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dx_pad = np.zeros_like(x_pad)
    for i in range(4):
        for j in range(4):
            window = x_pad[:, :, i : i + 3, j : j + 3]
            for f in range(3):
                dw[f] += np.sum(window * dout[:, f, i, j][:, None, None, None], axis=0)
                dx_pad[:, :, i : i + 3, j : j + 3] += w[f] * dout[:, f, i, j][:, None, None, None]
    if mended:
        dx = dx_pad[:, :, 1:-1, 1:-1]
    return dict(out=dout, w=dw, x=dx)


def right(t):
    return gradients(t, mended=True)
