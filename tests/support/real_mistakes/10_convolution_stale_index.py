"""A convolution's gradient in loops over the places of the input, (d, h, w). The result is stored at
m, left over from another loop, for d: one plane is written again and again, the others never."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/NervanaSystems/neon/issues/111; Bug in bprop?; 2015"
KIND = "convolution"
FIRST = "I"
CAUSE = "written at index m in place of d: one plane is overwritten, the others stay zero"
WORDS = [["index", "zero", "overwritten", "only", "left out", "never", "slice", "last", "missing"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((3, 4, 2)))}
    t["I"] = ag.Tensor(rng.standard_normal((3, 5, 6)), requires_grad=True)  # (n, d, w)
    t["F"] = ag.Tensor(rng.standard_normal((2, 5)), requires_grad=True)
    planes = [
        ag.stack(
            [(t["I"][:, m : m + 2, q : q + 5] * t["F"]).sum(axis=(1, 2)) for q in range(2)], axis=1
        )
        for m in range(4)
    ]
    t["O"] = ag.stack(planes, axis=1)  # (n, m, q)
    t["loss"] = ((t["O"] - t["target"]) ** 2).sum() / 2
    return t


def gradients(t, mended=False):
    I, F = t["I"].data, t["F"].data
    E = t["O"].data - t["target"].data
    grad_F = np.zeros_like(F)
    for m in range(4):
        for q in range(2):
            grad_F += np.einsum("n,nij->ij", E[:, m, q], I[:, m : m + 2, q : q + 5])
    grad_I = np.zeros_like(I)
    for d in range(5):
        for w in range(6):
            total = np.zeros(3)
            for i in range(2):
                for j in range(5):
                    if 0 <= d - i < 4 and 0 <= w - j < 2:
                        total += E[:, d - i, w - j] * F[i, j]
            grad_I[:, d if mended else m, w] = total
    return dict(O=E, F=grad_F, I=grad_I)


def right(t):
    return gradients(t, mended=True)
