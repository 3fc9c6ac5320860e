"""What the formulas of explain say, and the formats it has: LaTeX, Markdown and HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.explaining import (
    expect_balanced,
    expect_gradients,
    expect_html,
    expect_tables,
    leaf,
    lines,
    run,
)
from support.specs.running import assert_close, call, dot, like, recorded, variables
from support.specs.specs import SPECS, Spec

import autograd as ag
import nn
from autograd import BroadcastWarning, Tensor, explain, ops, primitive
from autograd.engine.primitives import Saved
from autograd.ops.declaring import on_arrays

Array = np.ndarray[Any, Any]


DIFFERENTIABLE = [spec for spec in SPECS if spec.op.differentiable]
every_primitive = pytest.mark.parametrize("spec", DIFFERENTIABLE, ids=lambda spec: spec.op.name)


# --- formulas ------------------------------------------------------------------------------------


def test_rules_read_as_one_line(rng: np.random.Generator) -> None:
    a, b, x = leaf(2, 3, rng=rng), leaf(3, 4, rng=rng), leaf(2, 4, rng=rng)
    loss = ((a @ b) * ag.square(x)).sum()
    names = {"a": a, "b": b, "x": x}
    assert lines(explain(loss, names=names))["d_x"] == ["2 * (v1 * x)"]
    explanation = expect_gradients(loss, a, b, x, names=names, as_run=True)
    code = lines(explanation)
    assert code["v1"] == ["a @ b"]
    assert code["d_x"] == ["2 * (d_v2 * x)"]
    assert code["d_a"] == ["d_v1 @ b.mT"]
    assert code["d_b"] == ["a.mT @ d_v1"]
    assert "v1 = a @ b                                    # (2, 3), (3, 4) -> (2, 4)" in str(
        explanation
    )


def test_parts_are_named_where_they_are_read_twice_or_grow_long(rng: np.random.Generator) -> None:
    @primitive(kind="elementwise")
    def odd(x: Array) -> Array:
        return x * 2

    def pull(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        twice = ag.exp(x)
        ag.sin(x)  # read by nothing: left out
        return g * twice + twice

    odd.defvjp(pull)
    x = leaf(3, rng=rng)
    explanation = expect_gradients(odd(x).sum(), x, as_run=True)
    assert lines(explanation)["t1"] == ["exp(x1)"]
    assert lines(explanation)["d_x1"] == ["d_v1 * t1 + t1"]
    assert "sin" not in str(explanation)

    odd.defvjp(lambda g, out, x: g * x + 1 + x + 2 + x + 3 + x + 4 + x)
    x = leaf(3, rng=rng)
    explanation = expect_gradients(odd(x * 1).sum(), x, as_run=True)
    assert lines(explanation)["t1"] == ["d_v2 * v1 + 1 + v1 + 2 + v1 + 3 + v1"]
    assert lines(explanation)["d_v1"] == ["t1 + 4 + v1"]


def test_precedence_is_kept(rng: np.random.Generator) -> None:
    @primitive(kind="elementwise")
    def twisted(x: Array) -> Array:
        return x

    rules: list[Callable[..., Tensor]] = [
        lambda g, out, x: g * (x - (x - 1 - (2 - x))),
        lambda g, out, x: g / (x / (2 / x) * x),
        lambda g, out, x: (-x) ** 2 * g ** (x**1) - -x,
        lambda g, out, x: (x**2) ** 0.5 * -ag.negative(g),
        lambda g, out, x: g * ((x > 1) == (x >= 0.75)),
        lambda g, out, x: g * (x + x)[..., ::-1] % (x % 0.75 + x // 0.3 - -1e-3),
        lambda g, out, x: g * (x[:, None] @ x[None, :] / 3).mT.T.sum(0) ** -1.5,
        lambda g, out, x: (g + 0) * x[np.array([2, 0, 1])] * x[(np.array([0, 1, 2]),)],
    ]
    for rule in rules:
        twisted.defvjp(rule)
        x = leaf(3, rng=rng)
        expect_gradients((twisted(x) * [1.5, 2.0, 0.7]).sum(), x)


def test_a_changed_rule_changes_its_formula_and_no_other(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = leaf(3, rng=rng), leaf(3, rng=rng)
    loss = ag.sin(x * y).sum()
    before = lines(explain(loss, as_run=True))
    rules = (lambda g, out, x, y: g * y * 2, ops.multiply.rules[1])
    monkeypatch.setattr(ops.multiply, "rules", rules)
    after = lines(explain(loss, as_run=True))
    assert before.pop("d_x1") == ["d_v1 * x2"]
    assert after.pop("d_x1") == ["d_v1 * x2 * 2"]
    assert before == after
    expect_gradients(loss, x, y)


def test_sums_and_casts_give_their_reason(rng: np.random.Generator) -> None:
    x, b = leaf(64, 10, rng=rng), leaf(10, rng=rng, dtype=np.float32)
    s = leaf(64, 1, rng=rng)
    text = str(expect_gradients((x * s + b).sum(), x, b, s, names={"b": b, "s": s}))
    assert "summed over axis 0: b (10,) was broadcast to (64, 10); cast to float32" in text
    assert "summed over axis 1: s (64, 1) was broadcast to (64, 10)" in text


def test_a_rule_that_forgot_its_sum_is_shown_with_it(rng: np.random.Generator) -> None:
    @primitive
    def shifted(x: Array, b: Array) -> Array:
        return x + b

    shifted.defvjp(lambda g, out, x, b: g, lambda g, out, x, b: g)
    x, b = leaf(4, 3, rng=rng), leaf(3, rng=rng)
    loss = shifted(x, b).sum()
    explanation = explain(loss, names={"b": b})
    assert "summed over axis 0: b (3,) was broadcast to (4, 3)" in str(explanation)
    with pytest.warns(BroadcastWarning):
        loss.backward()
    assert_close(run(explanation)["d_b"], b.grad, 1e-12)


def test_contributions_are_added(rng: np.random.Generator) -> None:
    x = leaf(3, rng=rng)
    code = lines(expect_gradients((x * x + x).sum(), x, as_run=True))
    assert code["d_x1"] == ["d_v2", "d_x1 + d_v1 * x1", "d_x1 + d_v1 * x1"]
    assert lines(explain((x * x + x).sum()))["d_x1"] == ["1 + x1", "d_x1 + x1"]


def test_outputs_that_nothing_used_have_zeros(rng: np.random.Generator) -> None:
    x = leaf(3, 3, rng=rng)
    _, r = ag.qr(x)
    code = lines(expect_gradients((r * r).sum(), x, as_run=True))
    assert code["(v1, v2)"] == ["qr(x1)"]
    assert any("zeros((3, 3))" in text for texts in code.values() for text in texts)
    y = leaf(4, rng=rng)
    first, _ = ag.split(y, 2)
    assert "zeros((2,))" in lines(expect_gradients(first.sum(), y))["d_x1"][0]
    z = leaf(2, 2, rng=rng)
    single = ag.split(z, 1)[0]
    assert lines(expect_gradients((single * single).sum(), z))["(v1,)"] == ["split(x1, 1)"]
    _, logarithm = ag.slogdet(leaf(2, 2, rng=rng))
    assert "slogdet" in str(explain(logarithm))


def test_what_no_primitive_made_is_a_constant_that_says_so(rng: np.random.Generator) -> None:
    @primitive
    def noisy(x: Array) -> Saved:
        return Saved(x * 3, (np.full(x.shape, 3.0), "unused"))

    noisy.defvjp(lambda g, out, x, saved: g * saved[0])

    @primitive
    def doubled(x: Array) -> Array:
        return 2 * x

    doubled.defvjp(on_arrays(lambda g, out, x: 2 * g))
    x = leaf(3, rng=rng)
    text = str(expect_gradients(doubled(noisy(x)).sum(), x, as_run=True))
    assert re.search(r"# (c\d): float64 \(3,\), constant, kept by the forward of noisy", text)
    assert re.search(r"# (c\d): .* made within the rule of doubled, by no primitive", text)


def test_values_are_printed_on_request(rng: np.random.Generator) -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    big = Tensor(np.arange(100.0), requires_grad=True)
    mask = Tensor(np.arange(100.0) > 9)
    loss = (x * 3).sum() + ag.where(mask, big, 0).sum()
    text = str(explain(loss, values=True, as_run=True))
    assert "v1 = x1 * 3                                   # (2,) -> (2,) = [3., 6.]" in text
    assert "min 0, max 99, mean 49.5" in text
    assert "90 of 100 true" in text
    assert "d_x1 = d_v1 * 3                               # (2,) = [3., 3.]" in text
    assert "49.5" not in str(explain(loss))


# --- formats -------------------------------------------------------------------------------------


def test_latex_has_the_usual_signs(rng: np.random.Generator) -> None:
    a, x = leaf(2, 3, rng=rng), leaf(3, 2, rng=rng)
    y = ag.exp(a @ x) / ag.sqrt(x.T @ a.T) - ag.log(ag.absolute(x.sum(axis=0))) ** 2
    latex = explain(y.mean(), names={"A": a, "x": x, "total_loss": y}, as_run=True).latex()
    for expected in (
        r"A \, x",
        r"e^{v_{1}}",
        r"{x}^{\top}",
        r"\sqrt{",
        r"\frac{",
        r"\sum_{\text{axis } 0} x",
        r"\log\left(",
        r"\left|",
        r"}^{2}",
        r"\overline{A} &=",
        r"\overline{\mathit{total\_loss}}",
        r"\text{summed over axis 0",
        r"\odot",
    ):
        assert expected in latex, expected
    expect_balanced(latex)
    steps = [step for step in explain(y.mean()).steps if step.backward]
    assert latex.count(r"\begin{align*}") >= len(steps) + len(explain(y.mean()).steps)


def test_markdown_and_notebook_show_every_statement(rng: np.random.Generator) -> None:
    x, b = leaf(2, 3, rng=rng), leaf(3, rng=rng)
    loss = nn.functional.softmax((x < 1) * x + b).sum()
    explanation = explain(loss, names={"b": b})
    text = expect_html(explanation._repr_html_())
    markdown = explanation.markdown()
    expect_tables(markdown)
    statements = [s for step in explanation.steps for s in (step.forward, *step.backward)]
    assert len(statements) > 8
    for statement in statements:
        assert explanation.code(statement) in text
        assert f"`{explanation.code(statement)}`" in markdown
    assert "summed over axis 0: b (3,) was broadcast to (2, 3)" in text


@pytest.mark.parametrize("some", [slice(1), pytest.param(slice(1, 6), marks=pytest.mark.slow)])
@every_primitive
def test_every_format_is_well_formed(spec: Spec, some: slice, rng: np.random.Generator) -> None:
    for sample in spec.draw()[some]:
        wanted = variables(spec, sample.args)
        if not wanted:
            continue
        _, args = recorded(sample.args, wanted)
        outs = call(spec, args, sample.options)
        explanation = explain(dot(like(rng, [o.data for o in outs]), outs), values=True)
        expect_balanced(explanation.latex())
        expect_tables(explanation.markdown())
        expect_html(explanation._repr_html_())
