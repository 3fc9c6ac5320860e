"""A neuron of scalars in the manner of micrograd, tanh made of exp. "The gradient of exp should be
self.data * out.grad": its input for its output."""

import autograd as ag

SOURCE = "https://github.com/karpathy/nn-zero-to-hero/issues/52; Bug on lectures/micrograd/micrograd_lecture_second_half_roughly.ipynb; 2024"
KIND = "activation derivative"
FIRST = "n2"
CAUSE = "the derivative of exp is exp, the output; here it is multiplied by the input"
WORDS = [["exp"], ["input", "output", "itself", "derivative", "out"]]


def forward(rng):
    t = {
        n: ag.Tensor(rng.uniform(0.2, 0.8), requires_grad=True)
        for n in ("x1", "x2", "w1", "w2", "b")
    }
    t["n"] = t["x1"] * t["w1"] + t["x2"] * t["w2"] + t["b"]
    t["n2"] = 2 * t["n"]
    t["e"] = ag.exp(t["n2"])
    t["o"] = (t["e"] - 1) / (t["e"] + 1)
    t["loss"] = (t["o"] - 1.0) ** 2
    return t


def gradients(t, mended=False):
    e, o = t["e"].data, t["o"].data
    do = 2 * (o - 1.0)
    de = do * (1 / (e + 1)) + do * (-(e - 1) / (e + 1) ** 2)
    dn2 = de * (e if mended else t["n2"].data)
    dn = 2 * dn2
    return dict(
        o=do,
        e=de,
        n2=dn2,
        n=dn,
        x1=t["w1"].data * dn,
        w1=t["x1"].data * dn,
        x2=t["w2"].data * dn,
        w2=t["x2"].data * dn,
        b=dn,
    )


def right(t):
    return gradients(t, mended=True)
