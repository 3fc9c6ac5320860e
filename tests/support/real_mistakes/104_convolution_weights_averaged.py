"""A convolution by windows (N, C, H, W) and one tensordot, ReLU, mean over the places, softmax cross-entropy.
The gradient of the weights is divided once more, by the batch size and the number of places of the output."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import autograd as ag

SOURCE = "https://github.com/sebgao/cTensor/issues/3; Questions about the `batch_conv2d_weight_backward_f` function; 2019"
KIND = "scale"
FIRST = "w"
CAUSE = "The weights' gradient is a sum over images and places; here it's a mean: divided by B H W, 1/27 of what it should be."
WORDS = [["divided", "mean", "average", "27", "0.037"]]
LABELS = np.array([3, 0, 1])


def forward(rng):
    x = ag.Tensor(rng.standard_normal((3, 2, 5, 4)), requires_grad=True)
    w = ag.Tensor(rng.standard_normal((4, 2, 3, 2)) / 2, requires_grad=True)
    b = ag.Tensor(rng.standard_normal((4, 1, 1)) / 4, requires_grad=True)
    y = b
    for u in range(3):
        for v in range(2):
            y = y + ag.einsum("nchw,fc->nfhw", x[:, :, u : u + 3, v : v + 3], w[:, :, u, v])
    r = ag.maximum(y, 0)
    logits = 3 * r.mean(axis=(2, 3))
    loss = (ag.logsumexp(logits, axis=1) - logits[np.arange(3), LABELS]).mean()
    return dict(x=x, w=w, b=b, y=y, r=r, logits=logits, loss=loss)


def _backward(t, of_sum):
    x, w, y, logits = (t[k].data for k in ("x", "w", "y", "logits"))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p[np.arange(3), LABELS] -= 1
    dlogits = p / 3
    B, C, H, W = y.shape
    dr = np.broadcast_to(3 * dlogits[:, :, None, None] / (H * W), y.shape).copy()
    dy = dr * (y > 0)
    windows = sliding_window_view(x, (H, W), axis=(2, 3))  # every tap's view of the image
    dw = np.tensordot(windows, dy, [(0, 4, 5), (0, 2, 3)]).transpose(3, 0, 1, 2)
    if not of_sum:
        dw = dw * (1.0 / (B * H * W))
    db = dy.sum(axis=(0, 2, 3)).reshape(4, 1, 1)
    padded = np.pad(dy, ((0, 0), (0, 0), (2, 2), (1, 1)))
    around = sliding_window_view(padded, (3, 2), axis=(2, 3))[..., ::-1, ::-1]
    dx = np.tensordot(around, w, [(1, 4, 5), (0, 2, 3)]).transpose(0, 3, 1, 2)
    return dict(logits=dlogits, r=dr, y=dy, w=dw, b=db, x=dx)


def gradients(t):
    return _backward(t, of_sum=False)


def right(t):
    return _backward(t, of_sum=True)
