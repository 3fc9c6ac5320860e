"""Networks of different kinds, each trained for ten steps: a whole step is one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.transforming import clipped, tripled

import autograd as ag
import nn
from autograd import Tensor
from nn import functional as F

STEPS = 10
NETWORKS: list[Callable[[Play], None]] = []


def network(play: Callable[[Play], None]) -> Callable[[Play], None]:
    NETWORKS.append(play)
    return play


def data(*shape: int, classes: int = 3, dtype: Any = np.float32) -> list[tuple[Any, Any]]:
    """Batches with their labels."""
    rng = np.random.default_rng(5)
    return [
        (rng.standard_normal(shape).astype(dtype), rng.integers(0, classes, shape[0]))
        for _ in range(STEPS)
    ]


def trained(
    play: Play,
    model: nn.Module,
    optimizer: nn.optim.Optimizer,
    batches: list[tuple[Any, Any]],
    loss_of: Callable[[Any, Any], Any] = F.cross_entropy,
    before_step: Callable[[], object] = lambda: None,
    after_step: Callable[[], object] = lambda: None,
) -> None:
    play.watch(model, optimizer, ag.random.default_generator())

    @play.jit
    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        before_step()
        optimizer.step()
        after_step()
        return loss

    for x, y in batches:
        play(step, Tensor(x), Tensor(y))


@network
def perceptron(play: Play) -> None:
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    trained(play, model, nn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), data(8, 6))


@network
def convolution(play: Play) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    )
    trained(play, model, nn.optim.SGD(model.parameters(), lr=0.1), data(4, 1, 8, 8))


@network
def normalised_convolution(play: Play) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 3),
    )
    trained(play, model, nn.optim.Adam(model.parameters(), lr=0.01), data(4, 1, 8, 8))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        self.inner, self.outer = nn.Linear(8, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = Tensor(np.zeros((x.shape[0], 5), np.float32))
        for t in range(x.shape[1]):
            h = ag.tanh(self.inner(ag.concatenate([x[:, t], h], axis=1)))
        return self.outer(h)


@network
def recurrent(play: Play) -> None:
    model = Recurrent()
    trained(play, model, nn.optim.RMSprop(model.parameters(), lr=0.01), data(4, 6, 3))


class Attention(nn.Module):
    def __init__(self) -> None:
        self.embedding = nn.Embedding(11, 8)
        self.maps = nn.ModuleList([nn.Linear(8, 8) for _ in range(3)])
        self.norm, self.outer = nn.LayerNorm(8), nn.Linear(8, 3)

    def forward(self, words: Tensor) -> Tensor:
        x = self.embedding(words)
        heads = [m(x).reshape(*x.shape[:2], 2, 4).transpose(0, 2, 1, 3) for m in self.maps]
        q, k, v = heads
        weights = F.softmax(q @ k.transpose(0, 1, 3, 2) / 2.0, -1)
        y = (weights @ v).transpose(0, 2, 1, 3).reshape(*x.shape)
        return self.outer(self.norm(x + y).mean(axis=1))


@network
def attention(play: Play) -> None:
    model = Attention()
    rng = np.random.default_rng(5)
    words = [(rng.integers(0, 11, (4, 5)), rng.integers(0, 3, 4)) for _ in range(STEPS)]
    trained(play, model, nn.optim.AdamW(model.parameters(), lr=0.01), words)


@network
def noisy(play: Play) -> None:
    model = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Dropout(0.4), nn.Linear(16, 3))
    trained(play, model, nn.optim.SGD(model.parameters(), lr=0.1), data(8, 6))


@network
def groups_clipping_and_schedule(play: Play) -> None:
    model = nn.Sequential(nn.Linear(6, 16), nn.SiLU(), nn.GroupNorm(4, 16), nn.Linear(16, 3))
    first, last = [*model[0].parameters()], [*model[2].parameters(), *model[3].parameters()]
    optimizer = nn.optim.Adam([{"params": first, "lr": 0.02}, {"params": last}], lr=0.01)
    schedule = nn.schedule.CosineAnnealingLR(optimizer, STEPS)
    play.watch(schedule)

    def clip() -> None:
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)

    trained(play, model, optimizer, data(8, 6), before_step=clip, after_step=schedule.step)


@network
def accumulated(play: Play) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = nn.optim.Adagrad(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    @play.jit
    def step(x: Tensor, y: Tensor) -> Any:
        optimizer.zero_grad()
        losses = []
        for i in range(4):
            loss = F.cross_entropy(model(x[2 * i : 2 * i + 2]), y[2 * i : 2 * i + 2]) / 4
            loss.backward()
            losses.append(loss.detach())
        optimizer.step()
        return losses

    for x, y in data(8, 6):
        play(step, Tensor(x), Tensor(y))


class Own(nn.Module):
    def __init__(self) -> None:
        self.inner, self.outer = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(tripled(clipped(self.inner(x))))


@network
def ops_of_ones_own(play: Play) -> None:
    model = Own()
    trained(play, model, nn.optim.SGD(model.parameters(), lr=0.05), data(8, 6))


@network
def double_precision(play: Play) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Softplus(), nn.Linear(8, 1)).to(np.float64)
    batches = [(x, x[:, :1] * 2) for x, _ in data(8, 6, dtype=np.float64)]
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    trained(play, model, optimizer, batches, F.mse_loss)


class Ensemble(nn.Module):
    def __init__(self) -> None:
        self.members = nn.ModuleList([nn.Linear(6, 3) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        return ag.stack([F.softmax(member(x), -1) for member in self.members]).mean(axis=0)


@network
def ensemble(play: Play) -> None:
    model = Ensemble()

    def loss_of(p: Tensor, y: Tensor) -> Tensor:
        return F.nll_loss(ag.log(p), y)

    trained(play, model, nn.optim.Adam(model.parameters(), lr=0.05), data(8, 6), loss_of)


@network
def votes_of_an_ensemble(play: Play) -> None:
    model = Ensemble()

    @play.jit
    def predicted(x: Tensor) -> Any:
        votes = ag.stack([member(x).argmax(axis=1) for member in model.members])
        counts = (votes[:, :, None] == np.arange(3)).sum(axis=0)
        return counts.argmax(axis=1), counts

    for x, _ in data(8, 6):
        play(predicted, Tensor(x))
        model.members[0].bias.data = model.members[0].bias.data + np.float32(0.1)


@network
def adversaries(play: Play) -> None:
    maker = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 4))
    judge = nn.Sequential(nn.Linear(4, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1))
    one = nn.optim.Adam(maker.parameters(), lr=0.01, betas=(0.5, 0.999))
    two = nn.optim.Adam(judge.parameters(), lr=0.01)
    play.watch(maker, judge, one, two, ag.random.default_generator())

    @play.jit
    def step(x: Tensor) -> Any:
        noise = ag.random.default_generator().normal((8, 2), np.float32)
        made = maker(noise)
        good = F.binary_cross_entropy_with_logits(judge(x), np.ones((8, 1), np.float32))
        bad = F.binary_cross_entropy_with_logits(judge(made.detach()), np.zeros((8, 1), np.float32))
        two.zero_grad()
        (good + bad).backward()
        two.step()
        fooled = F.binary_cross_entropy_with_logits(judge(made), np.ones((8, 1), np.float32))
        one.zero_grad()
        fooled.backward()
        one.step()
        return (good + bad).detach(), fooled.detach()

    for x, _ in data(8, 4):
        play(step, Tensor(x))


@network
def frozen_features(play: Play) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ELU(), nn.Linear(8, 3))
    model[0].requires_grad_(False)
    trained(play, model, nn.optim.SGD(model[3].parameters(), lr=0.1), data(8, 6))


@network
def half_precision(play: Play) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).to(np.float16)
    batches = data(8, 6, dtype=np.float16)
    trained(play, model, nn.optim.Adam(model.parameters(), lr=0.01, eps=1e-4), batches)


@network
def one_dimensional(play: Play) -> None:
    model = nn.Sequential(
        nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten()
    )
    model.append(nn.Linear(20, 3))
    trained(play, model, nn.optim.SGD(model.parameters(), lr=0.1, momentum=0.5), data(4, 2, 12))


@network
def regression_with_a_penalty(play: Play) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Sigmoid(), nn.Linear(8, 1))
    batches = [(x, x[:, :1] * 2) for x, _ in data(8, 6)]
    penalty = Tensor(np.float32(0.01))

    def loss_of(out: Tensor, y: Tensor) -> Tensor:
        return F.huber_loss(out, y) + penalty * sum((p * p).sum() for p in model.parameters())

    trained(play, model, nn.optim.SGD(model.parameters(), lr=0.1), batches, loss_of)
