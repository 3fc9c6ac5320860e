"""Right: log, softmax's Jacobian as a full matrix per example, einsum: not fused."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = (
    "https://ai.stackexchange.com/questions/35741; Trouble writing the backpropagation algorithm in python through crossentropy and softmax (the derivation is right)",
    "right",
    None,
)


def forward(rng):
    t = {
        "X": ag.Tensor(rng.standard_normal((4, 3))),
        "T": ag.Tensor(np.eye(5)[rng.integers(0, 5, 4)]),
    }
    t["W"] = ag.Tensor(rng.standard_normal((3, 5)), requires_grad=True)
    t["z"] = t["X"] @ t["W"]
    t["p"] = F.softmax(t["z"])
    t["loss"] = -(t["T"] * ag.log(t["p"])).sum() / 4
    return t


def gradients(t):
    p = t["p"].data
    dp = -t["T"].data / p / 4
    J = np.einsum("ni,ij->nij", p, np.eye(5)) - np.einsum("ni,nj->nij", p, p)
    dz = np.einsum("nij,ni->nj", J, dp)
    return dict(p=dp, z=dz, W=np.einsum("nd,nk->dk", t["X"].data, dz))
