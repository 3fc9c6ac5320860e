"""Max pooling whose backward adds into a buffer that is taken again and again: resized to the input's
shape, never cleared, so that gradients of other batches stay in it."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/pytorch/executorch/pull/21687; Zero grad_input in max_pool2d_with_indices_backward; 2026"
KIND = "buffer"
FIRST = "conv"
CAUSE = "the buffer was not cleared: what an earlier pass left in it is added"
WORDS = [
    [
        "zero",
        "buffer",
        "clear",
        "earlier",
        "stale",
        "accumulat",
        "not the maximum",
        "elsewhere",
        "added",
        "unknown",
    ]
]


def forward(rng):
    t = {
        "x": ag.Tensor(rng.standard_normal((3, 8))),
        "target": ag.Tensor(rng.standard_normal((3, 3))),
    }
    t["buffer"] = ag.Tensor(np.where(rng.random((3, 6)) < 0.5, rng.standard_normal((3, 6)), 0.0))
    t["kernel"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["conv"] = ag.sliding_windows(t["x"][:, None], (3,), (1,), (1,))[:, 0] @ t["kernel"]
    t["pool"] = t["conv"].reshape(3, 3, 2).max(axis=2)
    t["loss"] = ((t["pool"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    x, conv = t["x"].data, t["conv"].data
    grad_output = 2 * (t["pool"].data - t["target"].data)
    grad_input = t["buffer"].data.copy()
    if mended:
        grad_input.fill(0)
    for n in range(3):
        for i in range(3):
            maxindex = 2 * i + np.argmax(conv[n, 2 * i : 2 * i + 2])
            grad_input[n, maxindex] += grad_output[n, i]
    grad_kernel = np.array([(grad_input * x[:, k : k + 6]).sum() for k in range(3)])
    return dict(pool=grad_output, conv=grad_input, kernel=grad_kernel)


def right(t):
    return gradients(t, mended=True)
