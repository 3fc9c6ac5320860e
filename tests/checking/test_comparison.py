"""compare: what it finds right and wrong, what it says, and what it leaves alone."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor
from autograd.checking.comparison import compare
from autograd.checking.flow import Flow
from autograd.engine.modes import mode
from autograd.runtime.scopes import sweep_hook
from nn import functional as F

Array = NDArray[Any]
PRECISIONS = [np.float64, np.float32]


class Derivation:
    """A classifier of two layers with batch normalisation, and its gradients derived by hand.

    `wrong` names the one step that is wrong; everything after it is computed from what it gave.
    """

    STEPS = ("dz", "dW2", "db2", "da", "dh", "du", "dgamma", "dbeta", "dW1", "db1", "dx")

    def __init__(self, rng: np.random.Generator, dtype: Any, scale: float, n: int = 16) -> None:
        def leaf(*shape: int) -> Tensor:
            return Tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True)

        self.n, self.scale = n, scale
        self.labels = rng.integers(0, 3, n)
        self.x, self.W1, self.b1 = leaf(n, 6), leaf(4, 6), leaf(4)
        self.gamma, self.beta, self.W2, self.b2 = leaf(4), leaf(4), leaf(3, 4), leaf(3)
        self.u = F.linear(self.x, self.W1, self.b1)
        self.h = F.batch_norm(self.u, None, None, self.gamma, self.beta, training=True)
        self.a = F.relu(self.h)
        self.z = F.linear(self.a, self.W2, self.b2)
        self.loss = F.cross_entropy(self.z, self.labels) * scale

    def pairs(self, wrong: str | None = None) -> dict[str, tuple[Tensor, Array]]:
        def step(name: str, g: Array) -> Array:
            return g * 2 if name == wrong else g

        e = np.exp(self.z.data - self.z.data.max(1, keepdims=True))
        dz = e / e.sum(1, keepdims=True)
        dz[np.arange(self.n), self.labels] -= 1
        dz = step("dz", dz * dz.dtype.type(self.scale / self.n))
        da = step("da", dz @ self.W2.data)
        dh = step("dh", da * (self.h.data > 0))
        u = self.u.data
        deviation = np.sqrt(u.var(0) + u.dtype.type(1e-5))
        y = (u - u.mean(0)) / deviation
        g = dh * self.gamma.data
        du = step("du", (g - g.mean(0) - y * (g * y).mean(0)) / deviation)
        return {
            "dx": (self.x, step("dx", du @ self.W1.data)),
            "dW1": (self.W1, step("dW1", du.T @ self.x.data)),
            "db1": (self.b1, step("db1", du.sum(0))),
            "dgamma": (self.gamma, step("dgamma", (dh * y).sum(0))),
            "dbeta": (self.beta, step("dbeta", dh.sum(0))),
            "dW2": (self.W2, step("dW2", dz.T @ self.a.data)),
            "db2": (self.b2, step("db2", dz.sum(0))),
            "du": (self.u, du),
            "dh": (self.h, dh),
            "da": (self.a, da),
            "dz": (self.z, dz),
        }


every_precision = pytest.mark.parametrize("dtype", PRECISIONS)
every_scale = pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])


@every_precision
@every_scale
def test_a_right_derivation_agrees(rng: np.random.Generator, scale: float, dtype: Any) -> None:
    for _ in range(5):
        derivation = Derivation(rng, dtype, scale)
        report = compare(derivation.loss, **derivation.pairs())
        assert report.ok, report
        assert report.first is None
        assert "all 11 gradients agree" in str(report)
        # A bias before batch normalisation has no gradient but rounding, whatever its size.
        assert np.abs(report["db1"].expected).max() < 1e-6 * scale


@every_precision
@pytest.mark.parametrize("scale", [1e-8, 1e8])
@pytest.mark.parametrize("wrong", [s for s in Derivation.STEPS if s != "db1"])
def test_the_first_wrong_step_is_named(
    rng: np.random.Generator, wrong: str, scale: float, dtype: Any
) -> None:
    derivation = Derivation(rng, dtype, scale)
    report = compare(derivation.loss, **derivation.pairs(wrong))
    assert report.first == wrong, report
    assert report[wrong].diagnosis[0].kind == "factor"
    for row in report.wrong[1:]:
        assert row.follows, report
        assert wrong in row.because_of
    if len(report.wrong) > 1:
        assert f"wrong only because of {wrong}" in str(report)


def test_backward_order_and_reasons(rng: np.random.Generator) -> None:
    derivation = Derivation(rng, np.float64, 1.0)
    pairs = derivation.pairs()
    names = [row.name for row in compare(derivation.loss, **pairs).rows]
    assert names.index("dz") == 0
    for earlier, later in [("dz", "da"), ("da", "dh"), ("dh", "du"), ("du", "dW1"), ("du", "dx")]:
        assert names.index(earlier) < names.index(later)
    # dW2 does not influence anything; dx has a mistake of its own besides da's.
    tensor, dW2 = pairs["dW2"]
    pairs["dW2"] = (tensor, -dW2)
    pairs["da"] = (pairs["da"][0], 2 * pairs["da"][1])
    pairs["dx"] = (pairs["dx"][0], 3 * pairs["dx"][1])
    report = compare(derivation.loss, **pairs)
    assert {row.name for row in report.wrong} == {"dW2", "da", "dx"}
    assert report["da"].because_of == report["dW2"].because_of == ()
    assert report["dx"].because_of == ("da",)
    assert not report["dx"].follows
    assert "look for a mistake of its own" in str(report)


@every_precision
@every_scale
def test_small_errors_are_found_down_to_the_limit(
    rng: np.random.Generator, scale: float, dtype: Any
) -> None:
    derivation = Derivation(rng, dtype, scale)
    pairs = derivation.pairs()
    limit = compare(derivation.loss, **pairs)["dW1"].limit
    tensor, right = pairs["dW1"]
    assert limit < 1e-3 * np.abs(right).max()
    for factor in (4, -4):
        changed = right.astype(np.float64)
        changed[2, 3] += factor * limit
        report = compare(derivation.loss, dW1=(tensor, changed.astype(dtype)))
        assert report.first == "dW1"
        assert report["dW1"].where == (2, 3)
        np.testing.assert_allclose(report["dW1"].abs_error, 4 * limit, rtol=0.3)


def test_a_wrong_shape_is_a_finding(rng: np.random.Generator) -> None:
    derivation = Derivation(rng, np.float64, 1.0)
    pairs = derivation.pairs()
    report = compare(
        derivation.loss,
        dW1=(derivation.W1, pairs["dW1"][1].T),
        db2=(derivation.b2, pairs["dz"][1]),
        dbeta=(derivation.beta, 2 * pairs["dbeta"][1][None]),
        db1=(derivation.b1, np.zeros((3, 3))),
    )
    assert not report.ok
    assert {row.verdict for row in report.rows} == {"shape"}
    assert report["dW1"].diagnosis[0].kind == "transposed"
    assert "right" in report["dW1"].diagnosis[0].text
    assert report["dW1"].abs_error <= report["dW1"].limit
    assert report["db2"].diagnosis[0].kind == "not summed"
    assert "axis 0" in report["db2"].diagnosis[0].text
    assert report["dbeta"].abs_error > report["dbeta"].limit
    assert any(h.kind == "factor" for h in report["dbeta"].diagnosis)
    assert np.isnan(report["db1"].abs_error)
    assert "(3, 3) given, (4,) expected" in str(report)


def test_nan_and_infinity_are_reported_with_their_place(rng: np.random.Generator) -> None:
    derivation = Derivation(rng, np.float64, 1.0)
    tensor, right = derivation.pairs()["dW2"]
    changed = right.copy()
    changed[1, 2], changed[2, 0] = np.nan, -np.inf
    report = compare(derivation.loss, dW2=(tensor, changed))
    assert report["dW2"].verdict == "not finite"
    assert "NaN in the gradient given, at (1, 2)" in str(report)
    assert "infinity in the gradient given, at (2, 0)" in str(report)

    x = Tensor([0.0, 4.0], requires_grad=True)
    with np.errstate(divide="ignore"):
        loss = ag.sqrt(x).sum()
        assert compare(loss, dx=(x, [np.inf, 0.25])).ok
        report = compare(loss, dx=(x, [0.0, 0.25]))
    assert report["dx"].verdict == "not finite"
    assert "infinity in the gradient expected, at (0,)" in str(report)


def test_manual_gradients_of_any_kind(rng: np.random.Generator) -> None:
    x = Tensor(rng.standard_normal((2, 2)), requires_grad=True)
    loss = (x * np.array([[1.0, 2], [3, 4]])).sum()
    manuals: list[Any] = [
        [[1, 2], [3, 4]],
        np.array([[1, 2], [3, 4]], np.int8),
        Tensor([[1.0, 2.0], [3.0, 4.0]]),
        np.array([[1, 2], [3, 4]], np.float32),
    ]
    for manual in manuals:
        assert compare(loss, dx=(x, manual)).ok


def test_float32_code_passes_where_float64_breaks_ties_otherwise(rng: np.random.Generator) -> None:
    for _ in range(20):
        # Sums of the same numbers in another order: equal in exact arithmetic, not in float32.
        x = rng.standard_normal((30, 8)).astype(np.float32)
        both = np.stack([x, x[:, ::-1]], axis=1)
        leaf = Tensor(both, requires_grad=True)
        loss = (leaf.sum(axis=2).max(axis=1) * x[:, 0]).sum()
        loss.backward(retain_graph=True)
        assert leaf.grad is not None
        assert compare(loss, dx=(leaf, leaf.grad)).ok


def test_correct_gradients_of_random_formulas_agree(rng: np.random.Generator) -> None:
    """The tape's own gradient in the other precision, or in another order, is no mistake."""
    steps = [
        lambda t: ag.exp(t * 0.3),
        lambda t: t - t.mean(axis=0, keepdims=True),
        lambda t: t / ag.sqrt((t * t).sum(axis=1, keepdims=True) + 0.1),
        lambda t: F.softmax(t),
        lambda t: ag.tanh(t) @ np.ones((t.shape[1], 5), t.dtype),
        lambda t: F.relu(t) + t.max(axis=0),
        lambda t: ag.log(t * t + 1) * t,
        lambda t: t[::-1] * t,
        lambda t: ag.where(t > 0.1, t * 3, t),
    ]
    for trial in range(120):
        dtype = PRECISIONS[trial % 2]
        scale = 10.0 ** rng.integers(-8, 9)
        chosen = [steps[i] for i in rng.integers(0, len(steps), 4)]
        values = rng.standard_normal((6, 5)).astype(dtype)
        weights = rng.standard_normal((6, 5)).astype(dtype)

        def run(start: Array, w: Array, chosen: list[Any] = chosen) -> tuple[Tensor, Tensor]:
            leaf = Tensor(start, requires_grad=True)
            t = leaf
            for step in chosen:
                t = step(t)
            return leaf, (t * w).sum()

        leaf, loss = run(values, weights * dtype(scale))
        other, again = run(
            values.astype(np.longdouble), (weights * dtype(scale)).astype(np.longdouble)
        )
        again.backward()
        assert other.grad is not None
        manual = other.grad.data.astype(dtype)
        report = compare(loss, dx=(leaf, manual))
        assert report.ok, (trial, report)


