"""What is timed, written once for both libraries that have layers: this project and PyTorch.

A task takes the library and what the request says, and gives a function of no arguments: what is
timed. That returns a few numbers, in which every side has to agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
        logsumexp: a function of a tensor and an axis.
        seed: starts the random numbers that layers draw.
        inference: what evaluation runs in, without gradients.
        scoring: a network as a function of images, by the engine that is the fastest for it.
        lstm: a layer of (steps, batch, inputs), from inputs and hidden size; gives the outputs and
            the last state; weights by PyTorch's names.
        jit: a whole step as a program; `verify` says whether the program is compared with it.
    """

    nn: Any
    sgd: Callable[..., Any]
    tensor: Callable[[Array], Any]
    leaf: Callable[[Array], Any]
    plain: Callable[[Array], Any]
    array: Callable[[Any], Array]
    no_grad: Callable[[], AbstractContextManager[Any]]
    logsumexp: Callable[[Any, int], Any]
    seed: Callable[[int], Any]
    inference: Callable[[], AbstractContextManager[Any]]
    lstm: Callable[[int, int], Any]
    scoring: Callable[[Any], Callable[[Any], Any]] = lambda model: model
    compiled: Callable[[Any], Any] = lambda function: function
    tensor_of: Callable[[Array], Any] = lambda labels: labels
    jit: Callable[..., Any] = lambda function, verify: function

    def prepared(self, name: str, sizes: dict[str, int]) -> Any:
        """The network, with the weights that every side starts from."""
        model = networks.build(self.nn, networks.NETWORKS[name](**sizes))
        initial = networks.initial_in_stack if name == "stack" else networks.initial
        return self.started(model, initial)

    def started(
        self, model: Any, initial: Callable[[str, tuple[int, ...]], Array] = networks.initial
    ) -> Any:
        """A module of the library's, with the weights that every side starts from."""
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


def whole(library: Library, network: str, batch: int, jitted: bool, verify: bool = True) -> Timed:
    """A training step as one function of images and labels, which may be jitted; gives the loss."""
    library.seed(0)
    model, criterion = library.prepared(network, {}), library.nn.CrossEntropyLoss()
    optimizer = library.sgd(
        model.parameters(), lr=networks.LEARNING_RATE, momentum=networks.MOMENTUM
    )
    images, labels = networks.data(network, batch)
    x, y = library.tensor(images), library.tensor_of(labels)
    loss_of = library.compiled(lambda x, y: criterion(model(x), y))

    def function(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss

    stepped = library.jit(function, verify=verify) if jitted else function
    return lambda: [float(stepped(x, y).item())]


def images(library: Library, count: int, batch: int) -> Timed:
    """Scores of `count` images by the deep model, in evaluation mode, `batch` at a time."""
    model = library.prepared("deep", {})
    model.eval()
    scores_of = library.scoring(model)
    pixels = networks.data("deep", count)[0]
    batches = [library.tensor(pixels[first : first + batch]) for first in range(0, count, batch)]

    def run() -> list[float]:
        with library.inference():
            found = [library.array(scores_of(x)) for x in batches]
        return [float(score) for each in found for score in each[0, :2]]

    return run


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

    chained = library.jit(function, verify=True) if jitted else function

    def run() -> list[float]:
        x = library.leaf(start)
        loss = chained(x, scales, terms)
        return [float(loss.item()), float(x.grad.sum().item())]

    return run


def applied(library: Library, name: str, shape: tuple[int, int], jitted: bool) -> Timed:
    """A function of the rows of a float32 matrix, and back from a given gradient."""
    rng = np.random.default_rng(0)
    functional, (rows, columns) = library.nn.functional, shape
    weight, bias = library.leaf(np.ones(columns, "f4")), library.leaf(np.zeros(columns, "f4"))
    functions: dict[str, Callable[[Any], Any]] = {
        "gelu": functional.gelu,
        "gelu-tanh": lambda x: functional.gelu(x, approximate="tanh"),
        "softmax": lambda x: functional.softmax(x, dim=-1),
        "layer-norm": lambda x: functional.layer_norm(x, (columns,), weight, bias),
        "logsumexp": lambda x: library.logsumexp(x, -1),
    }
    f = functions[name]
    x = library.leaf(rng.standard_normal(shape, dtype=np.float32))
    outs = (rows,) if name == "logsumexp" else shape
    g = library.tensor(rng.standard_normal(outs, dtype=np.float32))

    def function(x: Any, g: Any) -> Any:
        y = f(x)
        y.backward(g)
        return y.detach()

    return _back(library, function, (x, g), [x, weight, bias], jitted)


def attention(library: Library, shape: tuple[int, int, int, int], jitted: bool) -> Timed:
    """Scaled dot-product attention (Vaswani et al. 2017, eq. 1) of queries, keys and values of
    shape (batch, heads, length, width), float32, and back to all three from a given gradient."""
    rng, softmax = np.random.default_rng(0), library.nn.functional.softmax
    leaves = [library.leaf(rng.standard_normal(shape, dtype=np.float32)) for _ in range(3)]
    g = library.tensor(rng.standard_normal(shape, dtype=np.float32))

    def function(q: Any, k: Any, v: Any, g: Any) -> Any:
        weights = softmax(q @ k.swapaxes(-1, -2) / math.sqrt(shape[-1]), dim=-1)
        y = weights @ v
        y.backward(g)
        return y.detach()

    return _back(library, function, (*leaves, g), leaves, jitted)


def recurrent(
    library: Library, steps: int, batch: int, inputs: int, hidden: int, jitted: bool
) -> Timed:
    """An LSTM over a sequence (steps, batch, inputs), and back to its weights from a given gradient
    of all outputs."""
    rng, layer = np.random.default_rng(0), library.started(library.lstm(inputs, hidden))
    x = library.tensor(rng.standard_normal((steps, batch, inputs), dtype=np.float32))
    g = library.tensor(rng.standard_normal((steps, batch, hidden), dtype=np.float32))

    def function(x: Any, g: Any) -> Any:
        y, _ = layer(x)
        y.backward(g)
        return y.detach()

    return _back(library, function, (x, g), list(layer.parameters()), jitted)


def _back(
    library: Library,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    leaves: Sequence[Any],
    jitted: bool,
) -> Timed:
    """A function that ends with a sweep, timed; gives some of its output and of the gradients."""

    def cleared(*arguments: Any) -> Any:
        for leaf in leaves:
            leaf.grad = None
        return function(*arguments)

    run_it = library.jit(cleared, verify=True) if jitted else cleared

    def run() -> list[float]:
        found = [run_it(*arguments), *(leaf.grad for leaf in leaves if leaf.grad is not None)]
        return [float(number) for t in found for number in library.array(t).flat[:3]]

    return run


TASKS: dict[str, Callable[..., Timed]] = {
    "step": step,
    "inference": inference,
    "chain": chain,
    "whole": whole,
    "images": images,
    "attention": attention,
    "recurrent": recurrent,
    "fed": fed,
    "applied": applied,
}
