"""gradcheck and check_tape: what they find, what they let pass, and what they say of bad input."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.shares import shared

import nn
from autograd import (
    Tensor,
    abs,
    absolute,
    checkpoint,
    cos,
    custom_vjp,
    exp,
    log,
    max,
    maximum,
    minimum,
    multiply,
    no_grad,
    on_arrays,
    primitive,
    round,
    sin,
    sqrt,
    stop_gradient,
)
from autograd.checking import GradcheckError, check_tape, gradcheck
from autograd.engine.primitives import Primitive
from mnist.models import basic


def wrong_sine(wrong: Callable[..., Any], forward: Callable[..., Any] = np.sin) -> Primitive:
    """sin with another rule."""

    @primitive(kind="elementwise", analytic=True)
    def sine(x: Any) -> Any:
        return forward(x)

    return sine.defvjp(wrong)


# --- right and wrong -----------------------------------------------------------------------------


SCALES = list(itertools.product([1, 7, 500], [np.float64, np.float32], [1e-8, 1e-4, 1.0, 1e4, 1e8]))


@pytest.mark.parametrize(
    ("size", "dtype", "scale"),
    [pytest.param(*row, marks=marks) for row, marks in shared(SCALES, 4, lambda row: row[:2])],
)
def test_a_small_mistake_is_found_at_every_scale(
    scale: float, dtype: type, size: int, rng: np.random.Generator
) -> None:
    x = (scale * rng.uniform(0.5, 2, size)).astype(dtype)
    weight = 1.0 / scale
    right = wrong_sine(lambda g, out, x: g * cos(x))
    wrong = wrong_sine(lambda g, out, x: g * cos(x) * (1 + 1e-5))
    assert gradcheck(lambda x: scale * right(weight * x), x)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: scale * wrong(weight * x), x)
    (argument,) = caught.value.report.arguments
    assert argument.verdict == "fail"
    assert argument.error == pytest.approx(1e-5, rel=0.5)
    assert argument.limit < 1e-6


@pytest.mark.parametrize("size", [1e-30, 1e-15, 1.0, 1e15])
def test_an_argument_of_any_size_beside_what_it_is_added_to(size: float) -> None:
    x = size * np.array([1.0, -2.0, 0.5])
    assert gradcheck(lambda x: exp(1 + x / max_of(size)), x)
    wrong = wrong_sine(lambda g, out, x: -g * cos(x))
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: 3 + wrong(x / max_of(size)), x)


def max_of(size: float) -> float:
    """So that large arguments do not overflow, and small ones stay small."""
    return size if size > 1 else 1.0


@pytest.mark.slow
def test_the_stated_limit_is_true(rng: np.random.Generator) -> None:
    """A mistake ten times the stated limit is found; one of a tenth of it may pass."""
    x = rng.standard_normal(5)
    limit = gradcheck(sin, x).arguments[0].limit
    assert 0 < limit < 1e-6
    for seed in range(20):
        above = wrong_sine(lambda g, out, x: g * cos(x) * (1 + 10 * limit))
        assert gradcheck(above, x, seed=seed, raise_exception=False).verdict == "fail"
    below = wrong_sine(lambda g, out, x: g * cos(x) * (1 + limit / 100))
    assert gradcheck(below, x)


def test_one_wrong_element_of_many_is_found_and_named(rng: np.random.Generator) -> None:
    x = rng.standard_normal((40, 50))
    slip = np.ones((40, 50))
    slip[17, 31] = -1
    wrong = wrong_sine(lambda g, out, x: g * cos(x) * slip)
    with pytest.raises(GradcheckError, match=r"/ d x\[17, 31\]: the tape says"):
        gradcheck(wrong, x)


def test_a_rule_that_a_cotangent_of_ones_would_pass_fails(rng: np.random.Generator) -> None:
    def softmax(x: Tensor) -> Tensor:
        return exp(x) / exp(x).sum()

    @custom_vjp
    def zero_gradient(x: Tensor) -> Tensor:
        return softmax(x)

    zero_gradient.defvjp(lambda g, out, x: 0 * g)
    x = rng.standard_normal(5)
    assert gradcheck(softmax, x)
    with pytest.raises(GradcheckError):
        gradcheck(zero_gradient, x)


def test_a_result_too_small_to_see_beside_another_is_checked(rng: np.random.Generator) -> None:
    wrong = wrong_sine(lambda g, out, x: -g * cos(x))
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: (1e8 * exp(x), 1e-8 * wrong(x)), rng.standard_normal(100))


def test_second_order_checks_the_gradient_of_the_gradient(rng: np.random.Generator) -> None:
    """A rule may be right in value and wrong as a function, if a part of it is detached."""
    half = wrong_sine(lambda g, out, x: g * cos(x.detach()))
    x = rng.standard_normal(4)
    assert gradcheck(half, x)
    assert gradcheck(sin, x, order=2)
    with pytest.raises(GradcheckError, match="second order: fail"):
        gradcheck(half, x, order=2)
    with pytest.raises(RuntimeError, match="without on_arrays"):
        gradcheck(wrong_sine(on_arrays(lambda g, out, x: g * np.cos(x))), x, order=2)


def test_trees_and_constants_among_the_arguments(rng: np.random.Generator) -> None:
    def f(tree: dict[str, Any], n: int, flag: str) -> Any:
        return {"y": tree["a"] * n, "z": [exp(tree["b"][0])]}

    report = gradcheck(f, {"a": 2.0, "b": [rng.standard_normal(3)]}, 3, "text")
    assert [argument.name for argument in report.arguments] == [
        "argument 0, leaf 0",
        "argument 0, leaf 1",
    ]


def test_a_tensor_given_twice_is_one_variable() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    (argument,) = gradcheck(multiply, x, x).arguments
    assert argument.shape == (2,)


def test_a_model_is_checked_by_its_parameters_and_left_as_it_was(rng: np.random.Generator) -> None:
    model = basic(rng)
    images = Tensor(rng.standard_normal((4, 1, 28, 28)).astype(np.float32))
    labels = rng.integers(0, 10, 4)
    parameters = list(model.parameters())
    parameters[0].grad = mark = Tensor(np.zeros_like(parameters[0].data))
    before = [p.data for p in parameters]
    report = gradcheck(lambda *_: nn.functional.cross_entropy(model(images), labels), *parameters)
    assert len(report.arguments) == len(parameters) == 5
    assert all(p.data is array for p, array in zip(parameters, before, strict=True))
    assert parameters[0].grad is mark


def test_arguments_are_put_back_after_an_error() -> None:
    x = Tensor([1.0, 2.0])
    array = x.data
    with pytest.raises(ZeroDivisionError):
        gradcheck(lambda x: exp(x) / 0 if x.data[0] != 1 else 1 / 0, x)
    assert x.data is array
    assert not x.requires_grad


# --- kinks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: maximum(0, x), [-1.0, 0.0, 2.0, 0.0]),
        (abs, [0.0, 1.0]),
        (lambda x: max(x), [1.0, 3.0, 3.0, 3.0]),
        (lambda x: maximum(x, 1).sum() ** 2, [1.0, 1.0, 2.0]),
        (lambda x: sqrt(1 + absolute(x).sum()), [0.0, 0.0]),
    ],
)
def test_any_value_between_the_slopes_of_a_kink_is_a_choice(f: Any, x: list[float]) -> None:
    report = gradcheck(f, np.array(x))
    assert report.arguments[0].choices
    assert "a kink at [" in str(report)


@pytest.mark.parametrize("slope", [-0.25, 1.5])
def test_a_value_outside_the_slopes_of_a_kink_fails(slope: float) -> None:
    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        return g * np.where(x.data == 0, slope, x.data > 0)

    relu = wrong_sine(rule, lambda x: np.where(x.real > 0, x, 0.0))
    with pytest.raises(GradcheckError, match=f"{slope:g} chosen, which is not between"):
        gradcheck(relu, np.array([-1.0, 0.0, 1.0]))


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_every_value_between_passes(slope: float) -> None:
    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        return g * np.where(x.data == 0, slope, x.data > 0)

    relu = wrong_sine(rule, lambda x: np.where(x.real > 0, x, 0.0))
    report = gradcheck(relu, np.array([-1.0, 0.0, 1.0]), raise_exception=False)
    assert report.verdict == "pass", report


def test_kinks_by_the_thousand_hide_no_mistake(rng: np.random.Generator) -> None:
    x = np.where(rng.random(5000) < 0.5, 0, rng.standard_normal(5000))
    assert gradcheck(lambda x: maximum(0, x).sum(), x)
    wrong = wrong_sine(lambda g, out, x: g * cos(x) * np.where(x.data > 1, 1.01, 1))
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: (maximum(0, x) + wrong(x)).sum(), x)


def test_a_kink_close_by_is_no_mistake() -> None:
    for distance in (1e-3, 1e-5, 1e-7):
        assert gradcheck(lambda x: maximum(0, x), np.array([distance, -distance, 1.0]))


def test_kinks_of_several_ops_that_meet_are_told_from_a_mistake(rng: np.random.Generator) -> None:
    """Each op chooses between its slopes; together they may leave those of the whole."""

    def f(x: Tensor) -> Tensor:
        return maximum(0, x) - 2 * maximum(0, -x)  # slopes 2 and 1, and 0 of the tape

    report = gradcheck(f, np.zeros(3))
    assert "kinks of several ops meet" in str(report)


# --- precision -----------------------------------------------------------------------------------


def test_right_float32_code_passes(rng: np.random.Generator) -> None:
    x = rng.standard_normal((20, 10)).astype(np.float32)

    def normalised(x: Tensor) -> Tensor:
        centred = x - x.mean(axis=0)
        return centred / sqrt((centred * centred).mean(axis=0) + 1e-5)

    report = gradcheck(normalised, x)
    assert report.arguments[0].dtype == np.float32


def test_a_rule_that_is_not_linear_in_the_gradient_it_gets_fails() -> None:
    magnitude = wrong_sine(lambda g, out, x: absolute(g) * cos(x))
    for x in (np.array([0.3, 1.0]), np.array(0.3), np.linspace(0, 1, 100)):
        with pytest.raises(GradcheckError):
            gradcheck(magnitude, x)


CHANGES = {
    "absolute": absolute,
    "no negative": lambda g: maximum(0, g),
    "within 1": lambda g: minimum(1, maximum(-1, g)),
}


@pytest.mark.parametrize(
    ("change", "shape"),
    [
        ("absolute", (4,)),
        ("absolute", (3, 4)),
        ("absolute", (300, 4)),
        ("no negative", (3, 4)),
        pytest.param("no negative", (4,), marks=pytest.mark.slow),
        pytest.param("no negative", (300, 4), marks=pytest.mark.slow),
        ("within 1", (4,)),
        pytest.param("within 1", (3, 4), marks=pytest.mark.slow),
        pytest.param("within 1", (300, 4), marks=pytest.mark.slow),
    ],
)
def test_a_rule_that_is_not_linear_only_where_maxima_tie_fails(
    change: str,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Any part of g is a choice there, but it must be the same part of every g."""
    x = rng.standard_normal(shape)
    x[..., :2] = 9
    assert gradcheck(lambda x: max(x, axis=-1), x)
    right = max.rules[0]
    monkeypatch.setattr(
        max, "rules", (lambda g, out, x, **o: CHANGES[change](right(g, out, x, **o)),)
    )  # type: ignore[misc]
    for seed in range(5):
        with pytest.raises(GradcheckError):
            gradcheck(lambda x: max(x, axis=-1), x, seed=seed)


