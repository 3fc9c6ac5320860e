"""A mistake made at every step of a loop, or at every window, is told as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, compare

RNG = np.random.default_rng(13)
T, H, V = 4, 5, 3
WX, WH, WY = RNG.standard_normal((H, V)), RNG.standard_normal((H, H)), RNG.standard_normal((V, H))
BH, BY = RNG.standard_normal((2, H, 1))
BY = BY[:V]
LABELS = [1, 2, 0, 1]

Array = np.ndarray[Any, Any]


def _recurrence(WX: Any, WH: Any, WY: Any, bh: Any, by: Any) -> Any:
    h, loss = Tensor(np.zeros((H, 1))), 0
    for t in range(T):
        h = ag.tanh(WX @ np.eye(V)[:, [LABELS[t - 1]]] + WH @ h + bh)
        y = WY @ h + by
        loss = loss - ag.log((ag.exp(y) / ag.exp(y).sum())[LABELS[t], 0])
    return loss


def _by_hand(mistake: str) -> dict[str, Array]:
    hs, ps, xs = {-1: np.zeros((H, 1))}, {}, {}
    for t in range(T):
        xs[t] = np.eye(V)[:, [LABELS[t - 1]]]
        hs[t] = np.tanh(WX @ xs[t] + WH @ hs[t - 1] + BH)
        e = np.exp(WY @ hs[t] + BY)
        ps[t] = e / e.sum()
    d = {
        k: np.zeros_like(v)
        for k, v in zip(("WX", "WH", "WY", "bh", "by"), (WX, WH, WY, BH, BY), strict=True)
    }
    later = np.zeros((H, 1))
    for t in reversed(range(T)):
        dy = ps[t].copy()
        dy[LABELS[t]] -= mistake != "label"
        dh = WY.T @ dy + later * (mistake != "path")
        slope = {"1 - h": 1 - hs[t], "twice": (1 - hs[t] ** 2) ** 2, "h": hs[t]}
        dz = dh * slope.get(mistake, 1 - hs[t] ** 2)
        later = (WH if mistake == "transposed" else WH.T) @ dz
        d["WY"] += dy @ hs[t].T
        d["by"] += dy
        d["WX"] += dz @ xs[t].T
        d["WH"] += dz @ hs[t - 1].T
        d["bh"] += dz
    return d


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("1 - h", "you have 1 - y; it must be 1 - y**2"),
        pytest.param("h", "you have y; it must be 1 - y**2", marks=pytest.mark.slow),
        pytest.param(
            *("twice", "the derivative of 'tanh' (shape (5, 1)) is multiplied in twice"),
            marks=pytest.mark.slow,
        ),
        pytest.param("label", "the -1 at the label", marks=pytest.mark.slow),
        ("path", "is not added"),
        pytest.param("transposed", "is not transposed", marks=pytest.mark.slow),
    ],
)
def test_at_every_step_of_a_recurrence(mistake: str, said: str) -> None:
    args = WX, WH, WY, BH, BY
    assert compare(_recurrence, *args, **_by_hand("none")).ok
    report = compare(_recurrence, *args, **_by_hand(mistake))
    first = report.wrong[0]
    assert said in first.diagnosis[0].text and "each time (" in first.diagnosis[0].text
    assert first.with_others is not None
    assert len(first.with_others[0]) == len(report.wrong) - 1, str(report)
    assert "unknown" not in str(report) and "reason of its own" not in str(report)


def test_at_every_step_of_a_chain_without_parameters() -> None:
    """The cosine of each step was taken for another function."""
    x0, g = RNG.uniform(0.1, 0.9, (2, 6))

    def chain(x0: Any) -> Any:
        x = x0
        for _ in range(5):
            x = ag.sin(x)
        return (x * g).sum()

    xs = [x0]
    for _ in range(5):
        xs.append(np.sin(xs[-1]))
    for text, slopes in (
        ("1 - x", [1 - x for x in xs[:-1]]),
        ("y (1 - y)", [y * (1 - y) for y in xs[1:]]),
    ):
        report = compare(chain, x0, x0=g * np.prod(slopes, axis=0))
        assert f"you have {text}; it must be cos(x)" in report.wrong[0].diagnosis[0].text


C, F, K, S = 2, 3, 3, 2
IMAGE, FILTERS = RNG.standard_normal((C, 5, 5)), RNG.standard_normal((F, C, K, K))
BIAS, ARRIVES = RNG.standard_normal(F), RNG.standard_normal((F, 2, 2))


def _convolution(x: Any, w: Any, b: Any) -> Any:
    loss = 0
    for f in range(F):
        for i, j in np.ndindex(2, 2):
            window = x[:, i * S : i * S + K, j * S : j * S + K]
            loss = loss + ((window * w[f]).sum() + b[f]) * ARRIVES[f, i, j]
    return loss


def _convolution_by_hand(mistake: str) -> dict[str, Array]:
    dx, dw, db = np.zeros_like(IMAGE), np.zeros_like(FILTERS), np.zeros_like(BIAS)
    for f in range(F):
        for i, j in np.ndindex(2, 2):
            g, kernel = ARRIVES[f, i, j], FILTERS[f]
            here, start = (np.s_[:, i * S : i * S + K, j * S : j * S + K], np.s_[:, i : i + K])
            start = (*start, slice(j, j + K))
            kernel = kernel[:, ::-1, ::-1] if mistake == "flip" else kernel
            dx[start if mistake == "dx stride" else here] += kernel * g
            if mistake == "dx =":
                dx[here] = kernel * g
            dw[f] = dw[f] * (mistake != "dw =") + IMAGE[start if mistake == "stride" else here] * g
            db[f] = db[f] * (mistake != "db =") + g
    return {"x": dx, "w": dw, "b": db}


@pytest.mark.parametrize(
    ("mistake", "name", "kind"),
    [
        ("dx stride", "x", "index of windows"),
        ("stride", "w", "index of windows"),
        ("dx =", "x", "overwritten"),
        pytest.param("dw =", "w", "overwritten", marks=pytest.mark.slow),
        pytest.param("db =", "b", "overwritten", marks=pytest.mark.slow),
        ("flip", "x", "flipped"),
    ],
)
def test_at_every_window_of_a_convolution(mistake: str, name: str, kind: str) -> None:
    assert compare(_convolution, IMAGE, FILTERS, BIAS, **_convolution_by_hand("none")).ok
    report = compare(_convolution, IMAGE, FILTERS, BIAS, **_convolution_by_hand(mistake))
    assert [row.name for row in report.wrong] == [name]
    assert report[name].diagnosis[0].kind == kind


PIXELS = RNG.integers(0, 5, (2, 7, 7)).astype(float)
ABOVE = RNG.standard_normal((2, 3, 3))


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("=", "one gradient overwrites the other"),
        ("argmin", "argmin for argmax"),
        pytest.param("ties", "all that tie", marks=pytest.mark.slow),
        pytest.param("mean", "as of a mean", marks=pytest.mark.slow),
        ("stride", "ignores the stride"),
    ],
)
def test_at_every_window_of_a_pool(mistake: str, said: str) -> None:
    def pool(x: Any) -> Any:
        loss = 0
        for c, i, j in np.ndindex(2, 3, 3):
            loss = loss + x[c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max() * ABOVE[c, i, j]
        return loss

    dx = np.zeros_like(PIXELS)
    for c, i, j in np.ndindex(2, 3, 3):
        here = c, slice(2 * i, 2 * i + 3), slice(2 * j, 2 * j + 3)
        window, mask = PIXELS[here], np.zeros(9)
        mask[window.argmin() if mistake == "argmin" else window.argmax()] = 1
        share = mask.reshape(3, 3)
        if mistake == "ties":
            share = (window == window.max()) * 1.0
        elif mistake == "mean":
            share = np.full((3, 3), 1 / 9)
        if mistake == "=":
            dx[here] = share * ABOVE[c, i, j]
        elif mistake == "stride":
            dx[c, i : i + 3, j : j + 3] += share * ABOVE[c, i, j]
        else:
            dx[here] += share * ABOVE[c, i, j]
    assert said in compare(pool, PIXELS, x=dx)["x"].diagnosis[0].text


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_noise_is_no_repeated_mistake(seed: int) -> None:
    noise = np.random.default_rng(seed)
    given = {k: v + noise.standard_normal(v.shape) for k, v in _by_hand("none").items()}
    report = compare(_recurrence, WX, WH, WY, BH, BY, **given)
    assert all(not row.diagnosis for row in report.wrong)
