"""A convolution by windows, under a mean of squares. The kernel's gradient is divided by batch,
height and width, though the mean is in what arrives already."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/sebgao/cTensor/issues/3; Questions about the batch_conv2d_weight_backward_f function; 2019"
KIND = "scale"
FIRST = "kernel"
CAUSE = "the kernel's gradient is a sum over images and places, not a mean: divided by B*H*W once too often"
WORDS = [["mean", "divided", "average", "factor", "1/", "times"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((3, 2, 4, 3)))}
    t["input"] = ag.Tensor(rng.standard_normal((3, 2, 6, 4)), requires_grad=True)
    t["kernel"] = ag.Tensor(rng.standard_normal((2, 2, 3, 2)), requires_grad=True)
    windows = ag.sliding_windows(t["input"], (3, 2), (1, 1), (1, 1))
    t["out"] = ag.einsum("bchwkl,ockl->bohw", windows, t["kernel"])
    t["loss"] = ((t["out"] - t["target"]) ** 2).mean()
    return t


def gradients(t, mended=False):
    x, k = t["input"].data, t["kernel"].data
    d_out = 2 * (t["out"].data - t["target"].data) / t["out"].data.size
    B, _, H, W = d_out.shape
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 2), axis=(2, 3))
    d_kernel = np.tensordot(windows, d_out, [(0, 2, 3), (0, 2, 3)]).transpose(3, 0, 1, 2)
    if not mended:
        d_kernel = d_kernel * (1.0 / (B * H * W))
    d_input = np.zeros_like(x)
    for i in range(3):
        for j in range(2):
            d_input[:, :, i : i + H, j : j + W] += np.einsum("bohw,oc->bchw", d_out, k[:, :, i, j])
    return dict(out=d_out, kernel=d_kernel, input=d_input)


def right(t):
    return gradients(t, mended=True)
