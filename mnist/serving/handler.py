"""One connection: requests are read under limits of size and time, and refused or answered."""

from __future__ import annotations

import io
import json
import re
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from mnist.serving.site import RefusedError

if TYPE_CHECKING:
    from mnist.serving.server import Server

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
            raise LineTooLong("head")
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
                if not self.raw_requestline or not self.parse_request():
                    return
                self._answer()
            except LineTooLong:
                self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            except RefusedError as refusal:
                self._refuse(refusal)
            except ConnectionError:
                raise
            except TimeoutError:
                if self._answered:
                    raise
                if self.raw_requestline:
                    self.send_error(HTTPStatus.REQUEST_TIMEOUT)
            except Exception as error:
                if not self._answered:
                    reason = f"the server failed: {type(error).__name__}: {error}"
                    self._refuse(RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, reason, close=True))
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
        found = answer(self._body() if method == "POST" else b"")
        self.close_connection |= self._has_body() and method != "POST"
        self._send(HTTPStatus.OK, found.body, found.headers)

    def _check_sender(self) -> None:
        """Refuse what another site makes a browser send here.

        Such a site may have its own name lead to this machine (DNS rebinding): then the Host
        header is that name. Or it sends from its own page: then the Origin header is that site.
        """
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1:
            raise self._refusal(HTTPStatus.BAD_REQUEST, "one Host header expected")
        if hosts[0].strip().lower() not in self.server.authorities:
            reason = f"this is not that host; it is http://{self.server.authority}/"
            raise self._refusal(HTTPStatus.MISDIRECTED_REQUEST, reason)
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
            reason = f"a body of {length} bytes given, at most {LARGEST_BODY} expected"
            raise self._refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
        if self.headers.get_content_type() != "application/json":
            reason = "Content-Type application/json expected"
            raise self._refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason)
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
