"""This project's side."""

from __future__ import annotations

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

LIBRARY = Library(
    nn=nn,
    sgd=nn.optim.SGD,
    tensor=Tensor,
    leaf=partial(Tensor, requires_grad=True),
    plain=np.asarray,
    array=lambda tensor: tensor.data,
    no_grad=autograd.no_grad,
)


def epoch(folder: str, settings: dict[str, Any]) -> Timed:
    """What train.py does after it has read its arguments, on W1; gives losses and accuracy."""
    from mnist import models, training
    from mnist.config import Config
    from mnist.data import Dataset

    def w1(_: np.random.Generator | None) -> Any:
        return LIBRARY.prepared("w1", {})

    def run() -> list[float]:
        with np.load(Path(folder) / "data.npz") as arrays:
            dataset = Dataset("benchmark", *(arrays[name] for name in arrays))
        models.MODELS["w1"] = w1
        config = Config(model="w1", epochs=1, **settings)
        with tempfile.TemporaryDirectory() as results:
            run = training.train(dataset, config, Path(results), announce=lambda line: None)
        names = ("train_loss", "test_loss", "test_accuracy")
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


TASKS: dict[str, Callable[..., Timed]] = {
    **{name: partial(task, LIBRARY) for name, task in layered.TASKS.items()},
    "epoch": epoch,
    "gradcheck": gradcheck,
}
