"""Reports of compare: one cause each, in the user's own names."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, compare
from nn import functional as F

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((8, 5)), RNG.integers(0, 4, 8)
W1, B1 = RNG.standard_normal((5, 6)), RNG.standard_normal(6)
W2, B2 = RNG.standard_normal((6, 4)), RNG.standard_normal(4)
ARGS = X, W1, B1, W2, B2


def net(x: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    z = x @ W1 + b1
    h = ag.tanh(z)
    scores = h @ W2 + b2
    return F.cross_entropy(scores, LABELS)


def by_hand(slope: Any = lambda h: 1 - h**2, divided: float = 8) -> dict[str, np.ndarray[Any, Any]]:
    h = np.tanh(X @ W1 + B1)
    p = np.exp(h @ W2 + B2)
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(8), LABELS] -= 1
    p /= divided
    dh = p @ W2.T
    dz = dh * slope(h)
    gradients = {"scores": p, "W2": h.T @ p, "b2": p.sum(0), "h": dh, "z": dz}
    return gradients | {"W1": X.T @ dz, "b1": dz.sum(0)}


def only(gradients: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: gradients[name] for name in names}


def test_a_function_and_its_variables() -> None:
    assert compare(net, *ARGS, **by_hand()).ok
    report = compare(net, *ARGS, **by_hand(lambda h: 1 - h))
    assert report.first == "z"
    text = report["z"].diagnosis[0].text
    assert "you have 1 - h; it must be 1 - h**2" in text
    assert re.search(r"\(which gave h in line \d+\)", text)
    assert "argument 0" not in text


def test_one_mistake_at_the_loss_is_told_once() -> None:
    """Where only leaves are given, too."""
    report = compare(net, *ARGS, **only(by_hand(divided=1), "W2", "b2"))
    assert "explains b2 and W2" in str(report) and "what arrives at scores" in str(report)
    assert str(report).count("sum for mean: ") == 1
    whole = str(compare(net, *ARGS, **by_hand(divided=1)))
    assert whole.count("sum for mean: ") == 1 and "only because of scores" in whole


def test_two_mistakes_are_told_apart_where_only_leaves_are_given() -> None:
    wrong = by_hand(lambda h: 1 - h, divided=1)
    text = str(compare(net, *ARGS, **only(wrong, "W1", "b1", "W2", "b2")))
    assert text.count("one mistake, in what arrives at") == 2
    assert text.count("sum for mean: ") == 1
    assert "you have 1 - h; it must be 1 - h**2" in text
    assert "8 times" not in text.split("b1 is wrong for a reason of its own")[1]


def test_values_of_another_forward_pass_come_first() -> None:
    h = np.tanh(X @ W1 + B1)
    right = only(by_hand(), "W2", "b2")
    assert compare(net, *ARGS, values={"h": h}, **right).ok
    report = compare(net, *ARGS, values={"h": h / 0.8, "z": X @ W1 + B1}, **right)
    assert not report.ok and [row.name for row in report.values] == ["z", "h"]
    assert "the forward passes differ: first, in forward order, h" in str(report)
    assert "1.25 times" in str(report)


def test_names_of_what_has_no_gradient_given() -> None:
    x, w = Tensor(X), Tensor(W1, requires_grad=True)
    z = x @ w
    h = ag.tanh(z)
    loss = (h * h).sum()
    dz = 2 * h.data * (1 - z.data**2)
    report = compare(loss, z=(z, dz), names={"hidden": h, "inputs": x})
    assert "1 - z**2" in str(report) and "it must be 1 - hidden**2" in str(report)
    report = compare(loss, names=(z, 2 * h.data * (1 - h.data**2)))  # the gradient of one so called
    assert report.ok


def test_an_array_that_was_changed_in_place_later() -> None:
    a = Tensor(RNG.standard_normal((4, 3)), requires_grad=True)
    z = a * 2.0
    h = ag.maximum(z, 0.0)
    loss = (h * h).sum()
    dh = 2 * h.data + (h.data == 0)  # so that the mask shows
    loss = loss + ((h == 0) * h).sum()
    kept = dh
    dh[z.data <= 0] = 0
    report = compare(loss, h=(h, kept), z=(z, dh))
    assert "changed in place" in str(report) and "keep a copy" in str(report)


def test_many_that_follow_are_told_in_one_line() -> None:
    w = Tensor(np.ones(3), requires_grad=True)
    steps: list[Tensor] = [w]
    for _ in range(30):
        steps.append(ag.tanh(steps[-1] * 1.1))
    loss = (steps[-1] * steps[-1]).sum()
    d, given = 4 * steps[-1].data, {}
    for k in reversed(range(1, 31)):
        given[f"h{k}"] = (steps[k], d)
        d = d * (1 - steps[k].data ** 2) * 1.1
    lines = str(compare(loss, **given, w=(w, d))).splitlines()
    assert lines[-1] == (
        "h29, h28, h27, h26, h25 and 25 more, h24 to w are wrong only because of h30: they follow "
        "from what was given there"
    )


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: compare(net, *ARGS, q=X), ValueError, "no argument or variable 'q'.*it has x, W1"),
        (lambda: compare(lambda x: None, X, x=X), TypeError, "the function returned NoneType"),
        (
            lambda: compare(lambda x: x.foo(), X, x=X),
            RuntimeError,
            "compare: <lambda> does not run on tensors: AttributeError at .*test_one_cause.py:",
        ),
        (lambda: compare(net, *ARGS), ValueError, "no gradients given"),
        (
            lambda: compare(net, *ARGS, values={"q": X}, W1=W1),
            ValueError,
            "values has 'q', and no tensor of that name",
        ),
    ],
)
def test_what_cannot_be_compared(call: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        call()
