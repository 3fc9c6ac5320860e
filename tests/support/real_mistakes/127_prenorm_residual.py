"""Pre-normalisation: res_out = residual + x goes on to the next block, and RMS-normed to this one.
The two gradients were added before the backward of the norm, not after it."""

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/Dao-AILab/quack/pull/53; Fix gradient computation in RMS PreNorm backward pass; 2025"
KIND = "accumulation"
FIRST = "res_out"
CAUSE = "the residual's own gradient also went through the norm: norm'(dres_out + dout) for dres_out + norm'(dout)"
WORDS = [["residual", "path", "way", "twice", "skip", "uses", "used"]]


def forward(rng):
    residual = Tensor(rng.standard_normal((5, 4)), requires_grad=True)
    x = Tensor(rng.standard_normal((5, 4)), requires_grad=True)
    w = Tensor(rng.standard_normal(4), requires_grad=True)
    Wf = Tensor(rng.standard_normal((4, 4)), requires_grad=True)
    target = Tensor(rng.standard_normal((5, 4)))
    res_out = residual + x
    rms = ag.sqrt((res_out**2).mean(axis=1, keepdims=True) + 1e-6)
    out = res_out / rms * w
    y = res_out + out @ Wf
    return {
        "residual": residual,
        "x": x,
        "w": w,
        "Wf": Wf,
        "target": target,
        "res_out": res_out,
        "rms": rms,
        "out": out,
        "y": y,
        "loss": ((y - target) ** 2).mean(),
    }


def _dnorm(t, dy):
    rms = t["rms"].data
    x_hat = t["res_out"].data / rms
    wdy = dy * t["w"].data
    return (wdy - x_hat * (wdy * x_hat).mean(axis=1, keepdims=True)) / rms


def _back(t, join):
    dy = 2 * (t["y"].data - t["target"].data) / 20
    dout = dy @ t["Wf"].data.T
    dw = (dout * t["res_out"].data / t["rms"].data).sum(axis=0)
    dres_out = join(dy, dout)
    return {
        "y": dy,
        "out": dout,
        "Wf": t["out"].data.T @ dy,
        "w": dw,
        "res_out": dres_out,
        "residual": dres_out,
        "x": dres_out,
    }


def gradients(t):
    return _back(t, lambda dres_out, dout: _dnorm(t, dres_out + dout))


def right(t):
    return _back(t, lambda dres_out, dout: dres_out + _dnorm(t, dout))
