"""What is timed, written once for both libraries that have layers: this project and PyTorch.

A task takes the library and what the request says, and gives a function of no arguments: what is
timed. That returns a few numbers, in which every side has to agree.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from benchmarks import networks
from benchmarks.networks import Array

Timed = Callable[[], list[float]]


@dataclass(frozen=True)
class Library:
    """Where the two differ.

    Args:
        sgd: the optimizer.
        tensor, leaf: a float32 tensor of an array's numbers, without and with a gradient.
        plain: what labels and the entries of a state dict are made of.
        array: the numbers of a tensor.
        compiled: a function of tensors as the library's compiler makes it.
        tensor_of: a tensor of labels.
        jit: a whole step as a program.
    """

    nn: Any
    sgd: Callable[..., Any]
    tensor: Callable[[Array], Any]
    leaf: Callable[[Array], Any]
    plain: Callable[[Array], Any]
    array: Callable[[Any], Array]
    no_grad: Callable[[], AbstractContextManager[Any]]
    compiled: Callable[[Any], Any] = lambda function: function
    tensor_of: Callable[[Array], Any] = lambda labels: labels
    jit: Callable[[Any], Any] = lambda function: function

    def prepared(self, name: str, sizes: dict[str, int]) -> Any:
        """The network, with the weights that every side starts from."""
        model = networks.build(self.nn, networks.NETWORKS[name](**sizes))
        initial = networks.initial_in_stack if name == "stack" else networks.initial
        state = {
            entry: initial(entry, tuple(old.shape)) for entry, old in model.state_dict().items()
        }
        state |= {e: np.zeros((), np.int64) for e in state if e.endswith("num_batches_tracked")}
        model.load_state_dict({entry: self.plain(array) for entry, array in state.items()})
        return model


def step(library: Library, network: str, batch: int = 64, **sizes: int) -> Timed:
    """One training step: softmax cross-entropy, SGD with momentum; gives the loss.

    For the stack also some of the gradient with respect to the images.
    """
    model, criterion = library.prepared(network, sizes), library.nn.CrossEntropyLoss()
    optimizer = library.sgd(
        model.parameters(), lr=networks.LEARNING_RATE, momentum=networks.MOMENTUM
    )
    images, labels = networks.data(network, batch)
    y = library.plain(labels)
    # The first block of a stack does as much work as the others only if its input wants a gradient.
    x = library.leaf(images) if network == "stack" else library.tensor(images)
    loss_of = library.compiled(lambda x, y: criterion(model(x), y))

    def run() -> list[float]:
        optimizer.zero_grad()
        x.grad = None
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        # What a wrong pullback would change; a few numbers, as they are read in the time measured.
        seen = [] if x.grad is None else library.array(x.grad)[0, 0, 0, :3].tolist()
        return [float(loss.item()), *seen]

    return run


def inference(library: Library, batch: int = 1000) -> Timed:
    """Scores of a batch of images by the deep model, in evaluation mode and without a tape."""
    model = library.prepared("deep", {})
    model.eval()
    x = library.tensor(networks.data("deep", batch)[0])
    scores_of = library.compiled(model)

    def run() -> list[float]:
        with library.no_grad():
            scores = scores_of(x)
        return list(np.ravel(library.array(scores)[:: batch // 5]).tolist())

    return run


def chain(library: Library, length: int, shape: tuple[int, ...]) -> Timed:
    """y = y * c + d, `length` times on a small float32 tensor, and back; two ops a link."""
    start, factor, term = networks.links(shape)
    c, d = library.tensor(factor), library.tensor(term)

    def run() -> list[float]:
        x = library.leaf(start)
        y = x
        for _ in range(length):
            y = y * c + d
        loss = y.sum()
        loss.backward()
        return [float(loss.item()), float(x.grad.sum().item())]

    return run


def whole(library: Library, network: str, batch: int, jitted: bool) -> Timed:
    """A training step as one function of images and labels, which may be jitted; gives the loss."""
    model, criterion = library.prepared(network, {}), library.nn.CrossEntropyLoss()
    optimizer = library.sgd(
        model.parameters(), lr=networks.LEARNING_RATE, momentum=networks.MOMENTUM
    )
    images, labels = networks.data(network, batch)
    x, y = library.tensor(images), library.tensor_of(labels)

    def function(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    stepped = library.jit(function) if jitted else function
    return lambda: [float(stepped(x, y).item())]


def fed(library: Library, length: int, jitted: bool) -> Timed:
    """A chain of multiply-adds on a 4x4 tensor, and back, whose factors and terms are given."""
    start, factor, term = networks.links((4, 4))
    scales = [library.tensor(factor * (1 + 1e-4 * (i % 7 - 3))) for i in range(length)]
    terms = [library.tensor(term * (i % 5)) for i in range(length)]

    def function(x: Any, scales: list[Any], terms: list[Any]) -> Any:
        y = x
        for c, d in zip(scales, terms, strict=True):
            y = y * c + d
        loss = y.sum()
        loss.backward()
        return loss

    chained = library.jit(function) if jitted else function

    def run() -> list[float]:
        x = library.leaf(start)
        loss = chained(x, scales, terms)
        return [float(loss.item()), float(x.grad.sum().item())]

    return run


TASKS: dict[str, Callable[..., Timed]] = {
    "step": step,
    "inference": inference,
    "chain": chain,
    "whole": whole,
    "fed": fed,
}
