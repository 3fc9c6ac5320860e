"""Layer normalisation of the rows of a block, weight and bias, then tanh and half the squared error.
The two sums over the features in the backward have no axis: they run over all the rows of the block as well."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/flagos-ai/FlagGems/pull/59; [bugfix] fix error in layer_norm_backward_kernel; 2024"
KIND = "axis"
FIRST = "x"
CAUSE = "Each row has its own mean and variance, so the two sums must run along axis 1 for each row alone; here they are over all rows."
WORDS = [["axis", "axes", "row", "batch", "all elements", "over all"]]
EPS = 1e-5


def forward(rng):
    x = ag.Tensor(rng.standard_normal((5, 4)) * 2, requires_grad=True)
    weight = ag.Tensor(rng.uniform(0.5, 1.5, 4), requires_grad=True)
    bias = ag.Tensor(rng.standard_normal(4) / 2, requires_grad=True)
    target = ag.Tensor(rng.standard_normal((5, 4)))
    centred = x - x.mean(axis=1, keepdims=True)
    rstd = 1 / ag.sqrt((centred**2).mean(axis=1, keepdims=True) + EPS)
    x_hat = centred * rstd
    y = x_hat * weight + bias
    out = ag.tanh(y)
    loss = 0.5 * ((out - target) ** 2).sum()
    return dict(
        x=x,
        weight=weight,
        bias=bias,
        target=target,
        rstd=rstd,
        x_hat=x_hat,
        y=y,
        out=out,
        loss=loss,
    )


def _backward(t, **over):
    x_hat, rstd, out = (t[k].data for k in ("x_hat", "rstd", "out"))
    N = x_hat.shape[1]
    dout = out - t["target"].data
    dy = dout * (1 - out**2)
    dweight = np.sum(dy * x_hat, axis=0)
    dbias = np.sum(dy, axis=0)
    dx_hat = dy * t["weight"].data
    dx_part2 = dx_hat
    dx_part3 = dx_hat * x_hat
    dx_2 = np.sum(dx_part2, **over)
    dx_3 = np.sum(dx_part3, **over)
    dx = rstd * (dx_hat - (dx_2 + x_hat * dx_3) / N)
    return dict(out=dout, y=dy, weight=dweight, bias=dbias, x_hat=dx_hat, x=dx)


def gradients(t):
    return _backward(t)


def right(t):
    return _backward(t, axis=1, keepdims=True)
