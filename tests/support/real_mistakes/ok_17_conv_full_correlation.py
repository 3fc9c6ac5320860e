"""Right: one channel, the image's gradient as a full convolution with the kernel turned around."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = (
    "https://github.com/wuziheng/CNN-Numpy/issues/2; Questions; 2018 (asked why it is flipped; it is right)",
    "right",
    None,
)


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((4, 3)))}
    t["image"] = ag.Tensor(rng.standard_normal((5, 5)), requires_grad=True)
    t["kernel"] = ag.Tensor(rng.standard_normal((2, 3)), requires_grad=True)
    total = 0
    for i in range(2):
        for j in range(3):
            total = total + t["image"][i : i + 4, j : j + 3] * t["kernel"][i, j]
    t["out"] = total
    t["loss"] = 0.5 * ((t["out"] - t["target"]) ** 2).sum()
    return t


def gradients(t):
    d = t["out"].data - t["target"].data
    padded = np.pad(d, ((1, 1), (2, 2)))
    flipped = np.flipud(np.fliplr(t["kernel"].data))
    d_image = np.array(
        [[(padded[i : i + 2, j : j + 3] * flipped).sum() for j in range(5)] for i in range(5)]
    )
    d_kernel = np.array(
        [[(t["image"].data[i : i + 4, j : j + 3] * d).sum() for j in range(3)] for i in range(2)]
    )
    return dict(out=d, kernel=d_kernel, image=d_image)
