"""A layer that slides one 2 x 3 kernel over images (cross-correlation), tanh, half the squared error.
The kernel's gradient is a cross-correlation of the input with the output's gradient; its two arguments were exchanged, so it comes out reversed."""

import numpy as np

import autograd as ag

SOURCE = "https://end-to-end-machine-learning.teachable.com/courses/322-convolutional-neural-networks-in-two-dimensions/lectures/24726662; 2.5 Code tour: 2D convolution backward pass (correction below the video); about 2020"
KIND = "convolution"
FIRST = "w"
CAUSE = "Cross-correlation doesn't commute: with its arguments exchanged the kernel's gradient comes out flipped along both axes."
WORDS = [["flip", "revers", "mirror", "rotat", "180", "backwards"]]


def forward(rng):
    x = ag.Tensor(rng.standard_normal((4, 5, 6)), requires_grad=True)
    target = ag.Tensor(rng.standard_normal((4, 4, 4)))
    w = ag.Tensor(rng.standard_normal((2, 3)) / 2, requires_grad=True)
    b = ag.Tensor(rng.standard_normal(1), requires_grad=True)
    y = b
    for u in range(2):
        for v in range(3):
            y = y + x[:, u : u + 4, v : v + 4] * w[u, v]
    a = ag.tanh(y)
    loss = 0.5 * ((a - target) ** 2).sum()
    return dict(x=x, target=target, w=w, b=b, y=y, a=a, loss=loss)


def xcorr(a, b):
    """b slides over a, as far as it fits."""
    rows, columns = a.shape[0] - b.shape[0] + 1, a.shape[1] - b.shape[1] + 1
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            out[i, j] = np.sum(a[i : i + b.shape[0], j : j + b.shape[1]] * b)
    return out


def padded(dy):
    return np.pad(dy, ((1, 1), (2, 2)))


def _backward(t, kernel_gradient):
    x, w, a = t["x"].data, t["w"].data, t["a"].data
    da = a - t["target"].data
    dy = da * (1 - a**2)
    dw = sum(kernel_gradient(x[n], dy[n]) for n in range(len(x)))
    dx = np.stack([xcorr(padded(dy[n]), w[::-1, ::-1]) for n in range(len(x))])
    return dict(a=da, y=dy, w=dw, b=np.array([dy.sum()]), x=dx)


def gradients(t):
    return _backward(t, lambda x, dy: xcorr(padded(dy), x))


def right(t):
    return _backward(t, lambda x, dy: xcorr(x, dy))
