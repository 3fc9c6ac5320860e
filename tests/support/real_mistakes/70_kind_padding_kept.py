"""A padded convolution over a sequence. The gradient is computed for the padded input, and returned
like that, with the padding."""

import numpy as np
import autograd as ag

SOURCE = "kind: convolution, padding kept"
KIND = "convolution"
FIRST = "x"
CAUSE = "the gradient has the padding on still: cut it off"
WORDS = [["pad", "border", "edge"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((3, 2, 6)))}
    t["x"] = ag.Tensor(rng.standard_normal((3, 4, 6)), requires_grad=True)
    t["w"] = ag.Tensor(rng.standard_normal((2, 4, 3)), requires_grad=True)
    windows = ag.sliding_windows(ag.pad(t["x"], ((0, 0), (0, 0), (1, 1))), (3,), (1,), (1,))
    t["out"] = ag.einsum("ncik,fck->nfi", windows, t["w"])
    t["loss"] = ((t["out"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    x, w = t["x"].data, t["w"].data
    dout = 2 * (t["out"].data - t["target"].data)
    x_pad = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    dx_pad, dw = np.zeros_like(x_pad), np.zeros_like(w)
    for n in range(3):
        for f in range(2):
            for i in range(6):
                dw[f] += x_pad[n, :, i : i + 3] * dout[n, f, i]
                dx_pad[n, :, i : i + 3] += w[f] * dout[n, f, i]
    return dict(out=dout, w=dw, x=dx_pad[:, :, 1:-1] if mended else dx_pad)


def right(t):
    return gradients(t, mended=True)
