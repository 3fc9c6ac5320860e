"""Whole steps of a training: what optimizers, schedules and clipping hold and leave behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd as ag
import nn
from autograd import Tensor
from autograd.engine.modes import array_of
from support.jitted_ways.modules import linear
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

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


@way("right", failing="SILENT: a rate that the function sets is not set by its program")
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


@way("right", failing="KeyError: a program looks for a state that is gone")
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


@way("plain", "it changes", failing="SILENT: attributes of an optimizer are not looked at")
def somebodys_optimizer_that_counts_in_python(play: Play) -> None:
    trained(play, lambda model: Slow(model.parameters(), 0.1))


@way("refused")
def somebodys_optimizer_that_looks_at_numbers(play: Play) -> None:
    trained(play, lambda model: ByNumpy(model.parameters(), 0.1))


# --- schedules -----------------------------------------------------------------------------------


def scheduled(play: Play, schedule_of: Callable[[Any], Any], within: bool) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = schedule_of(optimizer)
    play.watch(model, optimizer, schedule)
    f = play.jit(step_of(model, optimizer, schedule.step if within else lambda: None))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))
        if not within:
            schedule.step()


@way("right")
def a_schedule_outside(play: Play) -> None:
    scheduled(play, lambda o: nn.schedule.StepLR(o, 3, 0.5), within=False)


@way("right")
def a_schedule_within(play: Play) -> None:
    scheduled(play, lambda o: nn.schedule.CosineAnnealingLR(o, 10), within=True)


@way("right")
def one_cycle_within(play: Play) -> None:
    scheduled(play, lambda o: nn.schedule.OneCycleLR(o, 0.5, total_steps=20), within=True)


@way("right")
def schedules_in_sequence_within(play: Play) -> None:
    def of(o: Any) -> Any:
        parts = [nn.schedule.LinearLR(o, total_iters=3), nn.schedule.StepLR(o, 2, 0.5)]
        return nn.schedule.SequentialLR(o, parts, milestones=[3])

    scheduled(play, of, within=True)


@way("right", failing="the first call returns an object of the tracer, and no float")
def the_rate_of_a_schedule_returned(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    schedule = nn.schedule.StepLR(optimizer, 2, 0.5)
    play.watch(model, optimizer, schedule)
    inner = step_of(model, optimizer, schedule.step)
    f = play.jit(lambda x, y: (inner(x, y), schedule.get_last_lr()))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("right", failing="SILENT: options read from param_groups are not looked at")
def the_rate_multiplied_with_a_tensor(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    f = play.jit(lambda x: x * optimizer.lr + optimizer.param_groups[0]["lr"])
    for n, x in enumerate(numbers(4)):
        optimizer.lr = 0.1 * (n // 4)
        play(f, Tensor(x))


# --- gradients -----------------------------------------------------------------------------------


@way("right")
def gradients_that_add_up(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x))
        if n % 4 == 3:
            model.zero_grad()


@way("right")
def gradients_that_add_up_within(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters())
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor, parts: int) -> Tensor:
        optimizer.zero_grad()
        total = Tensor(0.0)
        for i in range(parts):
            loss = (model(x[i::parts]) ** 2).mean() / parts
            loss.backward()
            total = total + loss.detach()
        optimizer.step()
        return total

    for n, x in enumerate(numbers(6, 3)):
        play(f, Tensor(x), 2 + n // 4 % 2)


@way("right")
def a_gradient_that_is_assigned(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        model.weight.grad = Tensor(np.full((2, 3), n, float)) if n % 3 else None
        play(f, Tensor(x))


@way("right")
def a_gradient_written_into(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = model(x).sum()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x))
        model.bias.grad.data[:] = n
        if n % 3 == 2:
            model.zero_grad()


@way("right")
def clipping_by_norm(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor, scale: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean() * scale
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x), Tensor([0.01, 10.0][n % 2]))


@way("right")
def a_clipping_norm_that_changes(play: Play) -> None:
    model = linear()
    play.watch(model)
    limit = 1.0

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), limit)
        return loss

    for n, x in enumerate(numbers(4, 3)):
        limit = 0.1 + n // 4
        play(f, Tensor(x))


@way("right", failing="a tensor is returned, where the function returns a float")
def the_norm_before_clipping_returned(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Any:
        loss = (model(x) ** 2).mean()
        model.zero_grad()
        loss.backward()
        return loss, nn.utils.clip_grad_norm_(model.parameters(), 1.0)

    for x in numbers(4, 3):
        play(f, Tensor(x))


@way("right")
def clipping_by_value(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.1)
        return loss

    for x in numbers(4, 3):
        play(f, Tensor(x))


@way("right")
def no_step_where_the_loss_is_nan(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters())
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        if ag.isfinite(loss):
            optimizer.step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        if n in (3, 7):
            x[0, 0] = np.nan
        play(f, Tensor(x))


@way("refused")
def a_moving_average_by_numpy(play: Play) -> None:
    model, average = linear(), linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, average, optimizer)

    def after() -> None:
        with ag.no_grad():
            for own, p in zip(average.parameters(), model.parameters(), strict=True):
                own.rebind((own * 0.9 + p * 0.1).data)  # here

    f = play.jit(step_of(model, optimizer, after))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("right")
def a_moving_average_of_parameters(play: Play) -> None:
    model, average = linear(), linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, average, optimizer)

    def after() -> None:
        with ag.no_grad():
            for own, p in zip(average.parameters(), model.parameters(), strict=True):
                own.data = array_of(own * 0.9 + p * 0.1)

    f = play.jit(step_of(model, optimizer, after))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("right")
def parameters_that_are_exchanged(play: Play) -> None:
    one, two = nn.Parameter(np.ones(3)), nn.Parameter(np.zeros(3))
    play.watch(one, two)

    @play.jit
    def f(x: Tensor) -> Tensor:
        with ag.no_grad():
            kept = one * 1.0
            one.data = array_of(two + x)
            two.data = array_of(kept)
        return (one * two).sum()

    for x in numbers(3):
        play(f, Tensor(x))


@way("right", failing="SILENT: a tensor that is only written to, and not read, does not move")
def a_parameter_that_becomes_the_argument(play: Play) -> None:
    one, two = nn.Parameter(np.ones(3)), nn.Parameter(np.zeros(3))
    play.watch(one, two)

    @play.jit
    def f(x: Tensor) -> Tensor:
        with ag.no_grad():
            one.data = array_of(x * 1.0)
            two.data = array_of(x * 0 + 1)
        return (one * two).sum()

    for n, x in enumerate(numbers(3)):
        given = Tensor(x)
        play(f, given)
        given.data[:] = n
        play.note(one, two)
        two.data[:] = 5