def test_checkpoints_are_compared_in_the_precision_of_the_tape(rng: np.random.Generator) -> None:
    x = Tensor(rng.standard_normal((4, 3)).astype(np.float32), requires_grad=True)
    loss = ag.checkpoint(lambda t: ag.tanh(t) * t)(x).sum()
    t = np.tanh(x.data)
    right = t + x.data * (1 - t * t)
    report = compare(loss, dx=(x, right))
    assert report.ok
    assert "cannot be computed again" in str(report)
    assert not compare(loss, dx=(x, right * 1.001)).ok


@pytest.fixture
def product() -> tuple[Tensor, Tensor, Tensor]:
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    return x, y, (y * y).sum()


def test_nothing_is_left_behind(product: tuple[Tensor, Tensor, Tensor]) -> None:
    x, y, loss = product
    seen: list[Any] = []
    y.retain_grad()
    y.register_hook(lambda g: seen.append(g))
    x.register_hook(lambda g: g * 100)
    hooks = [list(t._place.hooks or ()) for t in (x, y)]  # type: ignore[union-attr]
    with sweep_hook(lambda record, g: seen.append(record)):
        before = mode.sweep_hooks
        assert compare(loss, dx=(x, 8 * x.data), dy=(y, 2 * y.data)).ok
        assert not compare(loss, dx=(x, x.data), dy=(y, y.data)).ok
        assert mode.sweep_hooks is before
    assert not seen
    assert x.grad is None
    assert y.grad is None
    assert [list(t._place.hooks or ()) for t in (x, y)] == hooks  # type: ignore[union-attr]
    loss.backward()  # nothing was freed, and the hooks still run
    assert len(seen) == 1
    np.testing.assert_allclose(np.asarray(x.grad), 800 * x.data)


