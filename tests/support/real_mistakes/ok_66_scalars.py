"""Right: a neuron of scalars whose gradients are accumulated in the order of a topological sort."""

import autograd as ag

SOURCE, KIND, FIRST = "style: micrograd, in-place accumulation", "right", None


def forward(rng):
    t = {n: ag.Tensor(rng.uniform(-1, 1), requires_grad=True) for n in "abc"}
    t["d"] = t["a"] * t["b"]
    t["e"] = t["d"] + t["a"]
    t["f"] = ag.tanh(t["e"] * t["d"] + t["c"])
    t["loss"] = t["f"] ** 2 + t["e"]
    return t


def gradients(t):
    v = {n: float(x.data) for n, x in t.items()}
    g = dict.fromkeys("abcdef", 0.0)
    g["f"] += 2 * v["f"]
    g["e"] += 1.0
    local = (1 - v["f"] ** 2) * g["f"]
    g["c"] += local
    g["e"] += v["d"] * local
    g["d"] += v["e"] * local
    g["d"] += g["e"]
    g["a"] += g["e"]
    g["a"] += v["b"] * g["d"]
    g["b"] += v["a"] * g["d"]
    return g
