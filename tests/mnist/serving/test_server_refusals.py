"""What the server refuses, with the status that fits: none of it brings it down."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import numpy as np
import pytest
from support.programs.serving import (  # noqa: F401  fixtures are asked for by name
    GOOD,
    JSON,
    ask,
    connected,
    everything,
    picture,
    question,
    quiet,
    running_site,
    serving,
    trained,
    untrained_network,
)

from mnist.models import basic
from mnist.serving.server import Server

HOST = "Host: {authority}\r\n"


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


def test_bad_weights_are_one_line() -> None:
    model = basic(np.random.default_rng(0))
    next(iter(model.parameters())).data[0] = np.nan
    with serving(trained(model)) as site:
        status, answer = ask(site, question(picture(), saliency=True))
        assert status == 500
        assert "not finite" in answer["error"]
