"""What a network makes of one image: probabilities, saliency, and the outputs of its layers."""

from __future__ import annotations

import base64
import copy
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
from autograd import Tensor, no_grad
from autograd.engine.tensor import Array
from mnist.data.dataset import normalise
from mnist.storage.weights import Trained
from nn import functional as F

Facts = dict[str, Any]

_NOT_FINITE = "the network gives numbers that are not finite: its weights are bad"


@dataclass(frozen=True)
class Layer:
    """A layer whose output can be shown: (channels, height, width), or (features,)."""

    name: str  # dotted, as in the state dict
    kind: str
    shape: tuple[int, ...]


class Inspector:
    """Looks into a copy of a trained network; several threads may do so at once.

    The copy's parameters want no gradient, so that a sweep for the saliency leads to the image
    alone and writes nothing that threads share. Its hooks are registered here, once: they write
    what a layer gives into the dictionary of the thread that asks, and where none does, nowhere.

    Attributes:
        layers: those that can be shown, in the order of their first calls. Flatten and Dropout are
            left out, as their output is their input.
    """

    def __init__(self, trained: Trained) -> None:
        self._mean, self._std = trained.mean, trained.std
        self._model = copy.deepcopy(trained.model).eval().requires_grad_(False)
        self._asked = _Asked()
        kinds = {}
        for name, module in self._model.named_modules():
            if not list(module.children()) and not isinstance(module, nn.Flatten | nn.Dropout):
                kinds[name] = type(module).__name__
                module.register_forward_hook(self._hook(name))
        with self._collecting(kinds) as outputs, no_grad():
            self._model(self._input(np.zeros((28, 28), np.uint8)))
        self.layers = tuple(
            Layer(name, kinds[name], output.shape)
            for name, output in outputs.items()
            if output.ndim in (1, 3)
        )
        self.parameters = sum(parameter.size for parameter in self._model.parameters())

    def inspect(
        self, image: NDArray[np.uint8], *, saliency: bool = False, layers: Collection[str] = ()
    ) -> Facts:
        """What the network makes of `image` uint8 (28, 28), ready for JSON, by one forward.

        Args:
            saliency: whether to give the gradient of the guess's score, before the softmax, with
                respect to the pixels, in score per unit of ink (a pixel from 0 to 1).
            layers: names of layers whose outputs to give; of one called twice, the last output.

        Returns "digit", "probabilities" (10), "pixels" (the image's bytes in base64), and as
        asked "saliency" and "layers" (by name), each an array as `packed` gives it.
        """
        x = self._input(image, requires_grad=saliency)
        with self._collecting(layers) as outputs:
            if saliency:
                scores = self._model(x)
            else:
                with no_grad():
                    scores = self._model(x)
        digit = int(scores.data[0].argmax())
        with no_grad():
            probabilities = F.softmax(scores, dim=1).data[0]
        if not np.isfinite(probabilities).all():
            raise ArithmeticError(_NOT_FINITE)
        facts: Facts = {
            "digit": digit,
            "probabilities": [round(float(p), 6) for p in probabilities],
            "pixels": base64.b64encode(image.tobytes()).decode(),
        }
        if saliency:
            scores[0, digit].backward()
            assert x.grad is not None
            facts["saliency"] = packed(x.grad.data[0, 0] / self._std)
        if layers:
            facts["layers"] = {name: packed(output) for name, output in outputs.items()}
        return facts

    def _input(self, image: NDArray[np.uint8], requires_grad: bool = False) -> Tensor:
        return Tensor(normalise(image[None], self._mean, self._std), requires_grad)

    def _hook(self, name: str) -> Any:
        asked = self._asked

        def keep(module: nn.Module, args: Any, output: Any) -> None:
            if name in asked.names and isinstance(output, Tensor):
                asked.outputs[name] = output.data[0]

        return keep

    @contextmanager
    def _collecting(self, names: Collection[str]) -> Iterator[dict[str, Array]]:
        """The outputs, without the batch axis, of what this thread calls within the block."""
        self._asked.names, self._asked.outputs = names, {}
        try:
            yield self._asked.outputs
        finally:
            self._asked.names, self._asked.outputs = (), {}


class _Asked(threading.local):
    def __init__(self) -> None:
        self.names: Collection[str] = ()
        self.outputs: dict[str, Array] = {}


def packed(values: Array) -> Facts:
    """An array in a quarter of its bytes: {"shape", "largest", "data"}.

    "data" holds signed bytes in base64, in row-major order; 127 stands for "largest", which is
    the largest magnitude, so that zero stays zero.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if not np.isfinite(largest):
        raise ArithmeticError(_NOT_FINITE)
    signed = np.rint(values / (largest or 1.0) * 127).astype(np.int8)
    return {
        "shape": list(values.shape),
        "largest": largest,
        "data": base64.b64encode(signed.tobytes()).decode(),
    }