def test_flow_holds_the_gradient_of_every_place() -> None:
    x = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    left, right = ag.split(x, 2)
    y = left * right
    flow = Flow(y, cotangent=[1.0, 10.0])
    assert y._place is not None and left._place is not None and x._place is not None
    np.testing.assert_array_equal(flow.at(y._place), [1, 10])
    np.testing.assert_array_equal(flow.at(left._place), [3, 40])
    np.testing.assert_array_equal(flow.at(x._place), [3, 40, 1, 20])
    with pytest.raises(ValueError, match="give a cotangent"):
        Flow(y)
    with pytest.raises(ValueError, match="must be equal"):
        Flow(y, cotangent=[1.0])


def test_bad_input(product: tuple[Tensor, Tensor, Tensor]) -> None:
    x, y, loss = product
    stranger = Tensor([1.0], requires_grad=True)
    cases: list[tuple[type[Exception], str, Any]] = [
        (ValueError, "no gradients given", {}),
        (TypeError, r"a=\(tensor, manual_gradient\) expected", {"a": x}),
        (TypeError, r"a=\(tensor, manual_gradient\) expected", {"a": (x, x.data, 1)}),
        (TypeError, "a Tensor on the tape", {"a": (x.data, x)}),
        (TypeError, "int64", {"a": (Tensor([1, 2]), [1, 2])}),
        (ValueError, "is a constant", {"a": (Tensor([1.0]), [1.0])}),
        (ValueError, "not on the tape", {"a": (stranger, [1.0])}),
        (TypeError, "real part", {"a": (x, x.data * 1j)}),
        (TypeError, "real numbers expected", {"a": (x, ["a", "b", "c"])}),
        (TypeError, "real numbers expected", {"a": (x, None)}),
        (ValueError, "rows of equal length", {"a": (x, [[1, 2], [3]])}),
    ]
    for error, message, given in cases:
        with pytest.raises(error, match=message):
            compare(loss, **given)
    with pytest.raises(ValueError, match="one number expected"):
        compare(y, dx=(x, x.data))
    with pytest.raises(RuntimeError, match="the loss: this tensor is a constant"):
        compare(Tensor(1.0), dx=(x, x.data))
    with pytest.raises(TypeError, match="the loss: float given, a Tensor expected"):
        compare(1.0, dx=(x, x.data))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="dict of names"):
        compare(loss, [0.1], dx=(x, x.data))  # type: ignore[arg-type]
    loss.backward()
    with pytest.raises(RuntimeError, match="the loss: an earlier backward pass freed"):
        compare(loss, dx=(x, x.data))


