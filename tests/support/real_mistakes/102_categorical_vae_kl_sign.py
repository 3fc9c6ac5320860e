"""A categorical variational autoencoder: Gumbel-softmax sample with given noise, Bernoulli decoder, KL of q from the uniform distribution.
The gradient of the KL with respect to q has the wrong sign; that of the reconstruction, which is added to it, is right."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/Kaixhin/Autoencoders/issues/9; gradient of KL in CatVAE; 2017"
KIND = "sign"
FIRST = "q"
CAUSE = "The KL term's part of the gradient, log q + 1 - log(1/k), is subtracted where it should be added: wrong sign of one of two terms."
WORDS = [
    ["sign", "minus", "subtract", "negat", "-1 times", "opposite"],
    ["term", "kl", "part", "log", "use", "sign", "path", "way"],
]
TAU, K = 0.8, 3


def forward(rng):
    x = ag.Tensor(rng.integers(0, 2, (4, 5)).astype(float))
    noise = ag.Tensor(rng.gumbel(size=(4, 2, K)))
    We = ag.Tensor(rng.standard_normal((5, 2 * K)) / 2, requires_grad=True)
    be = ag.Tensor(rng.standard_normal(2 * K) / 2, requires_grad=True)
    Wd = ag.Tensor(rng.standard_normal((2 * K, 5)), requires_grad=True)
    bd = ag.Tensor(rng.standard_normal(5) / 2, requires_grad=True)
    logits = (x @ We + be).reshape(4, 2, K)
    e = ag.exp(logits)
    q = e / e.sum(axis=2, keepdims=True)
    log_q = ag.log(q)
    s = ag.exp((log_q + noise) / TAU)
    z = s / s.sum(axis=2, keepdims=True)
    out = z.reshape(4, 2 * K) @ Wd + bd
    reconstruction = (ag.softplus(out) - x * out).sum() / 4
    kl = (q * (log_q - np.log(1 / K))).sum() / 4
    return dict(
        x=x, We=We, be=be, Wd=Wd, bd=bd, logits=logits, q=q, z=z, out=out, loss=reconstruction + kl
    )


def softmax_back(g, p):
    return p * (g - (g * p).sum(axis=2, keepdims=True))


def _backward(t, kl_back):
    v = {k: a.data for k, a in t.items()}
    B = len(v["x"])
    dout = (1 / (1 + np.exp(-v["out"])) - v["x"]) / B
    dWd = v["z"].reshape(B, -1).T @ dout
    dbd = dout.sum(axis=0)
    dz = (dout @ v["Wd"].T).reshape(v["z"].shape)
    dq = softmax_back(dz, v["z"]) / TAU / v["q"]
    dq = dq + kl_back(np.log(v["q"])) / B
    dlogits = softmax_back(dq, v["q"])
    dWe = v["x"].T @ dlogits.reshape(B, -1)
    return dict(
        out=dout,
        Wd=dWd,
        bd=dbd,
        z=dz,
        q=dq,
        logits=dlogits,
        We=dWe,
        be=dlogits.reshape(B, -1).sum(axis=0),
    )


def gradients(t):
    return _backward(t, lambda log_q: np.log(1 / K) - log_q - 1)


def right(t):
    return _backward(t, lambda log_q: log_q + 1 - np.log(1 / K))
