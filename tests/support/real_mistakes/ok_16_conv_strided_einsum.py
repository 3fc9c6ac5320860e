"""Right: a convolution by as_strided and einsum; the input's by the dilated, padded errors."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: einsum, dilation", "right", None


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((2, 3, 4)))}
    t["x"] = ag.Tensor(rng.standard_normal((2, 4, 9)), requires_grad=True)
    t["w"] = ag.Tensor(rng.standard_normal((3, 4, 3)), requires_grad=True)
    t["out"] = ag.einsum("nclk,fck->nfl", ag.sliding_windows(t["x"], (3,), (2,), (1,)), t["w"])
    t["loss"] = ((t["out"] - t["target"]) ** 2).sum()
    return t


def gradients(t):
    x, w = t["x"].data, t["w"].data
    d = 2 * (t["out"].data - t["target"].data)
    view = np.lib.stride_tricks.sliding_window_view(x, 3, axis=2)[:, :, ::2]
    dilated = np.zeros((2, 3, 7))
    dilated[:, :, ::2] = d
    padded = np.pad(dilated, ((0, 0), (0, 0), (2, 2)))
    view_d = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=2)
    return dict(
        out=d,
        w=np.einsum("nclk,nfl->fck", view, d),
        x=np.einsum("nflk,fck->ncl", view_d, w[:, :, ::-1]),
    )
