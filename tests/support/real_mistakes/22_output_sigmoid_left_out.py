"""A digit classifier: sigmoid twice, squared error, one image in a column. The output's delta is
o - l, as for cross-entropy: the output's sigmoid is not differentiated."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/Bot-Academy/NeuralNetworkFromScratch/pull/3; Fixed formally wrong backpropagation/gradient descent; 2023"
KIND = "activation derivative"
FIRST = "o_pre"
CAUSE = "the derivative of the output's sigmoid, o * (1 - o), is missing: o - l alone is for cross-entropy"
WORDS = [["sigmoid", "expit", "o * (1 - o)", "derivative", "activation"]]


def forward(rng):
    t = {"img": ag.Tensor(rng.random((7, 1))), "l": ag.Tensor(np.eye(4)[:, [rng.integers(4)]])}
    for n, s in dict(w_i_h=(5, 7), b_i_h=(5, 1), w_h_o=(4, 5), b_h_o=(4, 1)).items():
        t[n] = ag.Tensor(rng.uniform(-0.5, 0.5, s), requires_grad=True)
    t["h_pre"] = t["b_i_h"] + t["w_i_h"] @ t["img"]
    t["h"] = ag.expit(t["h_pre"])
    t["o_pre"] = t["b_h_o"] + t["w_h_o"] @ t["h"]
    t["o"] = ag.expit(t["o_pre"])
    t["loss"] = 0.5 * ((t["o"] - t["l"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    h, o, img = t["h"].data, t["o"].data, t["img"].data
    delta_o = o - t["l"].data
    if mended:
        delta_o = delta_o * o * (1 - o)
    delta_h = np.transpose(t["w_h_o"].data) @ delta_o * (h * (1 - h))
    return dict(
        o_pre=delta_o,
        w_h_o=delta_o @ np.transpose(h),
        b_h_o=delta_o,
        h_pre=delta_h,
        w_i_h=delta_h @ np.transpose(img),
        b_i_h=delta_h,
    )


def right(t):
    return gradients(t, mended=True)
