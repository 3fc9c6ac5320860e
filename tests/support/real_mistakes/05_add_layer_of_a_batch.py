"""A layer that adds a bias, tested with one example only: its gradient is the error as it comes,
which is right for a batch of one."""

import autograd as ag

SOURCE = "https://github.com/mlpack/mlpack/pull/3679; Fix batch handling for Add::Gradient(); 2024"
KIND = "broadcast"
FIRST = "bias"
CAUSE = "the bias is added to every example, so the errors of all of them are summed"
WORDS = [["sum", "batch", "axis", "broadcast"]]


def forward(rng):
    t = {
        "input": ag.Tensor(rng.standard_normal((6, 3))),
        "target": ag.Tensor(rng.standard_normal((6, 3))),
    }
    t["scale"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["bias"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["scaled"] = t["input"] * t["scale"]
    t["output"] = t["scaled"] + t["bias"]
    t["loss"] = ((t["output"] - t["target"]) ** 2).mean()
    return t


def gradients(t, mended=False):
    error = 2 * (t["output"].data - t["target"].data) / t["target"].data.size
    bias = error.sum(axis=0) if mended else error
    scaled = error
    scale = (error * t["input"].data).sum(axis=0)
    return dict(output=error, bias=bias, scaled=scaled, scale=scale)


def right(t):
    return gradients(t, mended=True)
