"""What the server has to offer: the page, facts about the model, and what it makes of drawings."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from collections.abc import Callable, Collection
from contextvars import ContextVar
from functools import partial
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd as ag
import nn
from autograd import Tensor
from autograd.engine.tensor import Array
from mnist.data.dataset import normalise
from mnist.engines import run_by
from mnist.images.digits import from_ink
from mnist.images.pictures import PictureError
from mnist.storage.weights import Trained
from nn import functional as F

Facts = dict[str, Any]
_NOT_FINITE = "the network gives numbers that are not finite: its weights are bad"
Answer = tuple[bytes, tuple[tuple[str, str], ...]]  # a body and its headers
LARGEST_SIDE = 112  # pixels: four times what the network sees

_KEYS = {"width", "height", "pixels", "saliency", "layers"}

# The layers whose outputs are wanted of a forward, and where they go: each thread has its own.
_WANTED: ContextVar[tuple[Collection[str], dict[str, Array]]] = ContextVar("wanted")


class RefusedError(Exception):
    """A request that is not answered, and why: an HTTP status and one line."""

    def __init__(self, status: HTTPStatus, reason: str, *, close: bool = False) -> None:
        super().__init__(reason)
        self.status, self.reason, self.close = status, reason, close


class Site:
    """Answers by path and method. All of it may be called by several threads at once.

    Attributes:
        routes: for every path the one method it takes, and what answers a request's body.
    """

    def __init__(self, trained: Trained) -> None:
        self._inspector = Inspector(trained)
        self._layers = {layer["name"] for layer in self._inspector.layers}
        page = _page()
        model = _json(self._model_facts(trained))
        self.routes: dict[str, tuple[str, Callable[[bytes], Answer]]] = {
            "/": ("GET", lambda body: page),
            "/model": ("GET", lambda body: model),
            "/predict": ("POST", self._predict),
        }

    def _model_facts(self, trained: Trained) -> dict[str, Any]:
        facts = {
            "name": trained.network,
            "parameters": self._inspector.parameters,
            "layers": self._inspector.layers,
        }
        dataset, accuracy = (trained.facts.get(name) for name in ("dataset", "test_accuracy"))
        if isinstance(dataset, str):
            facts["dataset"] = dataset
        if isinstance(accuracy, float) and 0 <= accuracy <= 1:
            facts["test_accuracy"] = accuracy
        return facts

    def _predict(self, body: bytes) -> Answer:
        question = _question(body)
        names = question.get("layers", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _bad('"layers" expected as a list of names')
        if unknown := [name for name in names if name not in self._layers]:
            raise _bad(f"no layer {unknown[0][:40]!r}; GET /model lists them")
        saliency = question.get("saliency", False)
        if not isinstance(saliency, bool):
            raise _bad('"saliency" expected as true or false')
        try:
            image = from_ink(_picture(question))
            return _json(self._inspector.inspect(image, saliency=saliency, layers=names))
        except PictureError as error:
            raise _bad(str(error)) from error
        except ArithmeticError as error:
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from error


def _question(body: bytes) -> dict[str, Any]:
    try:
        question = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _bad("the body is not JSON") from error
    if not isinstance(question, dict):
        raise _bad("a JSON object expected")
    if unknown := sorted(set(question) - _KEYS):
        raise _bad(f"unknown key {unknown[0][:40]!r}; known: {', '.join(sorted(_KEYS))}")
    return question


def _picture(question: dict[str, Any]) -> NDArray[np.uint8]:
    height, width = _side(question, "height"), _side(question, "width")
    try:
        pixels = base64.b64decode(question["pixels"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise _bad('"pixels" expected as bytes in base64, 255 full ink') from error
    if len(pixels) != height * width:
        raise _bad(f"{len(pixels)} pixels given, {height} x {width} expected")
    return np.frombuffer(pixels, np.uint8).reshape(height, width)


def _side(question: dict[str, Any], name: str) -> int:
    side = question.get(name)
    if type(side) is not int or not 1 <= side <= LARGEST_SIDE:
        raise _bad(f'"{name}" expected, a whole number from 1 to {LARGEST_SIDE}')
    return side


def _bad(reason: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, reason)


def _json(facts: dict[str, Any]) -> Answer:
    body = json.dumps(facts, allow_nan=False, separators=(",", ":")).encode()
    return body, (("Content-Type", "application/json"),)


def _page() -> Answer:
    """The page, and a policy by which the browser runs what is in it and nothing else."""
    text = (files("mnist.serving") / "page.html").read_text(encoding="utf-8")
    (style,), (script,) = (
        re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("style", "script")
    )
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    headers = (("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", policy))
    return text.encode(), headers


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# --- what a network makes of an image ------------------------------------------------------------


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
        model = copy.deepcopy(trained.model).eval().requires_grad_(False)
        run = partial(run_by, trained.engine, model)
        # The scores, and their slopes with them, of an image: by programs.
        self._alone = run(lambda x: model(x)), run(lambda x: _slopes(model, x))
        self._shown = copy.deepcopy(model)  # with hooks, which keep outputs of layers
        kinds = {}
        for name, module in self._shown.named_modules():
            if not list(module.children()) and not isinstance(module, nn.Flatten | nn.Dropout):
                kinds[name] = type(module).__name__
                module.register_forward_hook(partial(_keep, name))
        for pixel in (0, 255):  # twice: a program is then made, and believed
            image = np.full((28, 28), pixel, np.uint8)
            _, _, outputs = self._forward(self._input(image), True, kinds)
            self._forward(self._input(image), True, ())
            self._forward(self._input(image), False, ())
        self.layers = [
            {"name": name, "kind": kinds[name], "shape": output.shape}
            for name, output in outputs.items()
            if output.ndim in (1, 3)
        ]
        self.parameters = sum(parameter.size for parameter in model.parameters())

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
        scores, slopes, outputs = self._forward(self._input(image), saliency, layers)
        digit = int(scores.data[0].argmax())
        probabilities = F.softmax(scores, dim=1).data[0]
        if not np.isfinite(probabilities).all():
            raise ArithmeticError(_NOT_FINITE)
        facts: Facts = {
            "digit": digit,
            "probabilities": [round(float(p), 6) for p in probabilities],
            "pixels": base64.b64encode(image.tobytes()).decode(),
        }
        if saliency:
            assert slopes is not None
            facts["saliency"] = packed(slopes.data[0, 0] / self._std)
        if layers:
            facts["layers"] = {name: packed(output) for name, output in outputs.items()}
        return facts

    def _input(self, image: NDArray[np.uint8]) -> Tensor:
        return Tensor(normalise(image[None], self._mean, self._std))

    def _forward(
        self, x: Tensor, saliency: bool, layers: Collection[str]
    ) -> tuple[Tensor, Tensor | None, dict[str, Array]]:
        """The scores; the slopes of the highest, if asked; and the outputs of these layers without
        the batch axis."""
        outputs: dict[str, Array] = {}
        scores, slopes = self._alone
        if layers:
            _WANTED.set((layers, outputs))
            scores, slopes = self._shown, partial(_slopes, self._shown)
        found, slope = slopes(x) if saliency else (scores(x), None)
        return found, slope, outputs


def _slopes(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """The scores (1, 10) of an image, and the gradient of the highest by the image."""

    def highest(x: Tensor) -> tuple[Tensor, Tensor]:
        scores = model(x)
        return scores.max(), scores.detach()

    slope, scores = ag.grad(highest, has_aux=True)(x)
    return scores, slope


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
