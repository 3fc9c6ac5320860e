"""Attention on (batch, step, head, width), computed on (batch, head, step, width). The backward gets
keys that were saved after the transpose, and transposes them again; with as many heads as steps the
shapes fit."""

import autograd as ag
from nn import functional as F

SOURCE = "https://github.com/huggingface/diffusers/pull/14341; Fix double transpose of K/V in templated attention backward; 2026"
KIND = "transpose"
FIRST = "q"
CAUSE = "the keys are transposed twice: steps and heads are exchanged"
WORDS = [["transpose", "axes", "axis", "exchanged", "swap"]]


def forward(rng):
    shape = (2, 3, 3, 4)
    t = {n: ag.Tensor(rng.standard_normal(shape), requires_grad=True) for n in "qkv"}
    t["target"] = ag.Tensor(rng.standard_normal(shape))
    q, k, v = (t[n].transpose(0, 2, 1, 3) for n in "qkv")
    t["scores"] = q @ k.transpose(0, 1, 3, 2) / 2
    t["p"] = F.softmax(t["scores"])
    t["o"] = (t["p"] @ v).transpose(0, 2, 1, 3)
    t["loss"] = 0.5 * ((t["o"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    query, key, value = (t[n].data.transpose(0, 2, 1, 3) for n in "qkv")  # saved by the forward
    p = t["p"].data
    grad_out = (t["o"].data - t["target"].data).transpose(0, 2, 1, 3)
    if not mended:
        key = key.transpose(0, 2, 1, 3)
    grad_v = p.transpose(0, 1, 3, 2) @ grad_out
    grad_p = grad_out @ value.transpose(0, 1, 3, 2)
    grad_s = p * (grad_p - (p * grad_p).sum(axis=-1, keepdims=True))
    grad_q = grad_s @ key / 2
    grad_k = grad_s.transpose(0, 1, 3, 2) @ query / 2
    back = lambda x: x.transpose(0, 2, 1, 3)
    return dict(
        o=back(grad_out), v=back(grad_v), p=grad_p, scores=grad_s, q=back(grad_q), k=back(grad_k)
    )


def right(t):
    return gradients(t, mended=True)
