"""The server of the page: for the browsers of this machine, and for no one else.

Requests are read under limits of size and time, and refused or answered.
"""

from __future__ import annotations

import errno
import io
import ipaddress
import json
import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from autograd.runtime.blas import blas_on_one_thread
from mnist.serving.site import RefusedError, Site
from mnist.storage.weights import Trained

LARGEST_HEAD = 16 << 10  # bytes, of the request line and all headers
LARGEST_BODY = 64 << 10  # bytes
_LINGER = 1.0  # seconds for a refused client to stop sending, so that it reads the refusal

_SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
MOST_CONNECTIONS = 64  # at one time: each has a thread
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ServerError(RuntimeError):
    """The server cannot start; the message says why and what to do."""


class _Timed(io.RawIOBase):
    """What a socket receives until a deadline: a client that sends a byte now and then meets it.

    A timeout of the socket alone would start anew with each byte.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.deadline = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Head(io.BufferedReader):
    """Lines of a head that together have at most `LARGEST_HEAD` bytes."""

    left = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(self.left + 1)
        self.left -= len(line)
        if self.left < 0:
            raise RefusedError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"a head of at most {LARGEST_HEAD} bytes expected",
                close=True,
            )
        return line


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with one client. http.server calls what is overridden here."""

    protocol_version = "HTTP/1.1"
    server_version = "Pullback"
    server: Server
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._timed = _Timed(self.connection)
        self._head = self.rfile = _Head(self._timed)

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.command, self.requestline, self.request_version = "", "", self.protocol_version
        self.raw_requestline = b""
        self._expects = self._answered = False
        self._timed.deadline = time.monotonic() + self.server.patience
        self._head.left = LARGEST_HEAD
        try:
            try:
                self.raw_requestline = self.rfile.readline()
                if self.raw_requestline and self.parse_request():
                    self._answer()
            except RefusedError as refusal:
                self._refuse(refusal)
            except TimeoutError:
                if self._answered:
                    raise
                if self.raw_requestline:
                    self.send_error(HTTPStatus.REQUEST_TIMEOUT)
            except Exception as error:
                if not (self._answered or isinstance(error, ConnectionError)):
                    self.send_error(
                        HTTPStatus.INTERNAL_SERVER_ERROR,
                        f"the server failed: {type(error).__name__}: {error}",
                    )
                raise
        except (ConnectionError, TimeoutError):  # the client has gone, or takes no answer
            self.close_connection = True

    # --- what is refused ---------------------------------------------------------------------

    def _answer(self) -> None:
        self._check_sender()
        path = self._path()
        if path not in self.server.site.routes:
            raise self._refusal(
                HTTPStatus.NOT_FOUND,
                f"nothing at this path; there is {', '.join(self.server.site.routes)}",
            )
        method, answer = self.server.site.routes[path]
        if self.command != method:
            raise self._refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {method} alone")
        body, headers = answer(self._body() if method == "POST" else b"")
        self.close_connection |= self._has_body() and method != "POST"
        self._send(HTTPStatus.OK, body, headers)

    def _check_sender(self) -> None:
        """Refuse what another site makes a browser send here.

        Such a site may have its own name lead to this machine (DNS rebinding): then the Host
        header is that name. Or it sends from its own page: then the Origin header is that site.
        """
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1:
            raise self._refusal(HTTPStatus.BAD_REQUEST, "one Host header expected")
        if hosts[0].strip().lower() not in self.server.authorities:
            raise self._refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"this is not that host; it is http://{self.server.authority}/",
            )
        own = {f"http://{authority}" for authority in self.server.authorities}
        if any(origin.strip().lower() not in own for origin in self.headers.get_all("Origin", [])):
            raise self._refusal(HTTPStatus.FORBIDDEN, "pages of other sites get no answer")

    def _path(self) -> str:
        """As it was sent: http.server takes //model for /model."""
        return self.requestline.split()[1].partition("?")[0]

    def _body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length", [])
        if self.headers.get("Transfer-Encoding") is not None or not lengths:
            raise self._refusal(HTTPStatus.LENGTH_REQUIRED, "a Content-Length expected")
        if len(lengths) != 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0].strip()):
            raise self._refusal(HTTPStatus.BAD_REQUEST, "one Content-Length in digits expected")
        length = int(lengths[0])
        if length > LARGEST_BODY:
            raise self._refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a body of {length} bytes given, at most {LARGEST_BODY} expected",
            )
        if self.headers.get_content_type() != "application/json":
            raise self._refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type application/json expected"
            )
        if self._expects:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionAbortedError
        return body

    def _has_body(self) -> bool:
        names = ("Content-Length", "Transfer-Encoding")
        return any(self.headers.get(name, "0") != "0" for name in names)

    def _refusal(self, status: HTTPStatus, reason: str) -> RefusedError:
        """A refusal before the body was read: where there is one, nothing can follow it."""
        return RefusedError(status, reason, close=self._has_body())

    # --- what is sent ------------------------------------------------------------------------

    def _refuse(self, refusal: RefusedError) -> None:
        headers = [("Content-Type", "application/json")]
        if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", self.server.site.routes[self._path()][0]))
        self.close_connection |= refusal.close
        self._send(refusal.status, json.dumps({"error": refusal.reason}).encode(), headers)
        if self.close_connection:
            self._linger()

    def _send(self, status: HTTPStatus, body: bytes, headers: Any) -> None:
        """One write, so that the whole answer leaves in one packet where it fits."""
        self._answered = True
        named = [
            ("Server", self.server_version),
            ("Date", self.date_time_string()),
            ("Connection", "close" if self.close_connection else "keep-alive"),
            ("Content-Length", str(len(body))),
            *_SECURITY,
            *headers,
        ]
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{n}: {v}" for n, v in named)]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.connection.settimeout(self.server.patience)
        self.wfile.write(head if self.command == "HEAD" else head + body)

    def _linger(self) -> None:
        """Read on for a moment: closing on unread bytes would take the answer from the client."""
        self._timed.deadline = time.monotonic() + _LINGER
        left = 4 * LARGEST_BODY
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while left > 0 and (chunk := self.rfile.read1(8192)):
                left -= len(chunk)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server calls for a head that it cannot read; nothing can follow it."""
        status = HTTPStatus(code)
        self._refuse(RefusedError(status, message or status.phrase.lower(), close=True))

    def handle_expect_100(self) -> bool:
        self._expects = True  # answered when the rest of the head has been found right
        return True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the page asks many times a second."""


