"""A module that pads a signal with zeros, before a convolution, and its backward.
The backward crops and hands back the input, in place of the gradient of the input."""

import numpy as np

import autograd as ag
from autograd import Tensor
from nn import functional as F

SOURCE = "https://github.com/torch/nn/pull/344; fixed nn.Padding; 2015"
KIND = "convolution"
FIRST = "h"
CAUSE = "the input itself is returned where the gradient of the padded signal, cropped, belongs"
WORDS = [
    ["itself", "value", "the input", "not a gradient", "not the gradient", "forward", "data of"]
]


def forward(rng):
    s = Tensor(rng.standard_normal((3, 2, 6)))
    g = Tensor(rng.standard_normal((2, 1)), requires_grad=True)
    K = Tensor(rng.standard_normal((4, 2, 3)), requires_grad=True)
    h = ag.tanh(s * g)
    padded = ag.pad(h, ((0, 0), (0, 0), (1, 1)))
    out = F.conv1d(padded, K)
    target = Tensor(rng.standard_normal((3, 4, 6)))
    return {
        "s": s,
        "g": g,
        "K": K,
        "h": h,
        "padded": padded,
        "out": out,
        "target": target,
        "loss": ((out - target) ** 2).mean(),
    }


def _back(t, dh_of):
    h, padded, K = t["h"].data, t["padded"].data, t["K"].data
    dout = 2 * (t["out"].data - t["target"].data) / t["out"].size
    dK, dpadded = np.zeros_like(K), np.zeros_like(padded)
    for i in range(dout.shape[2]):
        dK += np.einsum("nf,nck->fck", dout[:, :, i], padded[:, :, i : i + 3])
        dpadded[:, :, i : i + 3] += np.einsum("nf,fck->nck", dout[:, :, i], K)
    dh = dh_of(h, dpadded)
    dg = (dh * (1 - h**2) * t["s"].data).sum(axis=(0, 2)).reshape(2, 1)
    return {"out": dout, "K": dK, "padded": dpadded, "h": dh, "g": dg}


def gradients(t):
    return _back(t, lambda h, dpadded: h.copy())


def right(t):
    return _back(t, lambda h, dpadded: dpadded[:, :, 1:-1].copy())
