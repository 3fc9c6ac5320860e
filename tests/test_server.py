"""The server of the page: what it answers, what it refuses, and that nothing brings it down."""

from __future__ import annotations

import base64
import copy
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from autograd import Tensor, no_grad
from mnist import drawn
from mnist.data import normalise
from mnist.models import Vote, basic, small
from mnist.serving import ServerError, make_server, server
from mnist.serving.inspection import Inspector
from mnist.serving.server import Server
from mnist.storage.weights import Trained
from nn import Module
from nn import functional as F

MEAN, STD = 0.1307, 0.3081


def trained(model: Module | None = None, **facts: Any) -> Trained:
    model = model or basic(np.random.default_rng(0))
    return Trained(model.eval(), "basic", MEAN, STD, facts)


@contextmanager
def serving(one: Trained, patience: float = 15.0) -> Iterator[Server]:
    running = make_server(one, port=0)
    running.patience = patience
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


@pytest.fixture(scope="module")
def network() -> Trained:
    return trained(dataset="drawn digits", test_accuracy=0.97)


@pytest.fixture(scope="module")
def site(network: Trained) -> Iterator[Server]:
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


def ask(site: Server, asked: Any) -> tuple[int, dict[str, Any]]:
    client = http.client.HTTPConnection(site.authority, timeout=20)
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    client.request("POST", "/predict", body, {"Content-Type": "application/json"})
    response = client.getresponse()
    answer = json.load(response)
    client.close()
    return response.status, answer


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


def unpacked(packed: dict[str, Any]) -> NDArray[np.float64]:
    signed = np.frombuffer(base64.b64decode(packed["data"]), np.int8).reshape(packed["shape"])
    return signed * (packed["largest"] / 127)


# --- answers -------------------------------------------------------------------------------------


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


def test_bad_weights_are_one_line() -> None:
    model = basic(np.random.default_rng(0))
    next(iter(model.parameters())).data[0] = np.nan
    with serving(trained(model)) as site:
        status, answer = ask(site, question(picture(), saliency=True))
        assert status == 500
        assert "not finite" in answer["error"]


# --- refusals ------------------------------------------------------------------------------------

HOST = "Host: {authority}\r\n"
JSON = "Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("status", "request_text"),
    [
        (421, "GET / HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n"),
        (421, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
        (421, "GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\n" + HOST + HOST + "\r\n"),
        (403, "GET /model HTTP/1.1\r\n" + HOST + "Origin: http://evil.example\r\n\r\n"),
        (403, "POST /predict HTTP/1.1\r\n" + HOST + "Origin: null\r\n\r\n"),
        (404, "GET /favicon.ico HTTP/1.1\r\n" + HOST + "\r\n"),
        (404, "GET /../../etc/passwd HTTP/1.1\r\n" + HOST + "\r\n"),
        (404, "GET //model HTTP/1.1\r\n" + HOST + "\r\n"),
        (404, "GET http://evil.example/ HTTP/1.1\r\n" + HOST + "\r\n"),
        (405, "POST / HTTP/1.1\r\n" + HOST + "Content-Length: 0\r\n\r\n"),
        (405, "HEAD / HTTP/1.1\r\n" + HOST + "\r\n"),
        (405, "GET /predict HTTP/1.1\r\n" + HOST + "\r\n"),
        (405, "OPTIONS /predict HTTP/1.1\r\n" + HOST + "\r\n"),
        (405, "BREW /model HTTP/1.1\r\n" + HOST + "\r\n"),
        (411, "POST /predict HTTP/1.1\r\n" + HOST + JSON + "\r\n"),
        (411, "POST /predict HTTP/1.1\r\n" + HOST + JSON + "Transfer-Encoding: chunked\r\n\r\n"),
        (400, "POST /predict HTTP/1.1\r\n" + HOST + JSON + "Content-Length: -1\r\n\r\n"),
        (400, "POST /predict HTTP/1.1\r\n" + HOST + JSON + "Content-Length: 1_0\r\n\r\n"),
        (400, "POST /predict HTTP/1.1\r\n" + HOST + JSON + "Content-Length: 2\r\n" * 2 + "\r\n"),
        (413, "POST /predict HTTP/1.1\r\n" + HOST + JSON + "Content-Length: 65537\r\n\r\n"),
        (413, "POST /predict HTTP/1.1\r\n" + HOST + JSON + "Content-Length: 99999999999\r\n\r\n"),
        (415, "POST /predict HTTP/1.1\r\n" + HOST + "Content-Length: 2\r\n\r\n{{}}"),
        (415, "POST /predict HTTP/1.1\r\n" + HOST + "Content-Type: text/plain\r\n"
              "Content-Length: 2\r\n\r\n{{}}"),
        (431, "GET / HTTP/1.1\r\n" + HOST + "X: y\r\n" * 101 + "\r\n"),
        (431, "GET / HTTP/1.1\r\n" + HOST + "X: " + 20_000 * "y" + "\r\n\r\n"),
        (431, "GET /" + 20_000 * "y" + " HTTP/1.1\r\n" + HOST + "\r\n"),
        (400, "hello\r\n\r\n"),
        (400, "GET / HTTP/x\r\n\r\n"),
        (505, "GET / HTTP/2.0\r\n" + HOST + "\r\n"),
    ],
)  # fmt: skip
def test_refused(site: Server, status: int, request_text: str) -> None:
    text = request_text.format(authority=site.authority, port=site.server_address[1])
    with connected(site) as client:
        client.sendall(text.encode())
        client.shutdown(socket.SHUT_WR)
        head, _, body = everything(client).decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} "), head
    assert ("\r\nAllow: " in head) == (status == 405)
    if not text.startswith("HEAD"):
        assert json.loads(body)["error"]
        assert "\n" not in body


