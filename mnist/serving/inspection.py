"""What a network makes of one image: probabilities, saliency, and the outputs of its layers."""

from __future__ import annotations

import base64
import copy
from collections.abc import Collection
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
from autograd import Tensor
from autograd.engine.tensor import Array
from mnist.data.dataset import normalise
from mnist.storage.weights import Trained
from nn import functional as F

Facts = dict[str, Any]

_NOT_FINITE = "the network gives numbers that are not finite: its weights are bad"


# The layers whose outputs are wanted of a forward, and where they go: each thread has its own.
_WANTED: ContextVar[tuple[Collection[str], dict[str, Array]]] = ContextVar("wanted")


class Inspector:
    """Looks into a copy of a trained network; several threads may do so at once.

    The copy's parameters want no gradient, so that a sweep for the saliency leads to the image
    alone and writes nothing that threads share.

    Attributes:
        layers: those that can be shown, in the order of their first calls: "name", dotted as in the
            state dict, "kind", and "shape", (channels, height, width) or (features,). Flatten and
            Dropout are left out, as their output is their input.
    """

    def __init__(self, trained: Trained) -> None:
        self._mean, self._std = trained.mean, trained.std
        self._model = copy.deepcopy(trained.model).eval().requires_grad_(False)
        kinds = {}
        for name, module in self._model.named_modules():
            if not list(module.children()) and not isinstance(module, nn.Flatten | nn.Dropout):
                kinds[name] = type(module).__name__
                module.register_forward_hook(partial(_keep, name))
        _, outputs = self._forward(self._input(np.zeros((28, 28), np.uint8)), kinds)
        self.layers = [
            {"name": name, "kind": kinds[name], "shape": output.shape}
            for name, output in outputs.items()
            if output.ndim in (1, 3)
        ]
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
        scores, outputs = self._forward(x, layers)
        digit = int(scores.data[0].argmax())
        probabilities = F.softmax(scores.detach(), dim=1).data[0]
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

    def _forward(self, x: Tensor, layers: Collection[str]) -> tuple[Tensor, dict[str, Array]]:
        """The scores, and the outputs of these layers without the batch axis."""
        outputs: dict[str, Array] = {}
        _WANTED.set((layers, outputs))
        return self._model(x), outputs


def _keep(name: str, module: nn.Module, args: Any, output: Any) -> None:
    names, outputs = _WANTED.get()
    if name in names and isinstance(output, Tensor):
        outputs[name] = output.data[0]


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
