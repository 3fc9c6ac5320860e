"""What the tests of the server share: one that runs, clients of it, and what they ask."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist.data import drawn
from mnist.models import basic
from mnist.serving import make_server
from mnist.serving.server import Server
from mnist.storage.weights import Trained
from nn import Module

MEAN, STD = 0.1307, 0.3081
JSON = "Content-Type: application/json\r\n"


def trained(model: Module | None = None, **facts: Any) -> Trained:
    model = model or basic(np.random.default_rng(0))
    return Trained(model.eval(), "basic", MEAN, STD, facts)


@contextmanager
def serving(one: Trained, patience: float = 15.0) -> Iterator[Server]:
    running = make_server(one, port=0)
    running.patience = patience
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


@pytest.fixture(scope="module", name="network")
def untrained_network() -> Trained:
    return trained(dataset="drawn digits", test_accuracy=0.97)


@pytest.fixture(scope="module", name="site")
def running_site(network: Trained) -> Iterator[Server]:
    with serving(network) as running:
        yield running


@pytest.fixture(autouse=True)
def quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever a client does, the server prints nothing."""
    yield
    assert capfd.readouterr() == ("", "")


def picture(digit: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """A digit, larger and off the centre."""
    (image,) = drawn.draw([digit], np.random.default_rng(seed))
    return np.pad(np.kron(image, np.ones((3, 3), np.uint8)), ((20, 4), (6, 22)))


def question(image: NDArray[np.uint8], **wanted: Any) -> dict[str, Any]:
    height, width = image.shape
    text = base64.b64encode(image.tobytes()).decode()
    return {"height": height, "width": width, "pixels": text, **wanted}


GOOD = question(np.pad(np.full((6, 2), 255, np.uint8), 5))


def ask(site: Server, asked: Any) -> tuple[int, dict[str, Any]]:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    with closing(http.client.HTTPConnection(site.authority, timeout=20)) as client:
        client.request("POST", "/predict", body, {"Content-Type": "application/json"})
        response = client.getresponse()
        return response.status, json.load(response)


@contextmanager
def connected(site: Server) -> Iterator[socket.socket]:
    with socket.create_connection(site.server_address[:2], timeout=20) as client:
        yield client


def everything(client: socket.socket) -> bytes:
    """What the server sends until it hangs up."""
    parts = []
    while part := client.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)
