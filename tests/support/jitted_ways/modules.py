"""What modules hold: parameters, buffers, modes, attributes, and each other."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor


def linear(inputs: int = 3, outputs: int = 2, dtype: Any = np.float64) -> nn.Linear:
    ag.random.seed(3)
    return nn.Linear(inputs, outputs).to(dtype)


def batch(*shape: int, count: int = 16) -> list[Tensor]:
    return [Tensor(x) for x in numbers(*shape, count=count)]


@way("right")
def a_parameter_that_moves(play: Play) -> None:
    model = linear()
    play.watch(model)
    f = play.jit(lambda x: model(x))
    for x in batch(4, 3):
        play(f, x)
        model.weight.data = model.weight.data * 0.9 + 0.1


@way("right")
def a_parameter_written_into(play: Play) -> None:
    model = linear()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        model.weight.data[0, n % 3] = n


@way("right")
def a_parameter_that_is_another(play: Play) -> None:
    model = linear()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        if n % 3 == 2:
            model.weight = nn.Parameter(np.full((2, 3), n, float))


@way("right")
def a_parameter_that_is_taken_away(play: Play) -> None:
    model = linear()
    f = play.jit(lambda x: model(x))
    bias = model.bias
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        model.bias = None if n % 8 > 5 else bias


@way("right")
def a_parameter_of_another_shape(play: Play) -> None:
    model = linear()
    f = play.jit(lambda x: model(x).sum())
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        model.weight.rebind(np.full((2 + n % 2, 3), n, float))
        model.bias.rebind(np.zeros(2 + n % 2))


@way("right")
def a_model_of_another_dtype(play: Play) -> None:
    model = linear()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x.astype(model.weight.dtype))
        model.to([np.float32, np.float64][n % 2])


@way("right")
def a_state_that_is_loaded(play: Play) -> None:
    model = linear()
    play.watch(model)
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        model.load_state_dict({k: v + n for k, v in model.state_dict().items()})


@way("right")
def a_parameter_that_is_frozen(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        model.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        model.weight.requires_grad = n % 3 == 0


@way("right")
def two_parameters_that_are_one(play: Play) -> None:
    one, two = linear(3, 3), linear(3, 3)
    play.watch(one, two)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (two(one(x)) ** 2).mean()
        loss.backward()
        return loss

    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        one.zero_grad()
        two.zero_grad()
        if n == 4:
            two.weight = one.weight


@way("right")
def training_and_evaluation(play: Play) -> None:
    model = nn.Sequential(linear(), nn.BatchNorm1d(2), nn.Dropout(0.5))
    play.watch(model, ag.random.default_generator())
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3, count=24)):
        model.train(n // 5 % 2 == 0)
        play(f, x)


@way("right")
def training_of_one_layer_alone(play: Play) -> None:
    model = nn.Sequential(linear(), nn.BatchNorm1d(2), nn.Dropout(0.5))
    play.watch(model, ag.random.default_generator())
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3, count=24)):
        model[1].training = n % 3 > 0
        model[2].training = n % 2 > 0
        play(f, x)


@way("right")
def train_called_within(play: Play) -> None:
    model = nn.Sequential(linear(), nn.Dropout(0.5))
    play.watch(ag.random.default_generator())

    def f(x: Tensor) -> Any:
        model.eval()
        calm = model(x)
        model.train()
        return calm, model(x)

    f = play.jit(f)
    for x in batch(4, 3):
        play(f, x)


@way("plain", "it changes")
def a_mode_that_is_left_changed(play: Play) -> None:
    model = nn.Sequential(linear(), nn.Dropout(0.5))
    play.watch(ag.random.default_generator())

    def f(x: Tensor) -> Any:
        model.train(not model.training)
        return model(x)

    f = play.jit(f)
    for x in batch(4, 3):
        play(f, x)
        play.note(model.training)


@way("right")
def the_probability_of_dropout(play: Play) -> None:
    model = nn.Dropout(0.5)
    play.watch(ag.random.default_generator())
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        model.p = 0.1 * (n // 5)


@way("right")
def an_attribute_that_is_a_number(play: Play) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.inner, self.scale = linear(), 2.0

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) * self.scale

    model = Scaled()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        model.scale = n // 5


@way("right")
def an_attribute_of_a_module_within_a_module(play: Play) -> None:
    model = nn.Sequential(nn.LeakyReLU(0.1), nn.Sequential(nn.LeakyReLU(0.2)))
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        model[1][0].negative_slope = 0.1 * (n // 5)


@way("right")
def a_class_attribute_of_a_module(play: Play) -> None:
    class Scaled(nn.Module):
        scale = 1.0

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale

    model = Scaled()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        Scaled.scale = 1 + n // 5


@way("right")
def a_training_flag_of_the_class(play: Play) -> None:
    class Own(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * (2 if self.training else 3)

    model = Own()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        Own.training = n < 4


@way("right")
def a_module_found_in_a_dict(play: Play) -> None:
    models = {"a": nn.LeakyReLU(0.1)}
    f = play.jit(lambda x: models["a"](x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        if n % 5:
            continue
        if n % 2:
            models["a"] = nn.LeakyReLU(0.1 * n)
        else:
            models["a"].negative_slope = 0.3 * n


@way("right")
def a_module_reached_by_a_call_alone(play: Play) -> None:
    model = nn.Sequential(nn.LeakyReLU(0.1), nn.Dropout(0.5))
    play.watch(ag.random.default_generator())
    hidden = weakref.ref(model)

    def found() -> Any:
        return hidden()

    f = play.jit(lambda x: found()(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        model[0].negative_slope = 0.1 * (n // 5)
        model[1].training = n % 3 == 0


@way("right")
def a_layer_that_is_another(play: Play) -> None:
    model = nn.Sequential(linear(3, 3), nn.ReLU())
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        if n == 3:
            model[1] = nn.Tanh()


@way("right")
def a_layer_that_is_appended(play: Play) -> None:
    model = nn.Sequential(linear(3, 3))
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        if n in (3, 5):
            model.append(nn.Tanh())


@way("right")
def a_forward_that_is_another(play: Play) -> None:
    model = nn.Tanh()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        if n == 4:
            model.forward = lambda x: x * 2  # type: ignore[method-assign]


@way("right")
def a_forward_of_the_class_that_is_another(play: Play) -> None:
    class Own(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2

    model = Own()
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(4, 3)):
        play(f, x)
        if n == 4:
            Own.forward = lambda self, x: x * 3  # type: ignore[method-assign]


@way("right")
def a_model_as_an_argument(play: Play) -> None:
    models = linear(), linear(3, 2), linear(3, 4)
    models[1].weight.data = np.ones((2, 3))
    f = play.jit(lambda model, x: model(x).sum())
    for n, x in enumerate(batch(4, 3, count=24)):
        play(f, models[n % 3], x)
        models[n % 3].bias.data = models[n % 3].bias.data + n


@way("right")
def a_jitted_model(play: Play) -> None:
    model = nn.Sequential(linear(), nn.BatchNorm1d(2))
    play.watch(model)
    f = play.jit(model)
    for n, x in enumerate(batch(4, 3)):
        model.train(n % 2 == 0)
        play(f, x)


@way("right")
def a_jitted_forward(play: Play) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            self.inner, self.scale = linear(), 1.0

        @play.jit
        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) * self.scale

    one, two = Own(), Own()
    two.scale = 3.0
    two.inner.bias.data = np.ones(2)
    for n, x in enumerate(batch(4, 3, count=24)):
        play(lambda x, n=n: [one, two][n % 2](x), x)
        one.scale = n // 5
