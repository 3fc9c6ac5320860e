"""The server of the page: for the browsers of this machine, and for no one else."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from autograd.runtime.blas import blas_on_one_thread
from mnist.serving.handler import Handler
from mnist.serving.site import Site
from mnist.storage.weights import Trained

MOST_CONNECTIONS = 64  # at one time: each has a thread
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ServerError(RuntimeError):
    """The server cannot start; the message says why and what to do."""


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
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)
        port = self.server_address[1]
        shown = f"[{host}]" if ":" in host else host
        self.authority = f"{shown}:{port}"
        names = {"localhost", "127.0.0.1", "[::1]", shown.lower()}
        self.authorities = frozenset({f"{name}:{port}" for name in names})
        if port == 80:  # browsers leave it out
            self.authorities |= names

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
        with self._lock:
            full = len(self._open) >= MOST_CONNECTIONS
            if not full:
                self._open.add(request)
        if not full:
            super().process_request(request, client_address)
            return
        request.setblocking(False)
        with suppress(OSError):
            request.send(_BUSY)
        self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, and hang up on those still connected: their threads end by that."""
        super().server_close()
        with self._lock:
            for request in self._open:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
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