def test_a_rule_that_is_off_in_float32_alone_is_not_called_right(rng: np.random.Generator) -> None:
    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        slip = 1.01 if x.dtype == np.float32 else 1.0
        return g * cos(x) * slip

    with pytest.raises(GradcheckError, match="in float64 the gradient is right; in float32"):
        gradcheck(wrong_sine(rule), rng.standard_normal(5).astype(np.float32))


def test_noise_is_inconclusive_rather_than_wrong(rng: np.random.Generator) -> None:
    """What loses all its digits on the way is too rough for differences, not wrong."""
    report = gradcheck(lambda x: exp(absolute(x + 1e13) - 1e13), np.ones(4), raise_exception=False)
    assert report.verdict == "inconclusive"
    assert not report
    assert gradcheck(lambda x: x + 1e-6 * sin(1e9 * x), rng.standard_normal(4))


# --- bad input -----------------------------------------------------------------------------------


def test_no_floating_argument() -> None:
    with pytest.raises(TypeError, match=r"floating numbers expected, int64 \(3,\) given; convert"):
        gradcheck(lambda x: x * 1.0, np.arange(3))


def test_no_tensor_returned() -> None:
    with pytest.raises(TypeError, match=r"f returned float64 .* has left the tape"):
        gradcheck(lambda x: np.exp(x.data), np.ones(3))


