"""Whole steps of a training: what optimizers, schedules and clipping hold and leave behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from support.jitted_ways.modules import linear
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import nn
from autograd import Tensor

Between = Callable[[int, Any, Any], object]


def step_of(model: Any, optimizer: Any, after: Callable[[], object] = lambda: None) -> Any:
    """A function that makes one step of a training."""

    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = ((model(x) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        after()
        return loss

    return step


def trained(play: Play, optimizer_of: Callable[[Any], Any], between: Between | None = None) -> None:
    """Twelve steps, with something done between them: between(number, model, optimizer)."""
    model = linear()
    optimizer = optimizer_of(model)
    play.watch(model, optimizer)
    f = play.jit(step_of(model, optimizer))
    for n, (x, y) in enumerate(zip(numbers(4, 3), numbers(4, 2), strict=True)):
        play(f, Tensor(x), Tensor(y))
        if between is not None:
            between(n, model, optimizer)


def sgd(**options: Any) -> Callable[[Any], Any]:
    return lambda model: nn.optim.SGD(model.parameters(), **{"lr": 0.1} | options)


def adam(**options: Any) -> Callable[[Any], Any]:
    return lambda model: nn.optim.Adam(model.parameters(), **{"lr": 0.1} | options)


@way("right")
def sgd_with_momentum(play: Play) -> None:
    trained(play, sgd(momentum=0.9))


@way("right")
def sgd_with_nesterov_and_decay(play: Play) -> None:
    trained(play, sgd(momentum=0.9, nesterov=True, weight_decay=0.1))


@way("right")
def adams_count_of_steps(play: Play) -> None:
    trained(play, adam())


@way("right")
def adamw(play: Play) -> None:
    trained(play, lambda model: nn.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1))


@way("right")
def adam_with_amsgrad(play: Play) -> None:
    trained(play, adam(amsgrad=True))


@way("right")
def rmsprop(play: Play) -> None:
    trained(play, lambda m: nn.optim.RMSprop(m.parameters(), momentum=0.5, centered=True))


@way("right")
def adagrad(play: Play) -> None:
    trained(play, lambda model: nn.optim.Adagrad(model.parameters()))


@way("right")
def a_rate_that_is_set(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        optimizer.lr = 0.1 / (n + 1)

    trained(play, sgd(momentum=0.9), between)


@way("right")
def a_rate_set_in_its_group(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        optimizer.param_groups[0]["lr"] = 0.1 / (n + 1)

    trained(play, adam(), between)


@way("right")
def a_rate_that_is_a_whole_number_at_times(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        optimizer.param_groups[0]["lr"] = [0.1, 1, 0, np.float32(0.1), 0.0][n % 5]

    trained(play, sgd(), between)


@way("right")
def a_rate_given_to_the_step(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters())
    play.watch(model, optimizer)
    inner = step_of(model, optimizer)

    def step(x: Tensor, y: Tensor, lr: float) -> Tensor:
        optimizer.lr = lr
        return inner(x, y)

    f = play.jit(step)
    for n, (x, y) in enumerate(zip(numbers(4, 3), numbers(4, 2), strict=True)):
        play(f, Tensor(x), Tensor(y), [0.1, 0.01][n // 3 % 2])


@way("right")
def momentum_that_begins_and_ends(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        optimizer.param_groups[0]["momentum"] = [0.0, 0.9, 0.5][n // 2 % 3]

    trained(play, sgd(), between)


@way("right")
def betas_that_are_set(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        optimizer.param_groups[0]["betas"] = (0.9 - n / 20, 0.999 - n / 100)

    trained(play, adam(), between)


@way("right")
def decay_that_begins(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        optimizer.param_groups[0]["weight_decay"] = 0.1 * (n // 4)

    trained(play, adam(), between)


@way("right")
def a_switch_that_is_turned(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        optimizer.param_groups[0]["maximize"] = n // 3 % 2 == 1

    trained(play, sgd(momentum=0.9), between)


@way("right")
def a_state_that_is_cleared(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        if n == 5:
            optimizer.state.clear()

    trained(play, adam(), between)


@way("right")
def a_state_that_is_replaced(play: Play) -> None:
    states: list[Any] = []

    def between(n: int, model: Any, optimizer: Any) -> None:
        states.append(optimizer.state_dict())
        if n in (4, 8):
            optimizer.load_state_dict(states[n // 2])

    trained(play, adam(), between)


@way("right")
def a_state_written_into(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        for state in optimizer.state.values():
            state["exp_avg"][:] = n

    trained(play, adam(), between)


@way("right")
def a_count_of_steps_that_is_set(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        if n == 6:
            for state in optimizer.state.values():
                state["step"] = 100

    trained(play, adam(), between)


@way("right")
def parameters_that_join(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        if n == 5:
            optimizer.add_param_group({"params": [model.bias], "lr": 0.01})

    trained(play, lambda model: nn.optim.Adam([model.weight], lr=0.1), between)


@way("right")
def groups_of_two_rates(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        optimizer.param_groups[1]["lr"] = 0.1 / (n + 1)

    groups = lambda m: [{"params": [m.weight], "lr": 0.1}, {"params": [m.bias]}]  # noqa: E731
    trained(play, lambda model: nn.optim.Adam(groups(model), lr=0.01), between)


@way("right")
def an_optimizer_that_is_another(play: Play) -> None:
    model = linear()
    optimizer: Any = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x))
        if n == 5:
            optimizer = nn.optim.Adam(model.parameters(), lr=0.1)


@way("right")
def two_optimizers_in_turn(play: Play) -> None:
    one, two = linear(3, 3), linear(3, 2)
    optimizers = nn.optim.Adam(one.parameters()), nn.optim.SGD(two.parameters(), momentum=0.9)
    play.watch(one, two, *optimizers)

    @play.jit
    def f(x: Tensor, which: int) -> Tensor:
        loss = (two(one(x)) ** 2).mean()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        optimizers[which].step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x), n % 3 % 2)


@way("right")
def a_step_with_a_closure(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor) -> Tensor:
        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            return loss

        return optimizer.step(closure)

    for x in numbers(4, 3):
        play(f, Tensor(x))


@way("right")
def a_parameter_without_gradient_at_times(play: Play) -> None:
    def between(n: int, model: Any, optimizer: Any) -> None:
        model.bias.requires_grad = n % 4 < 2

    trained(play, adam(), between)


class Slow(nn.optim.Optimizer):
    """An optimizer of somebody's own, with a count in Python."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr, "maximize": False})
        self.count = 0

    def _moved(self, p: Any, g: Any, state: dict[str, Any], options: Any) -> Any:
        self.count += 1
        return p - options["lr"] * g / self.count


class Signed(nn.optim.Optimizer):
    """An optimizer of somebody's own, by its formula."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr, "maximize": False})

    def _moved(self, p: Any, g: Any, state: dict[str, Any], options: Any) -> Any:
        state["mean"] = 0.5 * state.get("mean", 0.0) + 0.5 * g
        state["step"] = state.get("step", 0) + 1
        return p - options["lr"] / state["step"] * np.sign(state["mean"])


class ByNumpy(nn.optim.Optimizer):
    """An optimizer of somebody's own, that looks at numbers."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr, "maximize": False})

    def _moved(self, p: Any, g: Any, state: dict[str, Any], options: Any) -> Any:
        return p - options["lr"] * g / float(np.abs(g).max())  # here


@way("right")
def somebodys_optimizer(play: Play) -> None:
    trained(play, lambda model: Signed(model.parameters(), 0.1))


@way("plain", "it changes")
def somebodys_optimizer_that_counts_in_python(play: Play) -> None:
    trained(play, lambda model: Slow(model.parameters(), 0.1))


@way("refused")
def somebodys_optimizer_that_looks_at_numbers(play: Play) -> None:
    trained(play, lambda model: ByNumpy(model.parameters(), 0.1))
