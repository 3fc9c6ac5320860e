"""Right: max pooling, the gradient divided evenly among those that tie."""

import autograd as ag

SOURCE, KIND, FIRST, CHOICE = "style: even splits at ties", "right", None, True


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((2, 3, 2, 2)))}
    t["x"] = ag.Tensor(rng.integers(0, 3, (2, 3, 4, 4)) * 1.0, requires_grad=True)
    t["y"] = t["x"].reshape(2, 3, 2, 2, 2, 2).max(axis=(3, 5))
    t["loss"] = ((t["y"] - t["target"]) ** 2).sum()
    return t


def gradients(t):
    dy = 2 * (t["y"].data - t["target"].data)
    blocks = t["x"].data.reshape(2, 3, 2, 2, 2, 2)
    mask = (blocks == t["y"].data[:, :, :, None, :, None]).astype(float)
    mask /= mask.sum(axis=(3, 5), keepdims=True)
    return dict(y=dy, x=(mask * dy[:, :, :, None, :, None]).reshape(2, 3, 4, 4))
