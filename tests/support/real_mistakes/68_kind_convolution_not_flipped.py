"""One image, one kernel, a "valid" convolution as networks do it. The image's gradient is the "full"
one of the errors with the kernel, but the kernel is not turned by 180 degrees."""

import numpy as np
import autograd as ag

SOURCE = "kind: convolution, dx without the flip"
KIND = "convolution"
FIRST = "image"
CAUSE = "the kernel must be flipped (rotated by 180 degrees) for the gradient of the input"
WORDS = [["flip", "rotat", "180", "backwards", "reverse", "mirror"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((4, 3)))}
    t["image"] = ag.Tensor(rng.standard_normal((6, 4)), requires_grad=True)
    t["kernel"] = ag.Tensor(rng.standard_normal((3, 2)), requires_grad=True)
    t["out"] = ag.sliding_windows(t["image"][None, None], (3, 2), (1, 1), (1, 1))[0, 0].reshape(
        4, 3, 6
    ) @ t["kernel"].reshape(6)
    t["loss"] = 0.5 * ((t["out"] - t["target"]) ** 2).sum()
    return t


def correlate(a, k):
    rows, columns = a.shape[0] - k.shape[0] + 1, a.shape[1] - k.shape[1] + 1
    return np.array(
        [
            [np.sum(a[i : i + k.shape[0], j : j + k.shape[1]] * k) for j in range(columns)]
            for i in range(rows)
        ]
    )


def gradients(t, mended=False):
    dout = t["out"].data - t["target"].data
    kernel = t["kernel"].data
    dkernel = correlate(t["image"].data, dout)
    padded = np.pad(dout, ((2, 2), (1, 1)))
    dimage = correlate(padded, np.rot90(kernel, 2) if mended else kernel)
    return dict(out=dout, kernel=dkernel, image=dimage)


def right(t):
    return gradients(t, mended=True)
