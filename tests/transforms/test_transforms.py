"""Functions made from functions: orders, nesting, trees, closures; against closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import identity
from support.numerical import central

import autograd as ag
from autograd import (
    Saved,
    Tensor,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    on_arrays,
    primitive,
    stop_gradient,
    value_and_grad,
    vjp,
)

# f, its third derivative, and where to compare them.
THIRD: dict[str, tuple[Callable[[Any], Any], Callable[[float], float], float]] = {
    "x^5": (lambda x: x**5, lambda x: 60 * x**2, 1.3),
    "x^-2": (lambda x: x**-2, lambda x: -24 * x**-5, 1.3),
    "x^2.5": (lambda x: x**2.5, lambda x: 1.875 * x**-0.5, 1.3),
    "sqrt": (ag.sqrt, lambda x: 0.375 * x**-2.5, 1.3),
    "1/x": (lambda x: 1 / x, lambda x: -6 * x**-4, 1.3),
    "exp": (ag.exp, math.exp, 0.7),
    "exp(2x)": (lambda x: ag.exp(2 * x), lambda x: 8 * math.exp(2 * x), 0.7),
    "2^x": (lambda x: 2**x, lambda x: math.log(2) ** 3 * 2**x, 0.7),
    "log": (ag.log, lambda x: 2 / x**3, 1.3),
    "x log x": (lambda x: x * ag.log(x), lambda x: -1 / x**2, 1.3),
    "x exp(x)": (lambda x: x * ag.exp(x), lambda x: (x + 3) * math.exp(x), 0.7),
    "exp(-x^2)": (
        lambda x: ag.exp(-x * x),
        lambda x: (12 * x - 8 * x**3) * math.exp(-x * x),
        0.7,
    ),
    "sin": (lambda x: ag.sin(x), lambda x: -math.cos(x), 0.7),
    "cos": (lambda x: ag.cos(x), math.sin, 0.7),
    "tan": (
        lambda x: ag.tan(x),
        lambda x: (2 + 4 * math.sin(x) ** 2) / math.cos(x) ** 4,
        0.7,
    ),
    "sinh": (lambda x: ag.sinh(x), math.cosh, 0.7),
    "tanh": (
        lambda x: ag.tanh(x),
        lambda x: (4 * math.sinh(x) ** 2 - 2) / math.cosh(x) ** 4,
        0.7,
    ),
    "arctan": (lambda x: ag.arctan(x), lambda x: (6 * x**2 - 2) / (1 + x**2) ** 3, 0.7),
    "arcsin": (lambda x: ag.arcsin(x), lambda x: (1 + 2 * x**2) / (1 - x**2) ** 2.5, 0.4),
    "log1p": (lambda x: ag.log1p(x), lambda x: 2 / (1 + x) ** 3, 0.7),
    "expit": (
        lambda x: ag.expit(x),
        lambda x: (lambda s: s * (1 - s) * (1 - 6 * s + 6 * s * s))(1 / (1 + math.exp(-x))),
        0.7,
    ),
    "x^3 y through a matrix": (
        lambda x: (ag.reshape(x, (1, 1)) @ np.array([[2.0]])).sum() ** 3,
        lambda x: 48.0,
        0.7,
    ),
}


@pytest.mark.parametrize(("f", "third", "at"), THIRD.values(), ids=THIRD)
def test_third_derivatives(f: Any, third: Callable[[float], float], at: float) -> None:
    assert_allclose(grad(grad(grad(f)))(at), third(at), rtol=1e-12)


class Weights(NamedTuple):
    w: Any
    b: Any


def test_trees_keep_their_structure(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 3))

    def loss(model: dict[str, Any], scale: float, power: int) -> Tensor:
        first, (second, _) = model["layers"]
        return scale * (((x @ first.w + first.b) @ second) ** power).sum()

    model = {
        "layers": [
            Weights(rng.standard_normal((3, 2)), Tensor(rng.standard_normal(2))),
            (rng.standard_normal((2, 1)), "a name"),
        ]
    }
    found, by_scale = grad(loss, argnums=(0, 1))(model, 0.5, 2)
    first, (second, name) = found["layers"]
    assert isinstance(first, Weights)
    assert name is None
    hidden = x @ model["layers"][0].w + model["layers"][0].b.data
    out = hidden @ model["layers"][1][0]
    assert_allclose(second.data, hidden.T @ out, rtol=1e-12)
    assert_allclose(first.b.data, (out @ model["layers"][1][0].T).sum(0), rtol=1e-12)
    assert_allclose(by_scale.data, (out**2).sum(), rtol=1e-12)


def test_results_at_the_top_are_constants() -> None:
    value, slope = value_and_grad(lambda x: (x**3).sum())(Tensor([1.0, 2.0]))
    assert not value.requires_grad
    assert not slope.requires_grad
    assert value.item() == 9
    assert_array_equal(slope.data, [3, 12])
    out, pull = vjp(lambda x: x * x, Tensor(3.0))
    assert not out.requires_grad
    assert pull(1.0)[0].item() == pull(1.0)[0].item() == 6
    assert not jvp(lambda x: x * x, [Tensor(3.0)], [1.0])[1].requires_grad
    assert not hvp(lambda x: x**3, [Tensor(2.0)], [1.0]).requires_grad


def test_aux_and_argnums() -> None:
    def f(x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return x * y, {"sum": x + y}

    (value, aux), (by_y, by_x) = value_and_grad(f, argnums=(1, 0), has_aux=True)(Tensor(2.0), 5.0)
    assert (value.item(), aux["sum"].item(), by_y.item(), by_x.item()) == (10, 7, 2, 5)
    assert not aux["sum"].requires_grad
    assert grad(f, -1, has_aux=True)(2.0, 5.0)[0].item() == 2


def test_what_a_function_closes_over_keeps_its_gradient() -> None:
    w = Tensor(3.0, requires_grad=True)
    slope = grad(lambda x: w**2 * x**3)(2.0)  # 3 w^2 x^2
    assert slope.item() == 108
    slope.backward()
    assert w.grad is not None
    assert w.grad.item() == 72  # 6 w x^2


def test_the_graph_of_what_a_function_closes_over_is_left_alone() -> None:
    w, seen = Tensor(3.0, requires_grad=True), []
    c = w * w
    c.register_hook(lambda g: seen.append(g.item()))
    assert grad(lambda x: x * c)(2.0).item() == 9
    assert not seen
    c.backward()  # it has not been freed
    assert seen == [1]
    with ag.no_grad():  # now it has, which matters only to who differentiates by w
        assert grad(lambda x: x * c)(2.0).item() == 9


def test_only_what_leads_to_the_variables_is_differentiated() -> None:
    w = Tensor(3.0, requires_grad=True)
    first = identity(lambda g, out, x, y: g)  # without a rule for its second argument
    assert grad(lambda x: first(x * x, w * 2))(5.0).item() == 10
    with pytest.raises(RuntimeError, match="no rule for argument 1"):
        grad(lambda x: first(w * 2, x * x))(5.0)


def test_nested_transforms_tell_their_variables_apart() -> None:
    # d/dx (x * d/dy (x + y)) = 1; a confused inner sweep gives 2 (Siskind & Pearlmutter 2005).
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0).item() == 1
    assert grad(lambda x: x * grad(lambda y: x * y)(1.0))(3.0).item() == 6


def test_a_gradient_within_no_grad_and_within_a_recorded_computation() -> None:
    with ag.no_grad():
        assert grad(lambda x: x * x)(3.0).item() == 6
    x = Tensor(3.0, requires_grad=True)
    (grad(lambda y: y**3)(x) * x).backward()  # 3 x^3
    assert x.grad is not None
    assert x.grad.item() == 81


def test_all_transforms_record_within_no_grad() -> None:
    cube: Any = lambda x: x**3  # noqa: E731
    with ag.no_grad():
        assert value_and_grad(cube)(2.0)[1].item() == 12
        assert vjp(cube, 2.0)[1](1.0)[0].item() == 12
        assert jvp(cube, [2.0], [1.0])[1].item() == 12
        assert jacobian(cube)(2.0).item() == 12
        assert hessian(cube)(2.0).item() == 12
        assert hvp(cube, [2.0], [1.0]).item() == 12


def test_the_jacobian_of_nothing_is_empty() -> None:
    by_x, by_y = jacobian(lambda x, y: x[3:] * y.sum(), (0, 1))(np.ones(3), np.ones((2, 2), "f4"))
    assert (by_x.shape, by_y.shape) == ((0, 3), (0, 2, 2))
    assert (by_x.dtype, by_y.dtype) == (np.float64, np.float32)


def test_arguments_hold_other_things_beside_numbers() -> None:
    tree = {"w": 2.0, "n": 3, "of": "what"}
    _, pull = vjp(lambda t, k: t["w"] ** t["n"] * k, tree, 5)
    assert pull(1.0) == ({"w": 60.0, "n": None, "of": None}, None)
    assert jvp(lambda t, k: t["w"] ** t["n"] * k, [tree, 5], [tree, 5])[1] == 120


def test_an_argument_without_influence_gets_zeros() -> None:
    by_x, by_y = grad(lambda x, y: x.sum(), argnums=(0, 1))(np.ones(2), np.ones((2, 1)))
    assert_array_equal(by_x, [1, 1])
    assert_array_equal(by_y, [[0], [0]])


def doubled(x: Any, times: int = 60) -> Any:
    for _ in range(times):
        x = x + x
    return x


def test_each_record_is_visited_once_however_many_ways_lead_to_it() -> None:
    assert grad(doubled)(1.0).item() == 2**60
    assert grad(grad(lambda x: doubled(x * x)))(1.0).item() == 2**61
    assert jvp(doubled, [1.0], [3.0])[1].item() == 3 * 2**60


def f_of_vector(x: Tensor) -> Tensor:
    return ag.exp(x[:2]) * x[1:] + ag.matmul(x, np.array([1.0, -2.0, 0.5]))


def test_jacobian_jvp_and_vjp_agree(rng: np.random.Generator) -> None:
    x, u, v = rng.standard_normal(3), rng.standard_normal(2), rng.standard_normal(3)
    full = jacobian(f_of_vector)(x)
    assert full.shape == (2, 3)
    for i in range(3):
        unit = np.eye(3)[i]
        expected = [
            central(lambda args: [f_of_vector(Tensor(args[0])).data], [x], [unit], [row])
            for row in np.eye(2)
        ]
        assert_allclose(full[:, i], expected, rtol=1e-8)
    out, pull = vjp(f_of_vector, x)
    assert_allclose(pull(u)[0], u @ full, rtol=1e-10)
    value, push = jvp(f_of_vector, [x], [v])
    assert_allclose(push, full @ v, rtol=1e-10)
    assert_array_equal(value, out)


def quartic(x: Tensor) -> Tensor:
    return (x**4).sum() + x[0] * x[1] * x[2] ** 2


def test_hessian_and_hvp(rng: np.random.Generator) -> None:
    x, v = rng.standard_normal(3), rng.standard_normal(3)
    a, b, c = x
    expected = np.diag(12 * x**2) + np.array(
        [[0, c * c, 2 * b * c], [c * c, 0, 2 * a * c], [2 * b * c, 2 * a * c, 2 * a * b]]
    )
    assert_allclose(hessian(quartic)(x), expected, rtol=1e-12)
    assert_allclose(hvp(quartic, [x], [v]), expected @ v, rtol=1e-12)


@pytest.mark.oracle
def test_hessian_and_hvp_are_pytorchs(torch: Any, rng: np.random.Generator) -> None:
    w, x, v = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal(3)

    def ours(x: Tensor) -> Tensor:
        return ag.log(ag.exp(w @ x).sum()) + ((w @ x) ** 3).mean()

    def theirs(x: Any) -> Any:
        y = torch.tensor(w) @ x
        return torch.log(torch.exp(y).sum()) + (y**3).mean()

    at = torch.tensor(x)
    expected = torch.autograd.functional.hessian(theirs, at).numpy()
    assert_allclose(hessian(ours)(x), expected, rtol=1e-10)
    expected = torch.autograd.functional.hvp(theirs, at, torch.tensor(v))[1].numpy()
    assert_allclose(hvp(ours, [x], [v]), expected, rtol=1e-10)


def test_jvp_of_several_arguments_and_results() -> None:
    (out, name), (pushed, _) = jvp(lambda x, y: (x * y, "n"), [2.0, 5.0], [1.0, 10.0])
    assert (out.item(), pushed.item(), name) == (10, 25, "n")


def test_derivatives_through_jvp() -> None:
    # d/dx of the derivative of x^3 along 1 is 6x.
    assert grad(lambda x: jvp(lambda y: y**3, [x], [1.0])[1])(2.0).item() == 12


# --- jvp where no second derivative is known -----------------------------------------------------


@primitive
def _polar(x: Any, y: Any) -> Any:
    return np.hypot(x, y), np.arctan2(y, x)


_polar.defvjp(
    on_arrays(lambda g, out, x, y: g[0] * x / out[0] - g[1] * y / out[0] ** 2),
    on_arrays(lambda g, out, x, y: g[0] * y / out[0] + g[1] * x / out[0] ** 2),
)


@primitive
def _growth(x: Any) -> Any:
    e = np.exp(x)
    return Saved(2 * e, e)


_growth.defvjp(lambda g, out, x, saved: g * 2 * saved)


def test_jvp_of_rules_on_arrays(rng: np.random.Generator) -> None:
    x, y, t, u = rng.uniform(1, 2, (4, 3))
    _, (dr, da) = jvp(_polar, (x, y), (t, u))
    r = np.hypot(x, y)
    np.testing.assert_allclose(dr, (x * t + y * u) / r)
    np.testing.assert_allclose(da, (x * u - y * t) / r**2)
    along = jacobian(lambda t: jvp(lambda x: _polar(x, y)[0], (x,), (t,))[1])(t)
    np.testing.assert_allclose(along, np.diag(x / r))
    for third in (hvp, lambda f, x, t: grad(lambda x: jvp(f, (x,), t)[1])(*x)):
        with pytest.raises(RuntimeError, match="rule on arrays"):
            third(lambda x: _polar(x, y)[0].sum(), (Tensor(x),), (Tensor(t),))


def test_jvp_of_a_rule_that_reads_what_the_forward_saved(rng: np.random.Generator) -> None:
    x, t = rng.uniform(-1, 1, (2, 3))
    _, tangent = jvp(lambda x: _growth(_growth(x) / 2), (x,), (t,))
    np.testing.assert_allclose(tangent, 2 * np.exp(np.exp(x)) * np.exp(x) * t)
    with pytest.raises(RuntimeError, match="what its forward saved"):
        hvp(lambda x: _growth(x).sum(), (x,), (t,))


def test_stop_gradient() -> None:
    assert grad(lambda x: x * stop_gradient(x))(3.0).item() == 3
    tree = stop_gradient({"a": [Tensor(1.0, requires_grad=True)], "b": 2})
    assert not tree["a"][0].requires_grad
    assert tree["b"] == 2


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "vector value": (
        lambda: grad(lambda x: x)(np.ones(3)),
        ValueError,
        ["grad", "(3,)", "one number", "jacobian"],
    ),
    "no tensor": (lambda: grad(lambda x: 3)(1.0), TypeError, ["grad", "int", "floats"]),
    "nothing": (lambda: grad(lambda x: None)(1.0), TypeError, ["NoneType", "end with return?"]),
    "jacobian's argnums": (lambda: jacobian(abs, 1)(1.0), ValueError, ["jacobian", "argnums 1"]),
    "integers": (lambda: grad(lambda x: x * x)(3), TypeError, ["grad", "argument 0", "int"]),
    **{
        f"argnums {argnums}, {transform.__name__}": (
            lambda transform=transform, argnums=argnums: transform(lambda x, y: x * y, argnums)(
                1.0, 2.0
            ),
            (ValueError, TypeError),
            ["argnums", "True"],
        )
        for transform in (grad, jacobian, hessian)
        for argnums in (True, [0, True], np.True_)
    },
    "argnums": (lambda: grad(lambda x: x, 1)(1.0), ValueError, ["argnums 1", "1 argument"]),
    "tangents": (lambda: jvp(lambda x: x, [1.0], []), ValueError, ["1 primals", "0 tangents"]),
    "integers alone": (lambda: vjp(lambda x: x, 3), TypeError, ["vjp", "no argument", "int"]),
    "integers alone in jvp": (lambda: jvp(lambda x: x, [3], [1]), TypeError, ["jvp", "int"]),
    "several results": (
        lambda: jacobian(lambda x: (x, x))(1.0),
        TypeError,
        ["jacobian", "one tensor", "tuple"],
    ),
    "tangent's shape": (
        lambda: jvp(lambda x: x, [np.ones(3)], [np.ones(2)]),
        ValueError,
        ["(2,)", "(3,)"],
    ),
    "cotangent": (
        lambda: vjp(lambda x: x, 1.0)[1]((1.0, 2.0)),
        ValueError,
        ["vjp", "tuple", "2 parts", "()"],
    ),
    "hessian": (lambda: hessian(quartic, (0, 1)), TypeError, ["one argument", "(0, 1)"]),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("wrong", "error", "words"), ERRORS.values(), ids=ERRORS)
def test_errors(wrong: Callable[[], Any], error: type[Exception], words: list[str]) -> None:
    with pytest.raises(error) as caught:
        wrong()
    assert [word for word in words if word not in str(caught.value)] == []


# --- checkpoint ----------------------------------------------------------------------------------


def test_checkpoint_gives_the_same_gradients_to_any_order() -> None:
    w = Tensor(1.5, requires_grad=True)

    def block(x: Tensor) -> Tensor:
        return ag.exp(w * x) * x

    plain, kept = grad(grad(lambda x: block(block(x)))), ag.checkpoint(block)
    again = grad(grad(lambda x: kept(kept(x))))
    assert_allclose(again(0.3).data, plain(0.3).data, rtol=1e-14)
    block(block(Tensor(0.3))).backward()
    expected, w.grad = w.grad, None
    kept(kept(Tensor(0.3))).backward()
    assert expected is not None
    assert w.grad is not None
    assert_allclose(w.grad.data, expected.data, rtol=1e-14)


def test_checkpoint_keeps_nothing_and_runs_once() -> None:
    calls = 0

    @ag.checkpoint
    def block(x: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal calls
        calls += 1
        y = ag.exp(x)
        return y * y, y + 1

    x = Tensor(np.zeros(1000), requires_grad=True)
    a, b = block(x)
    assert calls == 1
    (a * b).sum().backward()
    assert calls == 1
    assert x.grad is not None
    assert_allclose(x.grad.data, np.full(1000, 5.0))  # 3 e^3x + 2 e^2x at 0


def test_checkpoint_draws_the_same_random_numbers_again() -> None:
    source = ag.random.Generator(5)
    seen = []

    @ag.checkpoint
    def noisy(x: Tensor) -> Tensor:
        mask = source.bernoulli(0.5, x.shape)
        seen.append(mask)
        return x * mask

    x = Tensor(np.ones(50), requires_grad=True)
    y = noisy(x)
    after = source.state
    between = source.normal(3)
    source.state = after
    y.sum().backward()
    assert x.grad is not None
    assert_array_equal(x.grad.data, seen[0].data)
    assert 0 < seen[0].data.sum() < 50
    assert_array_equal(source.normal(3).data, between.data)  # the replay left no trace


def test_hooks_of_what_a_checkpointed_function_closes_over_run_once() -> None:
    w, x = Tensor(2.0, requires_grad=True), Tensor(3.0, requires_grad=True)
    w.register_hook(lambda g: g * 10)
    ag.checkpoint(lambda t: t * w)(x).backward()
    assert w.grad is not None
    assert w.grad.item() == 30


def test_checkpoint_without_recording_is_the_function() -> None:
    with ag.no_grad():
        assert not ag.checkpoint(lambda x: x * x)(Tensor(2.0, requires_grad=True)).requires_grad
