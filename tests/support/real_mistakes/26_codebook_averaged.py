"""The nearest vector of a codebook in place of each latent. A vector's gradient is the mean over the
latents that chose it, in a loop over the codebook; it must be their sum."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/nadavbh12/VQ-VAE/pull/4; Use masking for backward operation (nearest_embed.py); 2018"
KIND = "scale"
FIRST = "emb"
CAUSE = "the mean over the latents that chose a vector in place of the sum"
WORDS = [["mean", "average", "sum", "divided", "count", "repeat"]]


def forward(rng):
    x = rng.standard_normal((8, 3))
    emb = x[:4] + 0.3 * rng.standard_normal((4, 3))
    t = {
        "target": ag.Tensor(rng.standard_normal((8, 2))),
        "w": ag.Tensor(rng.standard_normal((3, 2)), requires_grad=True),
    }
    t["argmin"] = ag.Tensor(((x[:, None] - emb[None]) ** 2).sum(axis=2).argmin(axis=1))
    t["emb"] = ag.Tensor(emb, requires_grad=True)
    t["result"] = t["emb"][t["argmin"].data]
    t["out"] = t["result"] @ t["w"]
    t["loss"] = ((t["out"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    grad_out = 2 * (t["out"].data - t["target"].data)
    grad_result = grad_out @ t["w"].data.T
    grad_emb = np.zeros_like(t["emb"].data)
    for i in range(len(grad_emb)):
        chosen = np.nonzero(t["argmin"].data == i)[0]
        if len(chosen):
            grad_emb[i] = (
                grad_result[chosen].sum(axis=0) if mended else grad_result[chosen].mean(axis=0)
            )
    return dict(out=grad_out, w=t["result"].data.T @ grad_out, result=grad_result, emb=grad_emb)


def right(t):
    return gradients(t, mended=True)