GOOD = question(np.pad(np.full((6, 2), 255, np.uint8), 5))


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 60_000,
        [],
        "text",
        {},
        {**GOOD, "width": 113},
        {**GOOD, "width": 0},
        {**GOOD, "width": True},
        {**GOOD, "height": 2.0},
        {**GOOD, "width": 11},
        {**GOOD, "pixels": [0] * 64},
        {**GOOD, "pixels": "...."},
        {**GOOD, "pixels": "é"},
        {**GOOD, "pixels": GOOD["pixels"] + "AAAA"},
        {**GOOD, "saliency": 1},
        {**GOOD, "layers": "0"},
        {**GOOD, "layers": [0]},
        {**GOOD, "layers": ["4"]},
        {**GOOD, "more": 1},
        question(np.zeros((28, 28), np.uint8)),
    ],
)
def test_a_body_that_is_wrong(site: Server, asked: Any) -> None:
    assert ask(site, GOOD)[0] == 200
    status, answer = ask(site, asked)
    assert status == 400
    assert set(answer) == {"error"}


def test_an_oversized_body_is_not_read(site: Server) -> None:
    """The client gets its answer while it sends, and is hung up on."""
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {site.authority}\r\n{JSON}Content-Length: 400000000\r\n"
    )
    sent = 0
    with connected(site) as client:
        client.sendall(head.encode() + b"\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(4000):
                client.sendall(bytes(100_000))
                sent += 100_000
    assert sent < 100_000_000
    with connected(site) as client:
        client.sendall(head.encode() + b"\r\n" + bytes(100_000))
        assert everything(client).startswith(b"HTTP/1.1 413 ")


def test_one_connection_takes_many_requests(site: Server) -> None:
    client = http.client.HTTPConnection(site.authority, timeout=20)
    body = json.dumps(GOOD)
    sockets = set()
    for path, status in [("/predict", 200), ("/predict", 200), ("/", 405), ("/predict", 200)]:
        client.request("POST", path, body, {"Content-Type": "application/json"})
        sockets.add(client.sock)
        response = client.getresponse()
        assert response.status == status
        # What was refused with its body unread leaves a connection on which nothing can follow.
        assert response.headers["Connection"] == ("close" if status == 405 else "keep-alive")
        response.read()
    client.close()
    assert len(sockets) == 2


def test_a_client_that_asks_whether_to_send(site: Server) -> None:
    body = json.dumps(GOOD).encode()
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {site.authority}\r\n{JSON}Connection: close\r\n"
        "Expect: 100-continue\r\n"
    )
    with connected(site) as client:
        client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert everything(client).startswith(b"HTTP/1.1 200 ")
    with connected(site) as client:
        client.sendall(f"{head}Content-Length: 70000\r\n\r\n".encode())
        assert everything(client).startswith(b"HTTP/1.1 413 ")


# --- clients that misbehave ----------------------------------------------------------------------


