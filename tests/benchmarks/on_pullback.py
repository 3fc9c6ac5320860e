"""This project's side."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import layered, networks
from benchmarks.layered import Library, Timed

import autograd
import nn
from autograd import Tensor

VERSION = f"in {Path(autograd.__file__).parents[1]}"


class LSTM(nn.Module):
    """One layer (Hochreiter and Schmidhuber 1997, with the forget gates of Gers et al. 2000), as
    one writes it in ops: nn has none. Weights, gates in their order and biases as in PyTorch."""

    def __init__(self, inputs: int, hidden: int) -> None:
        def zeros(*shape: int) -> nn.Parameter:
            return nn.Parameter(np.zeros(shape, np.float32))

        self.weight_ih_l0 = zeros(4 * hidden, inputs)
        self.weight_hh_l0 = zeros(4 * hidden, hidden)
        self.bias_ih_l0, self.bias_hh_l0 = zeros(4 * hidden), zeros(4 * hidden)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        steps, batch, _ = x.shape
        bias = self.bias_ih_l0 + self.bias_hh_l0
        h = c = Tensor(np.zeros((batch, self.weight_hh_l0.shape[1]), np.float32))
        outputs = []
        for given in autograd.split(x @ self.weight_ih_l0.T + bias, steps):
            sums = given[0] + h @ self.weight_hh_l0.T
            i, f, g, o = autograd.split(sums, 4, axis=1)
            c = autograd.expit(f) * c + autograd.expit(i) * autograd.tanh(g)
            h = autograd.expit(o) * autograd.tanh(c)
            outputs.append(h)
        return autograd.stack(outputs), (h, c)


def scoring(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """As train.py evaluates by programs in C."""
    from mnist import engines

    return engines.scoring("c", model)


LIBRARY = Library(
    nn=nn,
    sgd=nn.optim.SGD,
    tensor=Tensor,
    leaf=partial(Tensor, requires_grad=True),
    plain=np.asarray,
    array=lambda tensor: tensor.data,
    no_grad=autograd.no_grad,
    logsumexp=autograd.logsumexp,
    tensor_of=Tensor,
    seed=autograd.random.seed,
    inference=autograd.no_grad,
    scoring=scoring,
    lstm=LSTM,
    jit=autograd.jit,
)


def epoch(folder: str, settings: dict[str, Any], engine: str) -> Timed:
    """What train.py does after it has read its arguments, on W1; gives losses and accuracies."""
    from mnist import models, training
    from mnist.config import Config
    from mnist.data import Dataset

    def w1(_: np.random.Generator | None) -> Any:
        return LIBRARY.prepared("w1", {})

    def run() -> list[float]:
        with np.load(Path(folder) / "data.npz") as arrays:
            dataset = Dataset("benchmark", *(arrays[name] for name in arrays))
        models.MODELS["w1"] = w1
        config = Config(model="w1", epochs=1, engine=engine, **settings)
        with tempfile.TemporaryDirectory() as results:
            run = training.train(dataset, config, Path(results), announce=lambda line: None)
        names = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
        return [run.metrics[0][name] for name in names]

    return run


def gradcheck(batch: int = 8) -> Timed:
    """The gradients of the basic CNN's loss with respect to all its parameters, checked."""
    from mnist import models

    model = models.basic(np.random.default_rng(0))
    images, labels = networks.data("w1", batch)
    x, weights = Tensor(images), list(model.parameters())

    def run() -> list[float]:
        autograd.gradcheck(lambda *_: nn.functional.cross_entropy(model(x), labels), *weights)
        return []

    return run


def check_tape(steps: int = 200, batch: int = 2, inputs: int = 3, width: int = 4) -> Timed:
    """The rules of all records of a recurrent net, checked; gives how many there are."""
    rng = np.random.default_rng(0)
    shapes = ((inputs, width), (width, width), (width,))
    u, w, b = (Tensor(0.3 * rng.standard_normal(s), requires_grad=True) for s in shapes)
    x, h = rng.standard_normal((steps, batch, inputs)), Tensor(np.zeros((batch, width)))
    for step in x:
        h = autograd.tanh(step @ u + h @ w + b)
    loss = (h * h).sum()
    return lambda: [float(len(autograd.check_tape(loss).records))]


def compare(sizes: tuple[int, ...] = (784, 800, 400, 10), batch: int = 64) -> Timed:
    """All gradients of a net of linear layers, of which two are wrong, each for a reason of its
    own: that of the first weights is noisy, that of the last counted twice. Gives how many."""
    rng = np.random.default_rng(0)
    layers = [nn.Linear(*pair, rng=rng) for pair in itertools.pairwise(sizes)]
    x = Tensor(rng.standard_normal((batch, sizes[0])).astype(np.float32))
    for layer in layers[:-1]:
        x = nn.functional.relu(layer(x))
    loss = nn.functional.cross_entropy(layers[-1](x), rng.integers(0, sizes[-1], batch))
    loss.backward(retain_graph=True)
    given: dict[str, Any] = {}
    for i, layer in enumerate(layers):
        for name, p in layer.named_parameters():
            assert p.grad is not None
            given[f"{name}{i}"] = p, p.grad.data.copy()
    noisy, twice = (given[f"weight{i}"][1] for i in (0, len(layers) - 1))
    noisy += 0.1 * np.abs(noisy).max() * rng.standard_normal(noisy.shape)
    twice *= 2
    return lambda: [float(len(autograd.compare(loss, **given).wrong))]


def gradients(network: str, batch: int, replayed: bool) -> Timed:
    """Loss and all gradients of a training step: on the tape, or by the program of one."""
    from autograd.program.numpy_backend import compiled
    from autograd.program.passes import simplified

    model = LIBRARY.prepared(network, {})
    parameters = list(model.parameters())
    images, labels = networks.data(network, batch)

    def step(x: Tensor) -> Any:
        for p in parameters:
            p.grad = None
        loss = nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        return loss, [p.grad for p in parameters]

    x = Tensor(images)
    replay = compiled(simplified(autograd.program_of(step, images))) if replayed else None

    def run() -> list[float]:
        loss, found = step(x) if replay is None else replay([images])
        return [float(loss), *(float(np.asarray(getattr(g, "data", g)).flat[0]) for g in found)]

    return run


TASKS: dict[str, Callable[..., Timed]] = {
    **{name: partial(task, LIBRARY) for name, task in layered.TASKS.items()},
    "epoch": epoch,
    "gradcheck": gradcheck,
    "check_tape": check_tape,
    "compare": compare,
    "gradients": gradients,
}
