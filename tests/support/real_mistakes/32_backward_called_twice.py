"""Scalars that accumulate their gradients, in the manner of micrograd. Backward is called a second
time after the parameters' gradients were zeroed, and those of the values in between were not."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/karpathy/micrograd/pull/102; Update engine.py to zero grads prior to accumulation; 2025"
KIND = "buffer"
FIRST = "e"
CAUSE = "accumulated onto the gradient of an earlier backward pass: it was not set to zero before"
WORDS = [["accumulat", "twice", "2 times", "zero", "earlier", "added", "counted"]]


def forward(rng):
    t = {n: ag.Tensor(rng.uniform(0.5, 2.0), requires_grad=True) for n in "abc"}
    t["d"] = t["a"] * t["b"]
    t["e"] = t["d"] + t["c"]
    t["loss"] = t["e"] ** 2
    return t


def backward(t, grad):
    grad["e"] += 2 * t["e"].data
    grad["d"] += grad["e"]
    grad["c"] += grad["e"]
    grad["a"] += t["b"].data * grad["d"]
    grad["b"] += t["a"].data * grad["d"]


def gradients(t, mended=False):
    grad = dict.fromkeys("abcde", 0.0)
    backward(t, grad)
    for name in "abcde" if mended else "abc":
        grad[name] = 0.0
    backward(t, grad)
    return {name: np.array(g) for name, g in grad.items()}


def right(t):
    return gradients(t, mended=True)