def test_a_slow_client_is_hung_up_on_however_it_dawdles(network: Trained) -> None:
    head = "POST /predict HTTP/1.1\r\nHost: {}\r\n" + JSON + "Content-Length: 50\r\n\r\n{{"
    with serving(network, patience=0.4) as site:
        started = time.monotonic()
        with connected(site) as client:
            client.sendall(head.format(site.authority).encode())
            client.settimeout(0.1)
            answer = b""
            while not answer:  # a byte at a time, each well within the limit
                client.sendall(b" ")
                try:
                    answer = client.recv(1000)
                except TimeoutError:
                    assert time.monotonic() - started < 5
            assert answer.startswith(b"HTTP/1.1 408 ")
        with connected(site) as client:  # one that says nothing is hung up on without a word
            assert everything(client) == b""
        with connected(site) as client:
            client.sendall(b"GET / HT")
            assert everything(client) == b""


def test_too_many_connections_are_turned_away(
    network: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)
    with serving(network) as site:
        idle = [socket.create_connection(site.server_address[:2], timeout=20) for _ in range(3)]
        with connected(site) as client:
            assert everything(client).startswith(b"HTTP/1.1 503 ")
        for client in idle:
            client.close()
        deadline = time.monotonic() + 10
        while True:
            try:
                assert ask(site, GOOD)[0] == 200
                break
            except (ConnectionError, http.client.HTTPException, ValueError, AssertionError):
                assert time.monotonic() < deadline


def test_clients_that_leave(site: Server) -> None:
    body = json.dumps(question(picture(), saliency=True, layers=["0", "1", "2"])).encode()
    request = (
        f"POST /predict HTTP/1.1\r\nHost: {site.authority}\r\n{JSON}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    for cut in (5, 60, len(request) - 10, len(request)):
        for reset in (True, False):
            with connected(site) as client:
                if reset:  # closing then sends a reset
                    linger = np.array([1, 0], np.int32).tobytes()
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                client.sendall(request[:cut])
    assert ask(site, GOOD)[0] == 200


def test_damaged_requests(site: Server, rng: np.random.Generator) -> None:
    """Whatever bytes come: a refusal, an answer or a hang-up, and the next client is served."""
    body = json.dumps(GOOD).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: {site.authority}\r\n{JSON}Content-Length: {len(body)}"
    whole = np.frombuffer(head.encode() + b"\r\n\r\n" + body, np.uint8)
    seen = set()
    for _ in range(300):
        damaged = whole.copy()
        places = rng.integers(0, len(whole), rng.integers(1, 6))
        damaged[places] = rng.integers(0, 256, len(places))
        with connected(site) as client:
            client.sendall(damaged.tobytes())
            client.shutdown(socket.SHUT_WR)
            answer = everything(client)
        if answer:
            assert re.match(rb"HTTP/1.1 (200|[45]\d\d) ", answer), damaged.tobytes()
            seen.add(int(answer[9:12]))
    assert {200, 400, 404, 405, 415, 421} <= seen
    assert 500 not in seen
    assert ask(site, GOOD)[0] == 200


# --- starting and ending -------------------------------------------------------------------------


def test_a_port_in_use_is_one_line(site: Server, network: Trained) -> None:
    with pytest.raises(ServerError, match=r"^port \d+ of 127.0.0.1 is in use; choose another"):
        make_server(network, port=site.server_address[1])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_other_machines_are_not_served(network: Trained, host: str) -> None:
    with pytest.raises(ServerError, match="not of this machine alone"):
        make_server(network, host)


def test_a_port_that_is_none(network: Trained) -> None:
    with pytest.raises(ServerError, match="0 to 65535"):
        make_server(network, port=70_000)


def test_the_other_names_of_this_machine(network: Trained) -> None:
    running = make_server(network, "localhost", 0)
    running.server_close()
    port = running.server_address[1]
    assert running.authorities == {f"{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]")}


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_ctrl_c_ends_it_cleanly() -> None:
    program = (
        "import numpy as np; from mnist.models import basic\n"
        "from mnist.storage.weights import Trained\n"
        "from mnist.serving import serve\n"
        "serve(Trained(basic(np.random.default_rng(0)).eval(), 'basic', 0.1, 0.3, {}), port=0,"
        " announce=lambda line: print(line, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        match = re.fullmatch(r"basic: draw at http://(127\.0\.0\.1:\d+)/ \(Ctrl-C ends\)\n", line)
        assert match
        client = http.client.HTTPConnection(match[1], timeout=20)
        client.request("GET", "/")
        assert client.getresponse().status == 200  # and the connection stays open
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        client.close()
    assert (process.returncode, out, err) == (0, "ended\n", "")
