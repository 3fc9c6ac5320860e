"""A few numbers decide what is looked at of large gradients: all that explains them passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor
from autograd.checking.diagnosis import Context, diagnose, evidence
from autograd.checking.flow import Flow
from nn import functional as F

Array = NDArray[Any]

N, D, H, K = 8, 24, 16, 10  # fewer samples than features, as in most nets
RNG = np.random.default_rng(3)
X, W, B = RNG.standard_normal((N, D)), RNG.standard_normal((D, H)) / 3, RNG.standard_normal(H)
V, LABELS = RNG.standard_normal((H, K)) / 3, RNG.integers(0, K, N)


class Net:
    """A layer with tanh, one with ReLU's mask and a normalisation, and cross-entropy; the tape, and
    a pass by hand whose steps can be replaced."""

    def __init__(self) -> None:
        self.W = Tensor(W, requires_grad=True)
        self.z = X @ self.W + B
        self.h = ag.tanh(self.z)
        self.mean = self.h.mean(axis=0)
        self.centred = self.h - self.mean
        self.loss = F.cross_entropy(ag.maximum(self.centred, 0) @ V, LABELS)

    def by_hand(
        self,
        *,
        label: float = 1.0,
        divided: float = N,
        mask: Callable[[Array], Array] = lambda c: c > 0,
        mean: float = 1.0,
        slope: Callable[[Array, Array], Array] = lambda z, h: 1 - h * h,
        sample: slice = slice(None),
    ) -> Array:
        z = X @ W + B
        h = np.tanh(z)
        c = h - h.mean(axis=0)
        p = np.exp(np.maximum(c, 0) @ V)
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(N), LABELS] -= label
        dc = (p / divided) @ V.T * mask(c)
        dz = (dc - mean * dc.mean(axis=0)) * slope(z, h)
        return np.asarray(X[sample].T @ dz[sample])


# The gradient of W with a mistake, and the first words of what is said of it.
MISTAKES: dict[str, tuple[str, Callable[[Net], Array]]] = {
    "all divided twice": ("mean for sum", lambda net: net.by_hand(divided=N * N)),
    "no mask": ("local factor forgotten", lambda net: net.by_hand(mask=np.ones_like)),
    "the mean's term": ("mean term missing", lambda net: net.by_hand(mean=0.0)),
    "tanh' forgotten": (
        "local factor forgotten",
        lambda net: net.by_hand(slope=lambda z, h: np.ones_like(h)),
    ),
    "another tanh'": ("wrong factor", lambda net: net.by_hand(slope=lambda z, h: 1 - h)),
    "at the input": ("wrong factor", lambda net: net.by_hand(slope=lambda z, h: 1 - z * z)),
    "tanh' twice": ("wrong factor", lambda net: net.by_hand(slope=lambda z, h: (1 - h * h) ** 2)),
    "the label": ("label missing", lambda net: net.by_hand(label=0.0)),
    "one sample": ("not summed", lambda net: net.by_hand(sample=slice(0, 1))),
    "all but the last": ("subset", lambda net: net.by_hand(sample=slice(0, -1))),
    "ones": ("upstream forgotten", lambda net: X.T @ np.ones((N, H))),
    "rolled": ("rolled", lambda net: np.roll(net.by_hand(), 1, axis=1)),
    "weight decay": ("penalty", lambda net: net.by_hand() + 0.01 * W),
    "its own value": ("local factor forgotten", lambda net: net.by_hand() * W),
    "noise": ("unknown", lambda net: net.by_hand() + RNG.standard_normal(W.shape)),
    "noise behind the product": ("unknown", lambda net: X.T @ RNG.standard_normal((N, H))),
}


def found(net: Net, given: Array) -> list[tuple[str, str]]:
    flow = Flow(net.loss)
    assert net.W._place is not None
    expected = flow.at(net.W._place)
    assert expected is not None
    limit = 1e-9 * float(np.abs(expected).max())
    said = diagnose(given, expected, limit, Context(flow, net.W._place))
    return [(one.kind, one.text) for one in said]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_as_much_is_found_as_by_looking_at_all(
    mistake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, make = MISTAKES[mistake]
    net = Net()
    given = make(net)
    monkeypatch.setattr(evidence, "_SAMPLE", given.size // 8)
    few = found(net, given)
    assert (few[0][0] if few else "unknown") == first
    monkeypatch.setattr(evidence, "_SAMPLE", given.size)
    assert few == found(net, given)
