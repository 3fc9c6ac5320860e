"""Right: conv_backward_naive, six loops, stride 2 and padding 1, cut off at the end."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: loops, cs231n", "right", None


def forward(rng):
    t = {"dout": ag.Tensor(rng.standard_normal((2, 3, 3, 2)))}
    t["x"] = ag.Tensor(rng.standard_normal((2, 2, 5, 4)), requires_grad=True)
    t["w"] = ag.Tensor(rng.standard_normal((3, 2, 3, 3)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    padded = ag.pad(t["x"], ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = ag.sliding_windows(padded, (3, 3), (2, 2), (1, 1))
    t["out"] = ag.einsum("nchwij,fcij->nfhw", windows, t["w"]) + t["b"][:, None, None]
    t["loss"] = (t["out"] * t["dout"]).sum()
    return t


def gradients(t):
    x, w, dout = t["x"].data, t["w"].data, t["dout"].data
    x_pad = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dx_pad, dw, db = np.zeros_like(x_pad), np.zeros_like(w), np.zeros(3)
    for n in range(2):
        for f in range(3):
            db[f] += dout[n, f].sum()
            for i in range(3):
                for j in range(2):
                    dw[f] += x_pad[n, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * dout[n, f, i, j]
                    dx_pad[n, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += w[f] * dout[n, f, i, j]
    return dict(out=dout, w=dw, b=db, x=dx_pad[:, :, 1:-1, 1:-1])
