"""The text of explain is a program: run, it gives the gradients that backward gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support.explaining import expect_gradients, leaf, lines, run
from support.shares import some
from support.specs.running import call, dot, like, recorded, variables
from support.specs.sampling import Sample
from support.specs.specs import SPECS, Spec

import autograd as ag
import nn
from autograd import Tensor, explain, primitive
from autograd.engine.keeping import LARGE, Dropped
from autograd.engine.modes import mode
from autograd.engine.tape import Record, reachable
from autograd.ops.declaring import custom_vjp, on_arrays
from mnist.models import basic, deep

Array = np.ndarray[Any, Any]


# --- every primitive -----------------------------------------------------------------------------

DIFFERENTIABLE = [spec for spec in SPECS if spec.op.differentiable]
every_primitive = pytest.mark.parametrize("spec", DIFFERENTIABLE, ids=lambda spec: spec.op.name)


@every_primitive
def test_program_gives_the_gradients_of_every_primitive(
    spec: Spec, rng: np.random.Generator
) -> None:
    expect_gradients_of(spec, rng, some(spec.draw()))


@pytest.mark.slow
@every_primitive
def test_program_gives_the_gradients_of_every_sample(spec: Spec, rng: np.random.Generator) -> None:
    expect_gradients_of(spec, rng, spec.draw())


def expect_gradients_of(spec: Spec, rng: np.random.Generator, samples: Sequence[Sample]) -> None:
    checked = 0
    for sample in samples:
        wanted = variables(spec, sample.args)
        if not wanted:
            continue
        for as_run in (False, True):
            leaves, args = recorded(sample.args, wanted)
            outs = call(spec, args, sample.options)
            loss = dot(like(rng, [o.data for o in outs]), outs)
            explanation = expect_gradients(loss, *leaves, as_run=as_run)
            assert spec.op.name in [step.op for step in explanation.steps]
        checked += 1
    assert checked


@every_primitive
def test_float32_stays_float32(spec: Spec, rng: np.random.Generator) -> None:
    sample = next(s for s in spec.draw() if variables(spec, s.args))
    single = {id(a): a.astype(np.float32) for a in sample.args if isinstance(a, np.ndarray)}
    floating = {k: a for k, a in single.items() if a.dtype.kind == "f"}
    given = [floating.get(id(a), a) if _is_floating(a) else a for a in sample.args]
    options = {k: np.float32 if v is np.float64 else v for k, v in sample.options.items()}
    leaves, args = recorded(given, variables(spec, given))
    outs = call(spec, args, options)
    loss = dot([v.astype(np.float32) for v in like(rng, [o.data for o in outs])], outs)
    expect_gradients(loss, *leaves)


def _is_floating(a: Any) -> bool:
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"


# --- networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [basic, deep])
def test_program_gives_the_gradients_of_a_network(
    build: Callable[..., nn.Module], rng: np.random.Generator
) -> None:
    model = build(rng)
    images = rng.random((2, 1, 28, 28), dtype=np.float32)
    labels = np.array([3, 8])
    loss = nn.functional.cross_entropy(model(Tensor(images)), labels)
    named = dict(model.named_parameters())
    explanation = expect_gradients(loss, *named.values(), names=named)
    assert explanation.name_of(named["0.weight"]) == "p0_weight"
    assert "# -- Sequential / 1 (BatchNorm2d)" in str(explanation)
    shape = named["1.weight"].shape
    assert f"{shape[0]}, 1, 1) was broadcast to (2, {shape[0]}, 28, 28)" in str(explanation)


def test_arrays_that_were_let_go_are_computed_by_the_program(rng: np.random.Generator) -> None:
    x = leaf(LARGE // 8, rng=rng)
    y = ag.exp((x + 1) * 0.5)
    loss = (y + 1).sum() + (y * 2 + 3).sum()
    assert any(isinstance(r.out, Dropped) for r in _records(loss))
    expect_gradients(loss, x)


def _records(t: Tensor) -> list[Record]:
    return [p for p in reachable([t._place]) if isinstance(p, Record)]  # type: ignore[list-item]


# --- other operations ----------------------------------------------------------------------------


def test_a_checkpoint_is_computed_again(rng: np.random.Generator) -> None:
    w, x, y = leaf(3, rng=rng), leaf(3, rng=rng), leaf(3, rng=rng)
    inner = ag.exp(y)  # a computed tensor that only the checkpointed function reads

    def twice(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        keep = ag.random.default_generator().bernoulli(0.5, a.shape)
        return a * w * inner, ag.where(keep, b * w, 0)

    ag.random.seed(3)
    one, two = ag.checkpoint(twice)(x, x)
    loss = (one * two).sum() + ag.checkpoint(lambda t: t.sum() ** 2)(x)
    as_run = str(explain(loss, as_run=True, names={"w": w}))
    assert as_run.count("# computed again: a checkpoint keeps nothing") == 2
    explanation = expect_gradients(loss, w, x, y, names={"w": w})
    assert "computed again" not in str(explanation)  # it is the same as before
    assert len(explanation.steps) == as_run.partition("# Backward")[0].count(" -> ")


def test_gradients_of_gradients_are_explained(rng: np.random.Generator) -> None:
    x = leaf(3, 3, rng=rng)
    q, r = ag.qr(x)
    ((q * r).sum() * ag.exp(x).mean()).backward(create_graph=True)
    first, x.grad = x.grad, None
    assert first is not None
    explanation = expect_gradients((first * first).sum(), x)
    assert len(explanation.steps) > 25


def test_what_has_no_derivative_is_refused_with_its_reason(rng: np.random.Generator) -> None:
    @primitive
    def doubled(x: Array) -> Array:
        return 2 * x

    doubled.defvjp(on_arrays(lambda g, out, x: 2 * g))
    x = leaf(3, rng=rng)
    ag.exp(doubled(x)).sum().backward(create_graph=True)
    assert x.grad is not None
    with pytest.raises(RuntimeError, match="the derivative of a rule on arrays"):
        explain(x.grad.sum())


def test_other_kinds_of_ops(rng: np.random.Generator) -> None:
    @custom_vjp
    def clipped(x: Tensor) -> Tensor:
        return ag.tanh(x)

    clipped.defvjp(lambda g, out, x: ag.clip(g, -0.1, 0.1) * out)

    @primitive
    def total(*xs: Array) -> Array:
        return np.asarray(sum(xs))

    total.defvjp_each(lambda position, g, out, *xs: g * (position + 1))
    nameless = primitive(kind="elementwise")(lambda x: x * 2)
    nameless.defvjp(lambda g, out, x: 2 * g)
    x, y = leaf(3, rng=rng), leaf(3, rng=rng)
    loss = nameless(total(clipped(x), y, x)).sum()
    code = lines(expect_gradients(loss, x, y))
    assert code["v2"] == ["total(v1, x2, x1)"] or code["v2"] == ["total(v1, x1, x2)"]


def test_an_op_may_have_the_name_of_another(rng: np.random.Generator) -> None:
    @primitive(kind="elementwise")
    def multiply(x: Array, y: Array) -> Array:
        return x * y * 2

    multiply.defvjp(lambda g, out, x, y: g * y * 2, lambda g, out, x, y: g * x * 2)
    x, y = leaf(3, rng=rng), leaf(3, rng=rng)
    loss = ag.exp(multiply(x * 2, y)).sum() * ag.sum_of_squares(y)
    code = lines(expect_gradients(loss, x, y, names={"exp": x, "sum": y}))
    assert code["v1"] == ["exp * 2"]
    assert code["v2"] == ["multiply(v1, sum)"]
    assert code["v3"] == ["exp_(v2)"]


def test_a_tensor_may_be_bound_to_another_array_between_uses(rng: np.random.Generator) -> None:
    x = leaf(3, rng=rng)
    square = x * x
    x.data = x.data + 1
    loss = (square * x).sum()
    expect_gradients(loss, x)


def test_python_numbers_stay_weak_and_odd_ones_are_written(rng: np.random.Generator) -> None:
    x = leaf(3, rng=rng, dtype=np.float32)
    loss = ag.clip(ag.maximum(x * -1.5, -np.inf) * 1e-30 * 1e30, None, np.inf).sum()
    text = str(expect_gradients(loss, x))
    assert "-inf" in text


# --- what explaining leaves alone ----------------------------------------------------------------


def test_nothing_is_touched(rng: np.random.Generator) -> None:
    x = leaf(3, rng=rng)
    y = ag.exp(x)
    seen: list[Tensor] = []
    x.register_hook(lambda g: seen.append(g))
    y.register_hook(lambda g: seen.append(g))
    y.retain_grad()
    loss = y.sum()
    with ag.debug():
        observer = mode.observer
        run(explain(loss))
        assert mode.observer is observer
    assert mode.recording
    assert not seen
    assert x.grad is None
    assert y.grad is None
    loss.backward()
    assert len(seen) == 2


def test_names(rng: np.random.Generator) -> None:
    x, y, z = leaf(2, rng=rng), leaf(2, rng=rng), leaf(2, rng=rng)
    weights = rng.random(2)
    hidden = x * weights
    loss = (hidden + y).sum()
    names = {"conv.weight": x, "lambda": y, "h": hidden, "unused": z, "weights": weights}
    explanation = expect_gradients(loss, x, y, names=names, as_run=True)
    code = lines(explanation)
    assert code["h"] == ["conv_weight * weights"]
    assert code["v1"] == ["h + lambda_"]
    assert code["d_conv_weight"] == ["d_h * weights"]
    assert explanation.name_of(hidden) == "h"
    assert run(explain(x.sum(), names={"µ": x}))["d_μ"].shape == (2,)
    for tensor in (z, Tensor(1.0)):
        with pytest.raises(LookupError, match="not on the tape"):
            explanation.name_of(tensor)


def test_bad_arguments_get_one_clear_error(rng: np.random.Generator) -> None:
    x, y = leaf(3, rng=rng), leaf(3, rng=rng)
    loss = (x * y).sum()
    with pytest.raises(TypeError, match="explain: float given, a Tensor expected"):
        explain(1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="explain: names is list, a mapping expected"):
        explain(loss, names=[x])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="explain: values is dict, True or False expected; names"):
        explain(loss, {"x": x})  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="explain: this tensor is a constant"):
        explain(loss.detach())
    with pytest.raises(ValueError, match=r"explain: a tensor of shape \(3,\) given"):
        explain(x * y)
    with pytest.raises(TypeError, match="a text for each Tensor or array expected"):
        explain(loss, names={"x": 3.0})
    with pytest.raises(TypeError, match="a text for each Tensor or array expected"):
        explain(loss, names={x: "x"})  # type: ignore[dict-item]
    for names in ({"a.b": x, "a_b": y}, {"W": x, "d_W": y}, {"d_W": x, "W": y}, {"inf": x}):
        with pytest.raises(ValueError, match="give it another"):
            explain(loss, names=names)
    loss.backward()
    with pytest.raises(RuntimeError, match="explain: an earlier backward pass freed"):
        explain(loss)


def test_a_leaf_explains_itself() -> None:
    x = Tensor(2.0, requires_grad=True)
    assert lines(explain(x)) == {"d_x1": ["ones(())"]}
    expect_gradients(x, x)
