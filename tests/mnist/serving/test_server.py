"""The server of the page: that its answers are right, whoever asks, and leave no trace."""

from __future__ import annotations

import base64
import copy
import hashlib
import http.client
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.programs.serving import (  # noqa: F401  fixtures are asked for by name
    MEAN,
    STD,
    ask,
    picture,
    question,
    quiet,
    running_site,
    serving,
    trained,
    untrained_network,
)

from autograd import Tensor, no_grad
from mnist.data import normalise
from mnist.models import Vote, small
from mnist.serving.server import Server
from mnist.serving.site import Inspector
from mnist.storage.weights import Trained
from nn import functional as F


def unpacked(packed: dict[str, Any]) -> NDArray[np.float64]:
    signed = np.frombuffer(base64.b64decode(packed["data"]), np.int8).reshape(packed["shape"])
    return signed * (packed["largest"] / 127)


def test_the_page_may_run_what_is_in_it_and_nothing_else(site: Server) -> None:
    client = http.client.HTTPConnection(site.authority, timeout=20)
    client.request("GET", "/")
    response = client.getresponse()
    page = response.read().decode()
    client.close()
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    policy = dict(
        part.strip().split(" ", 1)
        for part in response.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
    assert not re.findall(r"""(?:src|href)=["'](?!data:)|url\(|@import|\sstyle=|\son\w+=""", page)


def test_the_facts_of_the_model(site: Server) -> None:
    client = http.client.HTTPConnection(site.authority, timeout=20)
    client.request("GET", "/model?again")
    facts = json.load(client.getresponse())
    client.close()
    layers = facts.pop("layers")
    assert facts == {
        "name": "basic",
        "parameters": 31802,
        "dataset": "drawn digits",
        "test_accuracy": 0.97,
    }
    assert [(layer["name"], layer["kind"], layer["shape"]) for layer in layers] == [
        ("0", "Conv2d", [16, 28, 28]),
        ("1", "BatchNorm2d", [16, 28, 28]),
        ("2", "ReLU", [16, 28, 28]),
        ("3", "MaxPool2d", [16, 14, 14]),
        ("5", "Linear", [10]),
    ]


def test_an_answer_is_what_the_network_computes(site: Server, network: Trained) -> None:
    names = ["0", "1", "2", "3", "5"]
    status, answer = ask(site, question(picture(), saliency=True, layers=names))
    assert status == 200
    image = np.frombuffer(base64.b64decode(answer["pixels"]), np.uint8).reshape(28, 28)
    rows, columns = np.nonzero(image)
    assert max(np.ptp(rows), np.ptp(columns)) in (18, 19)  # the box of 20, a faint edge aside
    x = Tensor(normalise(image[None], MEAN, STD))
    with no_grad():
        outputs = {}
        for name, layer in network.model.named_children():
            outputs[name] = x = layer(x)
        probabilities = F.softmax(x).data[0]
    assert answer["digit"] == probabilities.argmax()
    np.testing.assert_allclose(answer["probabilities"], probabilities, atol=1e-6)
    assert list(answer["layers"]) == names
    for name, packed in answer["layers"].items():
        expected = outputs[name].data[0]
        half_a_step = packed["largest"] / 127 / 2
        np.testing.assert_allclose(unpacked(packed), expected, atol=1.001 * half_a_step)


def test_saliency_is_the_slope_of_the_score(network: Trained, rng: np.random.Generator) -> None:
    """Against differences of the score in double precision, in units of full ink.

    The image is noise: on the even ground around a digit pooling has ties, where the score has
    no slope.
    """
    image = rng.integers(0, 256, (28, 28), dtype=np.uint8)
    answer = Inspector(network).inspect(image, saliency=True)
    model = copy.deepcopy(network.model).to(np.float64)

    def scores(ink: NDArray[np.float64]) -> NDArray[np.float64]:
        with no_grad():
            given: NDArray[np.float64] = model(Tensor((ink[:, None] - MEAN) / STD)).data
        return given[:, answer["digit"]]

    step = 1e-6
    steps = step * np.eye(28 * 28).reshape(-1, 28, 28)
    slopes = (scores(image / 255 + steps) - scores(image / 255 - steps)) / (2 * step)
    packed = answer["saliency"]
    assert packed["largest"] == pytest.approx(np.abs(slopes).max(), rel=1e-4)
    half_a_step = packed["largest"] / 127 / 2
    np.testing.assert_allclose(unpacked(packed), slopes.reshape(28, 28), atol=1.01 * half_a_step)


def test_nothing_is_computed_that_was_not_asked_for(site: Server) -> None:
    _, answer = ask(site, question(picture()))
    assert set(answer) == {"digit", "probabilities", "pixels"}


def test_a_vote_is_served_like_any_network() -> None:
    rng = np.random.default_rng(1)
    with serving(trained(Vote([small(rng), small(rng)]))) as site:
        status, answer = ask(
            site, question(picture(), saliency=True, layers=["members.0.0", "members.1.19"])
        )
    assert status == 200
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert answer["layers"]["members.0.0"]["shape"] == [12, 28, 28]
    assert answer["layers"]["members.1.19"]["shape"] == [10]


def test_threads_do_not_mix_their_answers(site: Server) -> None:
    asked = [
        question(picture(digit, seed=digit), saliency=bool(digit % 2), layers=layers)
        for digit in range(10)
        for layers in ([], ["0"], ["5", "2"])
    ]
    alone = [ask(site, one) for one in asked]
    assert len({json.dumps(answer) for _, answer in alone}) == len(alone)
    with ThreadPoolExecutor(12) as threads:
        for _ in range(3):
            assert list(threads.map(lambda one: ask(site, one), asked)) == alone


def test_the_model_stays_as_it_was(network: Trained) -> None:
    before = {name: value.tobytes() for name, value in network.model.state_dict().items()}
    with serving(network) as site:
        ask(site, question(picture(), saliency=True, layers=["0"]))
    assert all(p.requires_grad and p.grad is None for p in network.model.parameters())
    assert not any(module._forward_hooks for module in network.model.modules())
    after = {name: value.tobytes() for name, value in network.model.state_dict().items()}
    assert after == before
