"""What a function asks of tensors, optimizers and schedules, other than their numbers."""

from __future__ import annotations

import numpy as np
from support.jitted_ways.modules import linear
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor

KIND = "SILENT: shape, dtype and requires_grad of a tensor whose numbers are not read"
HELD = "SILENT: what an optimizer or a schedule holds, read there by the function"


@way("right")
def only_the_size_of_a_tensor_in_the_closure(play: Play) -> None:
    w = Tensor(np.ones(3))
    f = play.jit(lambda x: x * w.size)
    for n, x in enumerate(numbers(3)):
        w.data = np.ones(3 + n // 4)
        play(f, Tensor(x))


@way("right")
def only_the_length_of_a_tensor_in_a_module(play: Play) -> None:
    class Table(nn.Module):
        def __init__(self) -> None:
            self.rows = nn.Buffer(np.ones((3, 2)))

        def forward(self, x: Tensor) -> Tensor:
            return x / len(self.rows)

    model = Table()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(numbers(3)):
        model.rows.rebind(np.ones((3 + n // 4, 2)))
        play(f, Tensor(x))


@way("right")
def only_the_dtype_of_a_parameter(play: Play) -> None:
    model = linear()
    f = play.jit(lambda x: x.astype(next(model.parameters()).dtype) / 3)
    for n, x in enumerate(numbers(3)):
        model.to([np.float64, np.float32][n // 4 % 2])
        play(f, Tensor(x))


@way("right")
def only_whether_a_parameter_wants_a_gradient(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: x * (2 if w.requires_grad else 3))
    for n, x in enumerate(numbers(3)):
        w.requires_grad = n // 4 % 2 == 0
        play(f, Tensor(x))


@way("right")
def only_whether_there_is_a_gradient(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: x * (2 if w.grad is None else 3))
    for n, x in enumerate(numbers(3)):
        w.grad = Tensor(x) if n // 3 % 2 else None
        play(f, Tensor(x))


@way("right")
def a_gradient_that_was_there_before(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    f = play.jit(lambda x: x * w.grad)
    for x in numbers(3):
        w.grad = Tensor(x * x)
        play(f, Tensor(x))


@way("right")
def a_gradient_of_an_argument_that_was_there_before(play: Play) -> None:
    f = play.jit(lambda x: x.detach() * x.grad)
    for x in numbers(3):
        t = Tensor(x, requires_grad=True)
        t.grad = Tensor(x * x)
        play(f, t)


@way("right")
def whether_an_argument_has_a_gradient(play: Play) -> None:
    f = play.jit(lambda x: x.detach() * (2 if x.grad is None else 3))
    for n, x in enumerate(numbers(3)):
        t = Tensor(x, requires_grad=True)
        t.grad = Tensor(x) if n // 3 % 2 else None
        play(f, t)


@way("plain", "it reads the step of a schedule")
def the_step_of_a_schedule(play: Play) -> None:
    optimizer = nn.optim.SGD([nn.Parameter(np.ones(3))], lr=0.1)
    schedule = nn.schedule.StepLR(optimizer, 2)
    f = play.jit(lambda x: x * schedule.last_epoch)
    for n, x in enumerate(numbers(3)):
        if n % 4 == 3:
            schedule.step()
        play(f, Tensor(x))


@way("plain", "it reads what Adam remembers")
def the_count_that_an_optimizer_remembers(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    optimizer = nn.optim.Adam([w], lr=0.1)
    f = play.jit(lambda x: x * optimizer.state.get(w, {}).get("step", 0))
    for n, x in enumerate(numbers(3)):
        if n % 4 == 3:
            w.grad = Tensor(x)
            optimizer.step()
        play(f, Tensor(x))


@way("plain", "it reads what Adam remembers")
def an_average_that_an_optimizer_remembers(play: Play) -> None:
    w = nn.Parameter(np.ones(3))
    optimizer = nn.optim.Adam([w], lr=0.1)
    w.grad = Tensor(np.ones(3))
    optimizer.step()
    f = play.jit(lambda x: x * optimizer.state[w]["exp_avg"])
    for n, x in enumerate(numbers(3)):
        if n % 4 == 3:
            optimizer.step()
        play(f, Tensor(x))


@way("refused")
def the_state_of_a_generator(play: Play) -> None:
    rng = ag.random.Generator(3)
    f = play.jit(lambda x: x * (rng.state["state"]["state"] % 7))  # here
    for x in numbers(3):
        play(f, Tensor(x))
        rng.normal()


@way("right")
def an_option_of_a_layer_that_is_a_tensor(play: Play) -> None:
    layer = nn.LeakyReLU(0.1)
    f = play.jit(lambda x: layer(x))
    for n, x in enumerate(numbers(3)):
        layer.negative_slope = Tensor(0.1 * n) if n % 4 else 0.5
        play(f, Tensor(x))


@way("right")
def an_option_that_wants_a_gradient(play: Play) -> None:
    slope = Tensor(0.1, requires_grad=True)
    layer = nn.LeakyReLU(slope)
    f = play.jit(lambda x: layer(x).sum())
    for n, x in enumerate(numbers(3)):
        slope.data, slope.grad = np.array(0.1 * n), None
        play(f, Tensor(x)).backward()
        play.note(slope)


@way("right")
def the_names_of_parameters(play: Play) -> None:
    model = nn.Sequential(linear(3, 3))

    @play.jit
    def f(x: Tensor) -> Tensor:
        total = x.sum() * 0
        for name, p in model.named_parameters():
            total = total + len(name) * (p * p).sum()
        return total + x.sum()

    for n, x in enumerate(numbers(3)):
        if n == 5:
            model.append(linear(3, 3))
        play(f, Tensor(x))


@way("right")
def a_penalty_over_all_that_is_trained(play: Play) -> None:
    model = nn.Sequential(linear(3, 3), linear(3, 2))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        loss = loss + sum((p * p).sum() for p in model.parameters() if p.requires_grad)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        model[0].requires_grad_(n // 4 % 2 == 0)
        play(f, Tensor(x))


@way("right")
def a_model_converted_between_steps(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x.astype(model.weight.dtype)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        if n % 4 == 3:
            optimizer.zero_grad()
            model.to([np.float32, np.float64][n // 4 % 2])
        play(f, Tensor(x))


@way("plain", "more than 16 programs")
def as_many_numbers_as_calls(play: Play) -> None:
    f = play.jit(lambda x, n: x * n)
    for n in [*range(20), *range(20)]:
        play(f, Tensor([1.0, n]), n)
