"""What training does beside its ops, in programs: formulas of optimizers, running statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from autograd import Tensor, program_of
from autograd.program.passes import simplified, with_common_calls
from autograd.program.running import run
from autograd.random import Generator
from nn.optim.base import Optimizer

OPTIMIZERS = [
    lambda p: nn.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    lambda p: nn.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    lambda p: nn.optim.Adam(p, lr=0.1, weight_decay=0.1, amsgrad=True),
    lambda p: nn.optim.AdamW(p, lr=0.1),
    lambda p: nn.optim.RMSprop(p, lr=0.1, centered=True, momentum=0.5),
    lambda p: nn.optim.Adagrad(p, lr=0.1, lr_decay=0.1, weight_decay=0.1),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("shape", [(3, 2), ()])
def test_formulas_are_the_same_on_tensors(
    make: Any, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    parameter = nn.Parameter(rng.normal(size=shape).astype(np.float32))
    optimizer: Optimizer = make([parameter])
    (group,) = optimizer.param_groups
    options = {name: value for name, value in group.items() if name != "params"}
    tensor, state = Tensor(parameter.data.copy()), dict[str, Any]()
    for _ in range(3):
        g = rng.normal(size=shape).astype(np.float32)
        parameter.grad = Tensor(g)
        optimizer.step()
        tensor = optimizer._moved(tensor, Tensor(g), state, options)
        assert tensor.dtype == np.float32
        assert np.array_equal(tensor.data, parameter.data)
    for name, value in optimizer.state[parameter].items():
        assert type(value) in (np.ndarray, int)
        assert np.array_equal(getattr(state[name], "data", state[name]), value)


def test_running_statistics_are_computed_by_the_program(rng: np.random.Generator) -> None:
    layer = nn.BatchNorm2d(3)
    x, other = rng.normal(size=(2, 4, 3, 5, 5)).astype(np.float32)
    program = program_of(layer, x)
    assert [effect.kind for effect in program.effects] == ["data"] * 3
    before = {name: array.copy() for name, array in layer.state_dict().items()}
    held: dict[int, Any] = {}
    wanted = layer(Tensor(other)).data
    after = layer.state_dict()
    layer.load_state_dict(before)
    got = run(
        program, [other], lambda n, call, given: held.update(zip(call.gives(), given, strict=True))
    )
    assert np.array_equal(got, wanted)
    tensors = {i.slot: i.tensor for i in program.inputs}
    for effect in program.effects:
        (name,) = [n for n, t in layer.named_buffers() if t is tensors[effect.input]]
        assert np.array_equal(held[effect.slot], after[name])


def test_noise_is_drawn_anew_in_the_order_of_the_function(rng: np.random.Generator) -> None:
    source = Generator(5)
    x = np.ones((4, 3))

    def f(x: Tensor) -> Any:
        source.normal((2,))  # read by nobody, and drawn all the same
        kept = nn.functional.dropout(x, 0.5, rng=source)
        again = nn.functional.dropout(x, 0.5, rng=source)  # not the same call twice
        return kept, again, source.uniform(1, 2, (3,)), source.permutation(5)

    program = program_of(f, x)
    for other in (program, simplified(program), with_common_calls(program)):
        source.state = Generator(7).state
        first, second = run(other, [x]), run(other, [x])
        source.state = Generator(7).state
        for got, wanted in zip((*first, *second), (*f(Tensor(x)), *f(Tensor(x))), strict=True):
            assert np.array_equal(got, wanted.data)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], second[0])


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_are_read_anew_and_looked_at(
    ignored: bool, weighted: bool, rng: np.random.Generator
) -> None:
    weight = Tensor(rng.random(4)) if weighted else None

    def f(x: Tensor, y: Tensor, rows: Tensor) -> Any:
        loss = nn.functional.cross_entropy(x, y, weight, ignore_index=3, label_smoothing=0.1)
        return loss, nn.functional.embedding(rows, x, padding_idx=1)

    x, rows = rng.normal(size=(6, 4)), rng.integers(0, 6, (2, 3))
    y, others = rng.integers(0, 3, (2, 6))
    if ignored:
        y[0] = others[2] = others[3] = 3
    program = program_of(f, x, y, rows)
    other_rows = rng.integers(0, 6, (2, 3))
    for got, wanted in zip(
        run(program, [x, others, other_rows]), f(Tensor(x), others, other_rows), strict=True
    ):
        np.testing.assert_allclose(got, wanted.data, rtol=1e-15)
    with pytest.raises(ValueError, match="cross_entropy: classes from 0 to 3 expected, 0 to 4"):
        run(program, [x, np.array([0, 1, 2, 4, 0, 1]), rows])
    with pytest.raises(ValueError, match="embedding: indices from 0 to 5 expected"):
        run(program, [x, others, rows + 6])
    with pytest.raises(ValueError, match="other than when the program was made"):
        run(program, [x, np.array([0, 1, 2, 2 if ignored else 3, 0, 1]), rows])


@pytest.mark.parametrize("largest", [1e-3, 0.1, 1e3])
@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_gradients_are_clipped_in_a_program(
    largest: float, p: float, rng: np.random.Generator
) -> None:
    parameters = [nn.Parameter(rng.normal(size=s).astype(np.float32)) for s in ((3, 2), (4,))]

    def f(x: Tensor) -> Any:
        for parameter in parameters:
            parameter.grad = (parameter.detach() * x).detach()
        norm = nn.utils.clip_grad_norm_(parameters, largest, p)
        nn.utils.clip_grad_value_(parameters[:1], 0.5)
        return norm, [parameter.grad for parameter in parameters]

    program = program_of(f, np.float32(2))
    for factor in (np.float32(0.01), np.float32(3)):
        norm, gradients = run(program, [factor])
        expected, wanted = f(Tensor(factor))
        np.testing.assert_allclose(norm, expected, rtol=1e-15)
        for got, own in zip(gradients, wanted, strict=True):
            assert got.dtype == own.dtype
            np.testing.assert_allclose(got, own.data, rtol=1e-6)
