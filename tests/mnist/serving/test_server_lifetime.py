"""The server from its start to its end, and its connections, however clients treat them."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

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
    untrained_network,
)

from mnist.serving import ServerError, make_server, server
from mnist.serving.server import Server
from mnist.storage.weights import Trained

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


# --- connections ---------------------------------------------------------------------------------


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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("path", "pause"),
    [
        pytest.param("GET / HTTP/1.1", 0.02, id="page-a byte now and then"),
        pytest.param("GET / HTTP/1.1", None, id="page-nothing", marks=pytest.mark.slow),
        pytest.param("POST / HTTP/1.1", 0.02, id="refusals-a byte", marks=pytest.mark.slow),
        pytest.param("POST / HTTP/1.1", None, id="refusals-nothing"),
    ],
)
def test_a_client_that_does_not_take_its_answers_is_hung_up_on(
    network: Trained, pause: float | None, path: str
) -> None:
    with serving(network, patience=0.4) as site:
        # What the system holds on the way would else take all answers.
        site.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(site.server_address[:2])
            client.sendall(f"{path}\r\nHost: {site.authority}\r\n\r\n".encode() * 150)
            started, answers = time.monotonic(), b""
            while time.monotonic() - started < 0.2 or site._open:
                assert time.monotonic() - started < 5  # 0.4 for each answer would be a minute
                if pause is None:
                    time.sleep(0.02)
                else:
                    client.settimeout(pause)
                    with suppress(OSError):
                        answers += client.recv(1)
                    time.sleep(pause)
            client.settimeout(5)
            with suppress(ConnectionError):  # closed on unread requests
                answers += everything(client)
            assert 1 <= answers.count(b"HTTP/1.1 ") < 100
        assert ask(site, GOOD)[0] == 200


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


def test_errors_of_connections_are_told_until_the_server_hangs_up(
    network: Trained,
    capfd: pytest.CaptureFixture[str],
) -> None:
    listening = make_server(network, port=0)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        listening._open.add(ours)
        for told in (True, False):
            try:
                raise ValueError("of a connection")
            except ValueError:
                listening.handle_error(ours, ("127.0.0.1", 1))
            assert ("of a connection" in capfd.readouterr().err) is told
            listening.server_close()
