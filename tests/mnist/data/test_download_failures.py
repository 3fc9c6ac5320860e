"""Downloads that no mirror can serve, and the one line that says why."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.programs.mirrors import (  # noqa: F401  fixtures are asked for by name
    FIRST,
    PLAIN,
    WHOLE,
    Mirror,
    bad_mirror,
    dead_url,
    failure,
    good_mirror,
    start_mirrors,
)

from mnist.data import download as module
from mnist.data.download import FILES

# --- mirrors that cannot be reached --------------------------------------------------------------


def test_every_mirror_fails_in_its_own_way(
    mirrors: Callable[[], Mirror], good: Mirror, bad: Mirror, tmp_path: Path
) -> None:
    good.status = 404
    bad.files[f"/{FIRST}"] = b"<html>please log in</html>"
    dead = dead_url()
    message = failure(tmp_path, good.url, bad.url, dead, "ftp//no address")
    assert message.startswith(f"cannot download {FIRST} (")
    assert f"{good.host}: HTTP 404; {bad.host}: wrong content (SHA-256); " in message
    assert f"; {dead.split('/')[2]}: Connection refused; ftp//no address: " in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "brief"),
    [
        (socket.gaierror(-3, "Temporary failure in name resolution"), "host name not found"),
        (TimeoutError("_ssl.c:989: The handshake operation timed out"), "timed out"),
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
        (OSError("of its\nown kind"), "of its own kind"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_failures_to_connect_in_brief(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, brief: str
) -> None:
    def unreachable(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setenv("no_proxy", "*")
    assert f"(mirror.invalid: {brief}):" in failure(tmp_path, "http://mirror.invalid/")


def test_without_mirrors(tmp_path: Path) -> None:
    assert "(no mirror given)" in failure(tmp_path)


def test_files_on_disk_are_no_mirror(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / FIRST).write_bytes(WHOLE)
    message = failure(tmp_path / "here", (tmp_path / "there").as_uri())
    assert "not an http or https address" in message


def test_a_mirror_that_says_nothing_costs_the_timeout_only(good: Mirror, tmp_path: Path) -> None:
    good.stall = threading.Event()
    start = time.monotonic()
    message = failure(tmp_path, good.url, timeout=0.2)
    assert time.monotonic() - start < 3
    good.stall.set()
    assert f"{good.host}: timed out" in message


# --- content that is refused ---------------------------------------------------------------------


def test_plain_bytes_are_not_stored_under_a_name_in_gz(good: Mirror, tmp_path: Path) -> None:
    good.files[f"/{FIRST}"] = PLAIN[FIRST.removesuffix(".gz")]
    assert "wrong content" in failure(tmp_path, good.url)


def test_too_large_by_its_header(
    good: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_BYTES", 40_000)
    assert f"{good.host}: too large ({len(WHOLE):,} bytes)" in failure(tmp_path, good.url)
    assert list(tmp_path.iterdir()) == []


def test_too_large_without_a_word(
    good: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, read = [], module._read

    def counted(response: Any) -> bytes:
        chunk = read(response)
        sizes.append(len(chunk))
        return chunk

    monkeypatch.setattr(module, "_read", counted)
    monkeypatch.setattr(module, "_MAX_BYTES", 100_000)
    good.states_length = False
    good.files[f"/{FIRST}"] = bytes(1_000_000)
    assert "too large (more than 100,000 bytes)" in failure(tmp_path, good.url)
    assert list(tmp_path.iterdir()) == []
    assert sum(sizes) <= 100_000 + module._CHUNK  # and no further


def test_a_gzip_bomb_is_not_unpacked_to_its_end(
    good: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = bytes(2_000_000)
    good.files[f"/{FIRST}"] = gzip.compress(plain)
    monkeypatch.setitem(
        FILES, FIRST.removesuffix(".gz"), hashlib.sha256(plain).hexdigest()
    )  # right, were it not for its size
    monkeypatch.setattr(module, "_MAX_PLAIN_BYTES", 1_000_000)
    assert "wrong content" in failure(tmp_path, good.url)
