"""The derivation by hand and the tape say the same of the basic CNN: every value, every gradient.

Two engines may agree on an error, so the gradients are compared with differences of the loss too;
and PyTorch is asked. Where maxima tie, or a ReLU stands at 0, differences have nothing to say, and
the three must have made the same choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.by_hand.manual_cases import (
    IMAGES,
    OUTPUTS,
    PARAMETERS,
    blank,
    case,
    compared,
    digits,
    on_the_tape,
    tiles,
    with_kinks,
)
from support.by_hand.manual_derivations import d_convolved_at_once, d_logits_at_once
from support.by_hand.manual_mistakes import CHOICES, MISTAKES, Mistake, planted
from support.by_hand.manual_network import FORWARD, STEPS, backward, forward
from support.numerical import central, complex_step, only

from autograd import Tensor
from nn import functional as F

Array = NDArray[Any]
Generator = np.random.Generator

every_batch = pytest.mark.parametrize("n", [1, 2, 5])
every_kind = pytest.mark.parametrize("images_of", IMAGES, ids=lambda kind: kind.__name__)


def assert_near(ours: Any, theirs: Any, name: str, tolerance: float = 1e-10) -> None:
    """Equal but for `tolerance` of the largest element, which is what rounding is relative to."""
    ours, theirs = (np.asarray(getattr(a, "data", a)) for a in (ours, theirs))
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), name
    difference = np.abs(ours - theirs).max()
    assert difference <= tolerance * np.abs(theirs).max(), f"{name} is off by {difference}"


@every_kind
@every_batch
def test_every_value_and_gradient_is_the_tapes(rng: Generator, images_of: Any, n: int) -> None:
    _, inputs = case(rng, images_of, n)
    values = forward(inputs)
    gradients = backward(values)
    tape = on_the_tape(inputs)
    tape["loss"].backward()
    for name, _, _ in FORWARD:
        assert_near(values[name], tape[name], f"the value of {name}")
    assert set(gradients) == set(tape)
    for name in gradients:
        assert_near(gradients[name], tape[name].grad, f"the gradient of {name}")


@every_kind
@every_batch
def test_the_model_that_trains_has_these_gradients(rng: Generator, images_of: Any, n: int) -> None:
    model, inputs = case(rng, images_of, n)
    tape = {"images": Tensor(inputs["images"], requires_grad=True)}
    tape |= {name: dict(model.named_parameters())[theirs] for name, theirs in PARAMETERS.items()}

    def keep(name: str) -> Any:
        return lambda module, args, out: tape.__setitem__(name, out)

    for module, name in zip(model, OUTPUTS, strict=True):
        module.register_forward_hook(keep(name))
    tape["loss"] = F.cross_entropy(model(tape["images"]), inputs["labels"])
    for tensor in tape.values():
        tensor.retain_grad()
    tape["loss"].backward()
    values = forward(inputs)
    gradients = backward(values)
    assert set(tape) == {"images", "loss", *PARAMETERS, *OUTPUTS}
    for name, tensor in tape.items():
        assert_near(values[name], tensor, f"the value of {name}")
        assert_near(gradients[name], tensor.grad, f"the gradient of {name}")


@pytest.mark.parametrize("images_of", [digits, tiles])
def test_maxima_tie_in_these_images(rng: Generator, images_of: Any) -> None:
    """Or else the tests above would not see who gets the gradient of a tie."""
    _, inputs = case(rng, images_of, 2)
    x = forward(inputs)["rectified"]
    corners = np.stack([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)])
    ties = (corners == corners.max(axis=0)).sum(axis=0) > 1
    assert (ties & (corners.max(axis=0) > 0)).mean() > 0.05


def test_relus_stand_at_zero_on_blank_images(rng: Generator) -> None:
    _, inputs = case(rng, blank, 2)
    values = forward(inputs)
    assert (values["normed"] == 0).mean() == 4 / 16
    assert np.abs(backward(values)["rectified"][:, :4]).max() > 0


@every_kind
@every_batch
def test_formulas_in_one_are_those_in_steps(rng: Generator, images_of: Any, n: int) -> None:
    _, inputs = case(rng, images_of, n)
    v = forward(inputs)
    g = backward(v)
    at_once = d_logits_at_once(v["log_probabilities"], v["labels"])
    assert_near(at_once, g["logits"], "logits")
    at_once = d_convolved_at_once(g["x_hat"], v["x_hat"], v["variance"], v["eps"])
    assert_near(at_once, g["convolved"], "convolved")


def small(rng: Generator) -> dict[str, Any]:
    """Two channels, three filters, and few enough units that a short step crosses no kink."""
    return {
        "images": rng.standard_normal((3, 2, 6, 4)),
        "labels": rng.integers(0, 4, 3),
        "padding": 1,
        "eps": 1e-5,
        "kernel": rng.standard_normal((3, 2, 3, 3)),
        "gamma": rng.uniform(0.5, 1, 3),
        "beta": rng.uniform(1, 1.5, 3),
        "weight": rng.standard_normal((4, 3 * 3 * 2)),
        "bias": rng.standard_normal(4),
    }


def loss_of(inputs: dict[str, Any], name: str) -> Any:
    """The loss as a function of one value: what is computed after it follows, all else stays."""
    return lambda args: [np.asarray(forward({**inputs, name: args[0]})["loss"])]


every_gradient = pytest.mark.parametrize("name", [step.of for step in STEPS])


@every_gradient
def test_gradients_are_differences_of_the_loss(rng: Generator, name: str) -> None:
    inputs = small(rng)
    values = forward(inputs)
    gradient = backward(values)[name]
    largest = np.abs(gradient).max()
    places = [int(np.abs(gradient).argmax()), *rng.integers(0, gradient.size, 3)]
    for place in places:
        unit = np.zeros(gradient.size)
        unit[place] = short = 1e-4  # `central` steps by 1e-2 and less of it
        direction = only([values[name]], 0, unit.reshape(gradient.shape))
        slope = central(loss_of(inputs, name), [values[name]], direction, [np.ones(())]) / short
        assert abs(slope - gradient.flat[place]) <= 1e-7 * largest, f"{name}, element {place}"


@every_gradient
def test_gradients_are_complex_steps_of_the_loss(rng: Generator, name: str) -> None:
    """All elements at once, in random directions, to rounding."""
    inputs = small(rng)
    values = forward(inputs)
    gradient = backward(values)[name]
    for _ in range(3):
        u = rng.standard_normal(gradient.shape)
        slope = complex_step(loss_of(inputs, name), [values[name]], [u], [np.ones(())])
        assert abs(slope - (gradient * u).sum()) <= 1e-12 * np.abs(gradient * u).sum(), name


@pytest.mark.oracle
@every_kind
@every_batch
@pytest.mark.usefixtures("plain_kernels")
def test_every_gradient_is_pytorchs(torch: Any, rng: Generator, images_of: Any, n: int) -> None:
    _, inputs = case(rng, images_of, n)
    t = {
        name: torch.from_numpy(value.copy()).requires_grad_()
        for name, value in inputs.items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
    }
    f = torch.nn.functional
    t["convolved"] = f.conv2d(t["images"], t["kernel"], padding=inputs["padding"])
    t["normed"] = f.batch_norm(
        t["convolved"], None, None, t["gamma"], t["beta"], training=True, eps=inputs["eps"]
    )
    t["rectified"] = f.relu(t["normed"])
    t["pooled"] = f.max_pool2d(t["rectified"], 2)
    t["flat"] = t["pooled"].flatten(1)
    t["logits"] = f.linear(t["flat"], t["weight"], t["bias"])
    t["log_probabilities"] = f.log_softmax(t["logits"], 1)
    t["loss"] = f.nll_loss(t["log_probabilities"], torch.from_numpy(inputs["labels"]))
    for tensor in t.values():
        tensor.retain_grad()
    t["loss"].backward()
    values = forward(inputs)
    gradients = backward(values)
    for name, tensor in t.items():
        assert_near(values[name], tensor.detach().numpy(), f"the value of {name}")
        assert_near(gradients[name], tensor.grad.numpy(), f"the gradient of {name}")


def test_every_step_is_tried_with_several_mistakes() -> None:
    steps = [mistake.step.of for mistake in MISTAKES]
    assert all(steps.count(step.of) >= 3 for step in STEPS)
    assert len({str(mistake) for mistake in MISTAKES}) == len(MISTAKES)


every_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=str)


@every_mistake
def test_a_mistake_shows_at_its_step(rng: Generator, mistake: Mistake) -> None:
    """And not before: what is wrong later comes of it."""
    values = forward(with_kinks(rng))
    right, wrong = backward(values), backward(values, planted(mistake))
    changed = [name for name in right if not same(wrong[name], right[name])]
    assert changed[:1] == [mistake.step.of]


def same(ours: Array, theirs: Array) -> bool:
    """To six digits: what is planted here is no matter of rounding."""
    if ours.shape != theirs.shape:
        return False
    return bool(np.abs(ours - theirs).max() <= 1e-6 * np.abs(theirs).max())


@every_kind
@pytest.mark.parametrize("n", [2, *[pytest.param(n, marks=pytest.mark.slow) for n in (1, 5)]])
def test_compare_finds_nothing_where_nothing_is_wrong(
    rng: Generator, images_of: Any, n: int
) -> None:
    _, inputs = case(rng, images_of, n)
    report = compared(inputs)
    assert report.ok, str(report)
    assert report.first is None


# A second each; test_diagnosis_by_hand has all of them, in a smaller network.
@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(mistake, marks=[pytest.mark.slow] if number % 16 else [])
        for number, mistake in enumerate(MISTAKES)
    ],
    ids=str,
)
def test_compare_names_the_step_of_a_mistake(rng: Generator, mistake: Mistake) -> None:
    """And of all that is wrong after it, that it follows from there: the rest was done right."""
    report = compared(with_kinks(rng), planted(mistake))
    assert report.first == mistake.step.of, str(report)
    assert not report[mistake.step.of].because_of
    for row in report.wrong[1:]:
        assert row.follows, str(report)
        assert mistake.step.of in row.because_of


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_compare_lets_another_choice_at_ties_and_kinks_pass(
    rng: Generator, choice: Mistake
) -> None:
    """And all that follows from it."""
    values = forward(with_kinks(rng))
    assert not same(
        *(backward(values, steps)[choice.step.of] for steps in (STEPS, planted(choice)))
    )
    report = compared(with_kinks(rng), planted(choice))
    assert report.ok, str(report)
    assert f"{choice.step.of}: another choice than the tape's" in str(report)
    assert f"it follows from what was chosen for {choice.step.of}" in str(report)