class Server(ThreadingHTTPServer):
    """Listens on a loopback address; a thread for each connection.

    Attributes:
        patience: seconds that a client has for a request, and for taking its answer.
        authority: host and port, as in the address of the page.
        authorities: the Host headers that are this server's.
    """

    allow_reuse_address = os.name == "posix"  # elsewhere that would let two share a port
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, site: Site, host: str, port: int, patience: float = 15.0) -> None:
        self.site, self.patience = site, patience
        self._open: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)
        port = self.server_address[1]
        shown = f"[{host}]" if ":" in host else host
        self.authority = f"{shown}:{port}"
        names = {"localhost", "127.0.0.1", "[::1]", shown.lower()}
        # Browsers leave port 80 out.
        self.authorities = frozenset(f"{name}:{port}" for name in names) | (
            names if port == 80 else set()
        )

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's asks a name server for a name, to no use here

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Answer until `shutdown`; the requests share the cores, not what is within one of them.

        BLAS on two threads, each of them woken for the tiny products of one image, took twice the
        processor time for an answer of the largest network.
        """
        with blas_on_one_thread():
            super().serve_forever(poll_interval)

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._open) >= MOST_CONNECTIONS:
            with suppress(OSError):
                request.setblocking(False)
                request.send(_BUSY)
            self.shutdown_request(request)
        else:
            self._open.add(request)
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, and hang up on those still connected: their threads end by that."""
        super().server_close()
        while self._open:
            with suppress(OSError, KeyError):  # threads that end take theirs out
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of what a connection ended by, unless the server has hung up itself."""
        if request in self._open:
            super().handle_error(request, client_address)


def make_server(trained: Trained, host: str = "127.0.0.1", port: int = 8000) -> Server:
    """A server that listens, and answers once `serve_forever` is called.

    Args:
        trained: the network; the server works on a copy of it.
        host: a loopback address or localhost: whoever reaches the server may use it.
        port: 0 takes a free one; `server_address` then has it.

    Raises:
        ServerError: the port is in use or not allowed, or the host is not of this machine alone.
    """
    if not _is_loopback(host):
        raise ServerError(
            f"host {host} is not of this machine alone; choose 127.0.0.1, ::1 or localhost"
        )
    site = Site(trained)
    try:
        return Server(site, host, port)
    except OverflowError as error:
        raise ServerError(f"port {port} given, a number from 0 to 65535 expected") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} of {host} is in use; choose another, or 0 for any free one"
        elif error.errno == errno.EACCES:
            reason = f"port {port} is not for every user; choose one from 1024 to 65535"
        else:
            reason = f"cannot listen on {host}, port {port}: {error.strerror}"
        raise ServerError(reason) from error


def serve(
    trained: Trained,
    host: str = "127.0.0.1",
    port: int = 8000,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve the page until Ctrl-C.

    Raises `ServerError` as `make_server` does.
    """
    with make_server(trained, host, port) as server:
        announce(f"{trained.network}: draw at http://{server.authority}/ (Ctrl-C ends)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            announce("ended")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