def test_quantities_name_a_factor(product: tuple[Tensor, Tensor, Tensor]) -> None:
    x, _, loss = product
    report = compare(loss, {"lr": 0.05}, dx=(x, 8 * x.data * 0.05))
    assert report["dx"].diagnosis[0].kind == "factor"
    assert "lr" in str(report)
    assert compare(loss, dx=(x, 8 * x.data)).ok


def test_it_prints_as_a_table(product: tuple[Tensor, Tensor, Tensor]) -> None:
    x, y, loss = product
    report = compare(loss, dx=(x, 8 * x.data), dy=(y, -2 * y.data))
    lines = str(report).splitlines()
    assert lines[0].split()[:2] == ["name", "shape"]
    assert lines[1].split()[0] == "dy"
    assert lines[1].endswith("wrong")
    assert lines[2].endswith("ok")
    assert "first wrong, in backward order: dy" in lines
    assert repr(report) == str(report)
    html = report._repr_html_()
    assert html.count("<tr>") == 3
    assert "the sign is wrong" in html
    with pytest.raises(KeyError, match="compared: dy, dx"):
        report["dq"]


def test_warnings_of_the_tape_are_not_repeated(rng: np.random.Generator) -> None:
    @ag.primitive
    def shifted(x: Array, b: Array) -> Array:
        return x + b

    shifted.defvjp(lambda g, out, x, b: g, lambda g, out, x, b: g)
    x = Tensor(rng.standard_normal((4, 3)), requires_grad=True)
    b = Tensor(rng.standard_normal(3), requires_grad=True)
    loss = (shifted(x, b) ** 2).sum()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = compare(loss, db=(b, 2 * (x.data + b.data).sum(0)))
    assert report.ok
    assert len(caught) == 1


def test_what_is_given_with_a_function_is_its_gradients_alone(rng: np.random.Generator) -> None:
    x, w = rng.random((5, 4)), rng.random((4, 3))

    def loss(x: Tensor, w: Tensor) -> Tensor:
        return ((x @ w) ** 2).sum()

    right = x.T @ (2 * x @ w)
    assert compare(loss, x, w, w=right).ok
    with pytest.raises(TypeError, match="compare: a pair is given for 'w'; with a function give"):
        compare(loss, x, w, w=(w, right))
    with pytest.raises(TypeError, match="compare: the function is called with the arguments: "):
        compare(loss, x, w=right)