def test_not_deterministic() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="two different values for the same arguments"):
        gradcheck(lambda x: x * rng.random(), np.ones(3))


def test_not_finite() -> None:
    with pytest.raises(ValueError, match=r"output 0 of f is nan at \[1\]"):
        gradcheck(log, np.array([1.0, -1.0]))
    infinite = wrong_sine(lambda g, out, x: g / (x - x.data))
    with pytest.raises(GradcheckError, match=r"the gradient is -?inf at \[0\]|nan at \[0\]"):
        gradcheck(infinite, np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: exp(x.detach()) + 0 * Tensor(1.0, requires_grad=True),
        lambda x: stop_gradient(exp(x)),
        lambda x: Tensor(np.exp(x.data)),
    ],
)
def test_detached(f: Any) -> None:
    with pytest.raises(GradcheckError, match="no way from the result to this argument"):
        gradcheck(f, np.array([1.0, 2.0]))


def test_detached_by_no_grad() -> None:
    @no_grad()
    def f(x: Tensor) -> Tensor:
        return exp(x)

    with pytest.raises(GradcheckError, match="it is detached on the way"):
        gradcheck(f, np.array([1.0, 2.0]))


def test_an_argument_that_does_not_matter_passes() -> None:
    assert gradcheck(lambda x, y: exp(x), np.ones(2), np.ones(2))
    assert gradcheck(lambda x: round(x), np.array([0.3, 1.2]))


