"""What the server has to offer: the page, facts about the model, and answers about drawings."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist.images.digits import from_ink
from mnist.images.pictures import PictureError
from mnist.serving.inspection import Inspector
from mnist.storage.weights import Trained

LARGEST_SIDE = 112  # pixels: four times what the network sees

_KEYS = {"width", "height", "pixels", "saliency", "layers"}


class RefusedError(Exception):
    """A request that is not answered, and why: an HTTP status and one line."""

    def __init__(self, status: HTTPStatus, reason: str, *, close: bool = False) -> None:
        super().__init__(reason)
        self.status, self.reason, self.close = status, reason, close


@dataclass(frozen=True)
class Answer:
    """A body and its headers."""

    body: bytes
    headers: tuple[tuple[str, str], ...]


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
    return Answer(body, (("Content-Type", "application/json"),))


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
    return Answer(text.encode(), headers)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
