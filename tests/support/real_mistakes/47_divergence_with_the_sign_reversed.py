"""A categorical variational autoencoder. The gradient of the divergence from the uniform
distribution, log q + 1 - log(1/K), is added with the sign reversed."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://github.com/Kaixhin/Autoencoders/issues/9; gradient of KL in CatVAE; 2017"
KIND = "loss"
FIRST = "q"
CAUSE = "the sign of the divergence's term is wrong"
WORDS = [["sign", "minus", "reversed", "negative", "-1"]]


def forward(rng):
    K = 4
    t = {"x": ag.Tensor(rng.standard_normal((6, 3)))}
    t["W_e"] = ag.Tensor(rng.standard_normal((3, K)), requires_grad=True)
    t["W_d"] = ag.Tensor(rng.standard_normal((K, 3)), requires_grad=True)
    t["logits"] = t["x"] @ t["W_e"]
    t["q"] = F.softmax(t["logits"])
    t["recon"] = t["q"] @ t["W_d"]
    t["loss"] = ((t["recon"] - t["x"]) ** 2).sum() + (
        t["q"] * (ag.log(t["q"]) - np.log(1 / K))
    ).sum()
    return t


def gradients(t, mended=False):
    x, q = t["x"].data, t["q"].data
    d_recon = 2 * (t["recon"].data - x)
    d_kl = np.log(q) + 1 - np.log(1 / 4)
    d_q = d_recon @ t["W_d"].data.T + (d_kl if mended else -d_kl)
    d_logits = q * (d_q - (d_q * q).sum(axis=1, keepdims=True))
    return dict(recon=d_recon, W_d=q.T @ d_recon, q=d_q, logits=d_logits, W_e=x.T @ d_logits)


def right(t):
    return gradients(t, mended=True)
