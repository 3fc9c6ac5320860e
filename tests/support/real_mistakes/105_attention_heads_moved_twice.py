"""Attention with heads: q, k, v come as (batch, sequence, heads, width), are moved to (batch, heads, sequence, width) and so saved for the backward.
The backward moves k and v a second time, and q not: heads and sequence change places, which fits as there are as many of the one as of the other."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/huggingface/diffusers/issues/14338; cuDNN attention backward corrupts gradients: K/V transposed twice, Q once; 2026"
KIND = "attention"
FIRST = "v"
CAUSE = "Keys and values have heads and sequence exchanged in the backward (transposed twice), so the weights it recomputes are others than the forward's."
WORDS = [["transpos", "swap", "exchang", "axes", "axis", "permut", "moved"]]
B, S, N, D = 2, 3, 3, 4  # as many heads as places


def forward(rng):
    t = {}
    x = ag.Tensor(rng.standard_normal((B, S, 5)))
    for name in "qkv":
        t[f"W{name}"] = ag.Tensor(rng.standard_normal((5, N * D)) / 2, requires_grad=True)
        t[name] = (x @ t[f"W{name}"]).reshape(B, S, N, D)
    q, k, v = (t[name].transpose(0, 2, 1, 3) for name in "qkv")
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(D)
    lse = ag.logsumexp(scores, axis=3, keepdims=True)
    out = (ag.exp(scores - lse) @ v).transpose(0, 2, 1, 3)
    target = ag.Tensor(rng.standard_normal((B, S, N, D)))
    loss = 0.5 * ((out - target) ** 2).sum()
    return t | dict(x=x, lse=lse, out=out, target=target, loss=loss)


def moved(a):
    return a.transpose(0, 2, 1, 3)


def _backward(t, k_and_v):
    x, lse, out = t["x"].data, t["lse"].data, t["out"].data
    q, k, v = (moved(t[name].data) for name in "qkv")  # as the forward saved them
    grad_out = out - t["target"].data
    g = moved(grad_out)
    k, v = k_and_v(k), k_and_v(v)
    p = np.exp(q @ k.swapaxes(2, 3) / np.sqrt(D) - lse)
    dv = p.swapaxes(2, 3) @ g
    dp = g @ v.swapaxes(2, 3)
    ds = p * (dp - (g * moved(out)).sum(axis=3, keepdims=True)) / np.sqrt(D)
    d = dict(out=grad_out, v=moved(dv), q=moved(ds @ k), k=moved(ds.swapaxes(2, 3) @ q))
    for name in "qkv":
        d[f"W{name}"] = np.einsum("bsi,bsj->ij", x, d[name].reshape(B, S, N * D))
    return d


def gradients(t):
    return _backward(t, moved)


def right(t):
    return _backward(t, lambda a: a)
