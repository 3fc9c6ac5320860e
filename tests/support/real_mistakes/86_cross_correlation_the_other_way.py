"""A one-dimensional convolution layer. For the weights' gradient, input and errors are correlated in
the wrong order: the gradient comes out reversed."""

import numpy as np
import autograd as ag

SOURCE = "https://end-to-end-machine-learning.teachable.com/courses/321-convolutional-neural-networks/lectures/15410086; 2.7 Write the weight gradient and input gradient calculations (postscript); year not shown"
KIND = "convolution"
FIRST = "weights"
CAUSE = "the gradient is reversed: the arguments of the correlation are in the wrong order"
WORDS = [["revers", "backward", "flip", "mirror", "order"]]


def forward(rng):
    t = {
        "inputs": ag.Tensor(rng.standard_normal(9), requires_grad=True),
        "target": ag.Tensor(rng.standard_normal(6)),
    }
    t["weights"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["bias"] = ag.Tensor(0.2, requires_grad=True)
    t["outputs"] = (
        ag.sliding_windows(t["inputs"][None, None], (4,), (1,), (1,))[0, 0] @ t["weights"]
        + t["bias"]
    )
    t["loss"] = ((t["outputs"] - t["target"]) ** 2).mean()
    return t


def correlate(a, v):
    """c[k] = sum_n a[n + k] v[n], where they overlap by all of the shorter one."""
    shifts = range(len(a) - len(v) + 1) if len(a) >= len(v) else range(len(a) - len(v), 1)
    return np.array(
        [sum(a[n + k] * v[n] for n in range(len(v)) if 0 <= n + k < len(a)) for k in shifts]
    )


def gradients(t, mended=False):
    x, w = t["inputs"].data, t["weights"].data
    d = 2 * (t["outputs"].data - t["target"].data) / 6
    dw = correlate(x, d) if mended else correlate(d, x)
    return dict(outputs=d, weights=dw, bias=d.sum(), inputs=np.convolve(d, w, mode="full"))


def right(t):
    return gradients(t, mended=True)
