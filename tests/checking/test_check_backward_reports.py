"""What check_backward says: of which line, of what it was given, and of what it did not judge."""

from __future__ import annotations

import random
import sys
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import check_backward
from autograd.checking.backward import BackwardReport

X, W, B = (np.random.default_rng(n).standard_normal(s) for n, s in enumerate([(4, 3), (3, 5), 5]))
START = "import numpy as np\n"

by_instructions = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="Python 3.10 tells lines, not places in them"
)


def reported(folder: Path, text: str, *args: Any) -> BackwardReport:
    """Of the functions f and b of a file, as it is written: nobody's formatter splits its lines."""
    path = folder / f"published_{len(list(folder.iterdir()))}.py"
    path.write_text(START + text)
    there: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), there)
    return check_backward(there["f"], there.get("b"), *(args or (X, W)))


def first_line(report: BackwardReport) -> str:
    assert report.first is not None, report
    return report.first.text


LAYER = """
def f(x, w):
    z = x @ w; h = np.tanh(z); y = h**2
    return y, (x, w, h)
def b(dy, cache):
    x, w, h = cache
    {}
    return dx, dw
"""


@by_instructions
@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("dh = 2*h*dy; dz = dh*(1-h); dw = x.T@dz; dx = dz@w.T", "dz = dh*(1-h)"),
        ("dh = 2*h*dy; dz = dh*(1-h*h); dw = x.T@dh; dx = dz@w.T", "dw = x.T@dh"),
        ("dh = h*dy; dz = dh*(1-h*h); dw = x.T@dz; dx = dz@w.T", "dh = h*dy"),
        ("for _ in range(1): dz = 2*h*dy*(1-h*h); dw = x.T@dz/4; dx = dz@w.T", "dw = x.T@dz/4"),
        # Local derivatives under the names of gradients.
        ("dh = 2*h\n    dz = 1-h\n    dx = (dy*dh*dz)@w.T; dw = x.T@(dy*dh*dz)", "dz = 1-h"),
    ],
)
def test_statements_that_share_a_line_are_told_apart(tmp_path: Path, body: str, line: str) -> None:
    assert first_line(reported(tmp_path, LAYER.format(body))) == line


@by_instructions
def test_a_function_in_one_line(tmp_path: Path) -> None:
    text = "def f(x, w): return x @ w, (x, w)\n"
    text += "def b(g, c): x, w = c; dx = g@w.T; dw = x.T@g*2; return dx, dw\n"
    assert first_line(reported(tmp_path, text)) == "dw = x.T@g*2"


@by_instructions
def test_a_counter_in_the_line_of_a_mistake_is_not_it(tmp_path: Path) -> None:
    text = """
def f(x):
    out = np.zeros(5)
    for i in range(5): out[i] = x[i:i+3].sum()
    return out, x
def b(dout, x):
    dx = np.zeros_like(x); p = 0
    for i in range(5):
        dx[i:i+3] = dout[p:p+1].repeat(3); p += 1
    return dx
"""
    line = first_line(reported(tmp_path, text, np.arange(7.0)))
    assert line == "dx[i:i+3] = dout[p:p+1].repeat(3)"


def test_numbers_of_a_loop_are_one_gradient(tmp_path: Path) -> None:
    text = """
def f(x, w):
    z = x @ w
    h = np.tanh(z)
    return h, (x, w, h)
def b(dh, cache):
    x, w, h = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for j in range(w.shape[1]):
        for i in range(len(x)):
            dz = dh[i, j] * (1 - h[i, j])
            dw[:, j] += x[i] * dz
            dx[i] += w[:, j] * dz
    return dx, dw
"""
    report = reported(tmp_path, text)
    assert first_line(report) == "dz = dh[i, j] * (1 - h[i, j])"
    assert "1 - h**2" in str(report) and "shape" not in report.first.row.verdict


def nested(g, c):  # type: ignore[no-untyped-def]
    dx, dw = g @ c[1].T, c[0].T @ g
    return {"x": dx, "layer1": {"w": 3 * dw, "b": g.sum(0)}}


def in_lists(g, c):  # type: ignore[no-untyped-def]
    dx = g @ c[1].T
    return dx, [{"weight_update": 3 * c[0].T @ g}, g.sum(0)]


def affine(x, w, b):  # type: ignore[no-untyped-def]
    return x @ w + b, (x, w, b)


@pytest.mark.parametrize("backward", [nested, in_lists])
def test_results_are_found_at_any_depth(backward: Any) -> None:
    report = check_backward(affine, backward, X, W, B)
    assert not report.ok and [step.of for step in report.wrong] == ["w"]
    assert report.first is not None and report.first.name.startswith(("result['lay", "result 2[0]"))


class Grads:
    pass