def test_an_order_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="order=3 given, 1 or 2 expected"):
        gradcheck(exp, np.ones(2), order=3)


# --- check_tape ----------------------------------------------------------------------------------


def test_check_tape_names_the_record_whose_rule_was_changed(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = basic(rng)
    images = Tensor(rng.standard_normal((1, 1, 28, 28)).astype(np.float32))
    loss = nn.functional.cross_entropy(model(images), np.array([3]))
    assert check_tape(loss)
    right = max.rules[0]
    monkeypatch.setattr(max, "rules", (lambda g, out, x, **o: 2 * right(g, out, x, **o),))  # type: ignore[misc]
    with pytest.raises(GradcheckError, match="MaxPool2d") as caught:
        check_tape(loss)
    report = caught.value.report
    names = [record.record.op.name for record in report.records]
    assert [record.record.op.name for record in report.wrong] == ["max"] * names.count("max")
    assert not report.unclear


def test_check_tape_of_what_the_tape_let_go(rng: np.random.Generator) -> None:
    x = Tensor(rng.standard_normal(20_000), requires_grad=True)
    assert check_tape((exp(x + 1) + 2).sum())


def test_check_tape_says_what_it_cannot_check() -> None:
    x = Tensor(1.0, requires_grad=True)
    report = check_tape(checkpoint(exp)(x) * 2, raise_exception=False)
    assert report.verdict == "inconclusive"
    assert "its insides are not on this tape" in str(report)


def test_check_tape_of_what_has_no_tape() -> None:
    with pytest.raises(TypeError, match="check_tape: float given, a Tensor expected that was"):
        check_tape(1.0)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="check_tape: this tensor is a constant"):
        check_tape(Tensor(1.0))
    x = Tensor(1.0, requires_grad=True)
    y = exp(x)
    y.backward()
    with pytest.raises(RuntimeError, match="check_tape: an earlier backward pass freed"):
        check_tape(y)
