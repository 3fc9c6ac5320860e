"""Right: word embeddings averaged over a sentence; repeated words by np.add.at."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: np.add.at", "right", None


def forward(rng):
    t = {
        "words": ag.Tensor(rng.integers(0, 5, (4, 6))),
        "y": ag.Tensor(rng.integers(0, 2, 4) * 1.0),
    }
    t["E"] = ag.Tensor(rng.standard_normal((7, 3)), requires_grad=True)
    t["w"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["emb"] = t["E"][t["words"].data]
    t["mean"] = t["emb"].mean(axis=1)
    t["z"] = t["mean"] @ t["w"]
    t["loss"] = (ag.softplus(t["z"]) - t["y"] * t["z"]).sum()
    return t


def gradients(t):
    dz = 1 / (1 + np.exp(-t["z"].data)) - t["y"].data
    dmean = np.outer(dz, t["w"].data)
    demb = np.repeat(dmean[:, None] / 6, 6, axis=1)
    dE = np.zeros((7, 3))
    np.add.at(dE, t["words"].data, demb)
    return dict(z=dz, w=t["mean"].data.T @ dz, mean=dmean, emb=demb, E=dE)