def on_an_object(g, c):  # type: ignore[no-untyped-def]
    grads = Grads()
    grads.x, grads.b = g @ c[1].T, g.sum(0)
    grads.w = 3 * c[0].T @ g
    return grads


def test_results_on_an_object_are_told_by_their_lines() -> None:
    first = check_backward(affine, on_an_object, X, W, B).first
    assert first is not None and (first.name, first.text) == ("grads.w", "grads.w = 3 * c[0].T @ g")


class Layer:
    def __init__(self, factor: float) -> None:
        self.weight, self.bias, self.factor = W.copy(), B.copy(), factor

    def forward(self, x: Any) -> Any:
        self.input = x
        return x @ self.weight + self.bias

    def backward(self, grad_output: Any) -> Any:
        self.gw = self.factor * self.input.T @ grad_output
        self.update_of_bias = self.factor * grad_output.sum(0)
        return grad_output @ self.weight.T


def test_what_is_left_on_an_object_is_judged_whatever_it_is_called() -> None:
    for factor in (1.0, 5.0):
        layer = Layer(factor)
        report = check_backward(layer.forward, layer.backward, X)
        assert report.ok is (factor == 1.0) and not report.missing
        names = {step.name for step in report.steps}
        assert {"self.gw", "self.update_of_bias"} <= names, report


def test_gradients_that_are_forgotten_are_named() -> None:
    def backward(g, c):  # type: ignore[no-untyped-def]
        dx, dw, db = g @ c[1].T, c[0].T @ g, None
        return dx, dw, db

    for given in (backward, lambda g, c: (g @ c[1].T, c[0].T @ g)):
        report = check_backward(affine, given, X, W, B)
        assert report.ok and report.missing == ["b"]
        assert "no gradient was found of b" in str(report) and "backward is right" not in str(
            report
        )
    report = check_backward(affine, lambda g, c: (g @ c[1].T, 2 * c[0].T @ g), X, W, B)
    assert [step.of for step in report.wrong] == ["w"]


def test_what_could_not_be_judged_is_named() -> None:
    def backward(g, c):  # type: ignore[no-untyped-def]
        dx, dw, db = g @ c[1].T, c[0].T @ g, g.sum(0)
        return dx, dw, db, np.ones(7)

    assert check_backward(affine, backward, X, W, B).unjudged == ["result 4"]


class Parameter:
    def __init__(self, data: Any) -> None:
        self.data, self.grad = data, np.zeros_like(data)


def test_labels_are_those_of_the_user() -> None:
    class Linear:
        def __init__(self) -> None:
            self.W, self.b = Parameter(W.copy()), Parameter(B.copy())

        def forward(self, x: Any) -> Any:
            self.x = x
            return x @ self.W.data + self.b.data

        def backward(self, grad: Any) -> Any:
            self.W.grad += self.x.T @ grad
            self.b.grad += grad.sum(1).sum()
            return grad @ self.W.data.T

    layer = Linear()
    first = check_backward(layer.forward, layer.backward, X).first
    assert first is not None and first.text == "self.b.grad += grad.sum(1).sum()"
    assert (first.name, first.of) == ("self.b.grad", "self.b.data")


def test_causes_name_values_and_not_gradients() -> None:
    def forward(x, w, gamma):  # type: ignore[no-untyped-def]
        z = x @ w
        h = np.tanh(z)
        return gamma * h, (x, w, h, gamma)

    def backward(dout, cache):  # type: ignore[no-untyped-def]
        x, w, h, gamma = cache
        dgamma = (dout * h).sum(0)
        dh = dout * gamma
        dz = dh * (1 - h)
        grads = {"w": x.T @ dz, "x": dz @ w.T, "gamma": dgamma}
        return grads  # noqa: RET504

    report = check_backward(forward, backward, X, W, B)
    assert "you have 1 - h; it must be 1 - h**2" in str(report)
    assert {step.name for step in report.wrong} == {"dz", "grads['w']", "grads['x']"}


def test_a_mistake_of_a_loop_is_told_once(tmp_path: Path) -> None:
    text = """
def f(x, w):
    h = {{-1: np.zeros(5)}}
    for t in range(len(x)):
        h[t] = np.tanh(x[t] @ w + h[t-1] * 0.5)
    loss = sum(np.sum(h[t]**2) for t in range(len(x)))
    dw, dnext = np.zeros_like(w), np.zeros(5)
    for t in reversed(range(len(x))):
        dh = 2 * h[t] + dnext
        dz = {} * dh
        dw += np.outer(x[t], dz)
        dnext = dz * 0.5
    return loss, dw
"""
    x = np.random.default_rng(3).standard_normal((30, 3))
    assert reported(tmp_path, text.format("(1 - h[t]**2)"), x, W).ok
    report = reported(tmp_path, text.format("(1 - h[t])"), x, W)
    assert first_line(report) == "dz = (1 - h[t]) * dh"
    told = str(report)
    assert "dh (3 of 30) to dh (30 of 30) (line 10)" in told and told.count("you have") <= 3
    assert len(told.splitlines()) < 15 and "wrong as well" not in told


