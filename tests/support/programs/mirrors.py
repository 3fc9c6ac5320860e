"""Mirrors on this machine that misbehave as told, and what is expected of a download from them."""

from __future__ import annotations

import gzip
import hashlib
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mnist.data.download import FILES, DownloadError, download

# Random bytes, so that gzip cannot shrink them to less than what a connection carries at once.
PLAIN = {name: random.Random(name).randbytes(50_000 + len(name)) for name in FILES}
PACKED = {f"/{name}.gz": gzip.compress(plain, mtime=0) for name, plain in PLAIN.items()}
FIRST = "train-images-idx3-ubyte.gz"
WHOLE = PACKED[f"/{FIRST}"]


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Says nothing: that a client hangs up is what some tests are about."""


class Mirror:
    """An HTTP server in a thread; its attributes say how it treats the next requests."""

    def __init__(self) -> None:
        self.files = dict(PACKED)
        self.requests: list[tuple[str, str | None]] = []  # (path, Range header)
        self.status = 0  # answer everything with this error
        self.honours_range = True
        self.cut_after: int | None = None  # bytes of a body before the connection is dropped
        self.states_length = True
        self.chunked = False
        self.lies: dict[str, str] = {}  # headers that replace the true ones
        self.stall: threading.Event | None = None  # waited for before an answer
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers["Range"]
        self.requests.append((handler.path, wanted))
        if self.stall:
            self.stall.wait(10)
        if self.status:
            handler.send_error(self.status)
            return
        body = self.files[handler.path]
        headers = {}
        code = 200
        if wanted and self.honours_range:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                handler.send_error(416)
                return
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body = body[start:]
            code = 206
        if self.states_length:
            headers["Content-Length"] = str(len(body))
        if self.chunked:
            handler.protocol_version = "HTTP/1.1"
            handler.close_connection = True
            headers = {"Transfer-Encoding": "chunked"}
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        handler.send_response(code)
        for key, value in {**headers, **self.lies}.items():
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(body[: self.cut_after])

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(name="mirrors")
def start_mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Mirror]]:
    """Starts mirrors of files whose hashes take the place of MNIST's."""
    monkeypatch.setenv("no_proxy", "*")
    for name, plain in PLAIN.items():
        monkeypatch.setitem(FILES, name, hashlib.sha256(plain).hexdigest())
    with ExitStack() as stack:

        def start() -> Mirror:
            mirror = Mirror()
            stack.callback(mirror.close)
            return mirror

        yield start


@pytest.fixture(name="good")
def good_mirror(mirrors: Callable[[], Mirror]) -> Mirror:
    return mirrors()


@pytest.fixture(name="bad")
def bad_mirror(mirrors: Callable[[], Mirror]) -> Mirror:
    return mirrors()


def dead_url() -> str:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unheard.getsockname()[1]}/"


def assert_complete(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {f"{name}.gz" for name in FILES}
    for name, plain in PLAIN.items():
        assert gzip.decompress((folder / f"{name}.gz").read_bytes()) == plain


def failure(folder: Path, *urls: str, timeout: float = 10) -> str:
    """The message of a download that fails, and leaves nothing under any final name."""
    with pytest.raises(DownloadError) as caught:
        download(folder, urls, timeout=timeout)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "--data-dir" in message and "MNIST_DIR" in message
    assert caught.value.brief in message
    assert not list(folder.glob("*.gz"))
    return message