def test_scales_of_layers_are_one_convention() -> None:
    def layer(a, w):  # type: ignore[no-untyped-def]
        z = w @ a
        return np.maximum(0, z), (a, w, z)

    def forward(a, w1, w2):  # type: ignore[no-untyped-def]
        a1, cache1 = layer(a, w1)
        a2, cache2 = layer(a1, w2)
        return np.sum(a2**2) / a.shape[1], (cache1, cache2, a2)

    def layer_backward(da, cache, wrong):  # type: ignore[no-untyped-def]
        a, w, z = cache
        dz = da * (z > 0) if not wrong else da * (z > -9)
        dw = dz @ a.T / a.shape[1]
        return w.T @ dz, dw

    def backward(cache, wrong):  # type: ignore[no-untyped-def]
        cache1, cache2, a2 = cache
        da1, dw2 = layer_backward(2 * a2, cache2, False)
        da, dw1 = layer_backward(da1, cache1, wrong)
        return {"a": da, "w1": dw1, "w2": dw2}

    args = (X.T, W.T, W)
    for wrong in (False, True):
        report = check_backward(forward, backward, *args, inputs=lambda g, r, w=wrong: (r[1], w))
        assert any("4 times those of the loss" in note for note in report.notes), report
        texts = [step.text for step in report.wrong if not step.follows]
        assert texts == ["dz = da * (z > 0) if not wrong else da * (z > -9)"][: int(wrong)], report


def relu_in_place(x):  # type: ignore[no-untyped-def]
    mask = x <= 0
    out = x.copy()
    out[mask] = 0
    out = out.astype(x.dtype, copy=False)
    return out, mask


def relu_in_place_backward(dout, mask):  # type: ignore[no-untyped-def]
    dout = dout.copy()
    dout[mask] = 0
    return dout


def test_forwards_that_write_in_place_are_recorded() -> None:
    report = check_backward(relu_in_place, relu_in_place_backward, X)
    assert report.ok and not report.notes and str(report).startswith("the backward is right")
    report = check_backward(relu_in_place, lambda dout, mask: dout, X)
    assert not report.ok and not report.notes


def softmax(s):  # type: ignore[no-untyped-def]
    e = np.exp(s - s.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return p, p


def test_a_loss_of_the_tape_is_not_told_where_there_is_none() -> None:
    report = check_backward(softmax, lambda dp, p: p * (dp - (dp * p).sum(0)), X)
    assert not report.ok and not report.notes, report

    def log_loss(x, w):  # type: ignore[no-untyped-def]
        p = 1 / (1 + np.exp(-(x @ w)))
        return -np.log(p + 1e-7).mean(), (x, p)

    report = check_backward(log_loss, lambda c: {"w": c[0].T @ (c[1] - 1) / c[1].size}, X, W)
    assert report.ok and "1e-07 before a logarithm is left out" in str(report)


def test_a_backward_of_a_loss_gets_the_cache() -> None:
    def loss(x, w):  # type: ignore[no-untyped-def]
        h = np.tanh(x @ w)
        return np.sum(h), (x, w, h)

    def backward(c):  # type: ignore[no-untyped-def]
        dz = 1 - c[2] ** 2
        return dz @ c[1].T, c[0].T @ dz

    assert check_backward(loss, backward, X, W).ok
    assert not check_backward(loss, lambda c: (c[0], c[1]), X, W).ok


counter, recent = 0, deque([1.0], maxlen=2)


class Slotted:
    __slots__ = ("generator", "last", "times")
    total = 0

    def __init__(self) -> None:
        self.times, self.generator = 0, np.random.RandomState(0)

    def forward(self, x: Any, seen: Any = ([],)) -> Any:
        global counter
        counter += 1
        Slotted.total += 1
        self.times += 1
        seen[0].append(1)
        recent.append(2.0)
        Slotted.forward.calls = 1  # type: ignore[attr-defined]
        self.last = self.generator.rand(*x.shape) * random.random()
        return x * self.last

    def backward(self, dout: Any) -> Any:
        return dout * self.last


def test_all_that_is_reached_is_as_before() -> None:
    net = Slotted()
    states = [net.generator.get_state()[2], random.getstate()]
    assert check_backward(net.forward, net.backward, X).ok
    assert [net.generator.get_state()[2], random.getstate()] == states
    assert (counter, Slotted.total, net.times, list(recent)) == (0, 0, 0, [1.0])
    assert not hasattr(net, "last") and not hasattr(Slotted.forward, "calls")
    assert Slotted.forward.__defaults__ == (([],),)
