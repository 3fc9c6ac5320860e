"""The downloader against mirrors on this machine that misbehave in all the usual ways."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mnist import download as module
from mnist.download import FILES, MIRRORS, DownloadError, download

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


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Mirror]]:
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


@pytest.fixture
def good(mirrors: Callable[[], Mirror]) -> Mirror:
    return mirrors()


@pytest.fixture
def bad(mirrors: Callable[[], Mirror]) -> Mirror:
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


def test_all_four_files_into_a_new_folder(good: Mirror, tmp_path: Path, capfd: Any) -> None:
    folder = tmp_path / "some" / "where"
    assert download(str(folder), [good.url]) == folder
    assert_complete(folder)
    assert good.requests == [(path, None) for path in PACKED]
    assert capfd.readouterr() == ("", "")  # no progress bar where stderr is no terminal


def test_what_is_there_is_not_fetched_again(good: Mirror, tmp_path: Path) -> None:
    name = "t10k-images-idx3-ubyte.gz"
    (tmp_path / name).write_bytes(b"mine")
    download(tmp_path, [good.url])
    assert f"/{name}" not in [path for path, _ in good.requests]
    assert (tmp_path / name).read_bytes() == b"mine"
    good.requests.clear()
    download(tmp_path, [good.url])
    assert good.requests == []


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_mirror_in_a_folder(good: Mirror, tmp_path: Path, ending: str) -> None:
    good.files = {f"/a/b{path}": content for path, content in PACKED.items()}
    download(tmp_path, [f"{good.url}a/b{ending}"])
    assert_complete(tmp_path)


def test_a_dead_mirror_is_passed_over(good: Mirror, tmp_path: Path) -> None:
    download(tmp_path, [dead_url(), good.url])
    assert_complete(tmp_path)


def test_a_mirror_that_failed_is_not_first_for_the_next_file(
    good: Mirror, bad: Mirror, tmp_path: Path
) -> None:
    bad.status = 503
    download(tmp_path, [bad.url, good.url])
    assert_complete(tmp_path)
    assert len(bad.requests) == 1


def test_wrong_content_sends_to_the_next_mirror(good: Mirror, bad: Mirror, tmp_path: Path) -> None:
    bad.files[f"/{FIRST}"] = gzip.compress(b"something else")
    download(tmp_path, [bad.url, good.url])
    assert bad.requests == [(f"/{FIRST}", None)]
    assert good.requests[0] == (f"/{FIRST}", None)  # no Range: the wrong bytes are gone
    assert_complete(tmp_path)


def test_a_cut_connection_is_resumed_on_the_next_mirror(
    good: Mirror, bad: Mirror, tmp_path: Path
) -> None:
    bad.cut_after = 20_000
    download(tmp_path, [bad.url, good.url])
    assert good.requests[0] == (f"/{FIRST}", "bytes=20000-")
    assert len(good.requests) == 4
    assert_complete(tmp_path)


def test_a_cut_connection_is_resumed_by_the_next_call(good: Mirror, tmp_path: Path) -> None:
    good.cut_after = 20_000
    message = failure(tmp_path, good.url)
    assert f"{good.host}: cut off after 20,000 of {len(WHOLE):,} bytes" in message
    assert (tmp_path / f"{FIRST}.part").read_bytes() == WHOLE[:20_000]
    good.cut_after = None
    download(tmp_path, [good.url])
    assert good.requests[1] == (f"/{FIRST}", "bytes=20000-")
    assert_complete(tmp_path)


def test_a_chunked_body_cut_short_is_noticed(good: Mirror, bad: Mirror, tmp_path: Path) -> None:
    bad.chunked = True
    bad.cut_after = 20_000
    assert f"{bad.host}: IncompleteRead(" in failure(tmp_path, bad.url)
    download(tmp_path, [bad.url, good.url])
    assert_complete(tmp_path)


def test_a_chunked_body(good: Mirror, tmp_path: Path) -> None:
    good.chunked = True
    download(tmp_path, [good.url])
    assert_complete(tmp_path)


def test_a_mirror_without_ranges_sends_all_again(good: Mirror, tmp_path: Path) -> None:
    (tmp_path / f"{FIRST}.part").write_bytes(WHOLE[:20_000])
    good.honours_range = False
    download(tmp_path, [good.url])
    assert good.requests[0] == (f"/{FIRST}", "bytes=20000-")
    assert_complete(tmp_path)


def test_a_mirror_without_ranges_that_cuts_again(good: Mirror, tmp_path: Path) -> None:
    (tmp_path / f"{FIRST}.part").write_bytes(WHOLE[:20_000])
    good.honours_range = False
    good.cut_after = 30_000
    assert f"cut off after 30,000 of {len(WHOLE):,} bytes" in failure(tmp_path, good.url)
    assert (tmp_path / f"{FIRST}.part").read_bytes() == WHOLE[:30_000]


def test_a_part_that_is_wrong_is_not_blamed_on_the_mirror(good: Mirror, tmp_path: Path) -> None:
    (tmp_path / f"{FIRST}.part").write_bytes(b"x" * 20_000)
    download(tmp_path, [good.url])
    assert good.requests[:2] == [(f"/{FIRST}", "bytes=20000-"), (f"/{FIRST}", None)]
    assert_complete(tmp_path)


@pytest.mark.parametrize("part", [WHOLE, WHOLE + b"x" * 9], ids=["whole", "longer"])
def test_a_part_that_needs_no_more_bytes(good: Mirror, tmp_path: Path, part: bytes) -> None:
    (tmp_path / f"{FIRST}.part").write_bytes(part)  # the mirror answers 416
    download(tmp_path, [good.url])
    assert_complete(tmp_path)


@pytest.mark.parametrize(
    ("lie", "expected"),
    [("bytes 0-99/100", "HTTP 206"), ("rubbish", "HTTP 206")],
)
def test_another_range_than_asked_for_is_refused(
    good: Mirror, tmp_path: Path, lie: str, expected: str
) -> None:
    part = tmp_path / f"{FIRST}.part"
    part.write_bytes(WHOLE[:20_000])
    good.lies = {"Content-Range": lie}
    assert f"{good.host}: {expected})" in failure(tmp_path, good.url)
    assert part.read_bytes() == WHOLE[:20_000]


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
    read = []
    chunks = module._chunks

    def counted(response: Any) -> Iterator[bytes]:
        for chunk in chunks(response):
            read.append(len(chunk))
            yield chunk

    monkeypatch.setattr(module, "_chunks", counted)
    monkeypatch.setattr(module, "_MAX_BYTES", 100_000)
    good.states_length = False
    good.files[f"/{FIRST}"] = bytes(1_000_000)
    assert "too large (more than 100,000 bytes)" in failure(tmp_path, good.url)
    assert list(tmp_path.iterdir()) == []
    assert sum(read) <= 100_000 + module._CHUNK  # and no further


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


def test_a_folder_that_cannot_be_made(good: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    message = failure(tmp_path / "file", good.url)
    assert message.startswith(f"cannot write to {tmp_path / 'file'}: File exists; ")
    assert good.requests == []


def test_a_full_disk(good: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = failure(tmp_path, good.url, good.url)
    assert message.startswith(f"cannot write to {tmp_path}: No space left on device; make room")
    assert len(good.requests) == 1  # another mirror would not help


def test_the_final_name_appears_only_with_right_content_on_disk(
    good: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    fsync, replace = os.fsync, os.replace

    def seen_fsync(handle: int) -> None:
        events.append("fsync")
        fsync(handle)

    def seen_replace(source: Path, target: Path) -> None:
        events.append("replace")
        assert source.parent == target.parent and source.name == f"{target.name}.part"
        assert gzip.decompress(source.read_bytes()) == PLAIN[target.stem]
        assert not target.exists()
        replace(source, target)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(os, "replace", seen_replace)
    download(tmp_path, [good.url])
    assert events == ["fsync", "replace"] * 4


def test_two_downloads_at_once_take_turns(good: Mirror, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    errors = []

    def run() -> None:
        try:
            download(tmp_path, [good.url])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(good.requests) == 4  # whoever waited found the files
    assert_complete(tmp_path)


def test_an_interruption_leaves_a_part_to_resume(
    good: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = module._chunks

    def interrupted(response: Any) -> Iterator[bytes]:
        yield next(chunks(response))[:30_000]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "_chunks", interrupted)
        download(tmp_path, [good.url])
    assert {path.name for path in tmp_path.iterdir()} == {f"{FIRST}.part"}
    download(tmp_path, [good.url])
    assert good.requests[1] == (f"/{FIRST}", "bytes=30000-")
    assert_complete(tmp_path)


def test_the_built_in_mirrors_are_encrypted() -> None:
    assert len(MIRRORS) == 2
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in MIRRORS)


REAL = os.environ.get("MNIST_DIR", "")


@pytest.mark.skipif(not REAL, reason="MNIST_DIR is not set: no real MNIST to serve")
def test_the_real_files_have_the_hashes_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    mirror = Mirror()
    try:
        for name in FILES:
            path = Path(REAL) / f"{name}.gz"
            if not path.exists():
                pytest.skip(f"MNIST_DIR holds no {path.name}")
            mirror.files[f"/{name}.gz"] = path.read_bytes()
        download(tmp_path, [mirror.url])
    finally:
        mirror.close()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.gz" for name in FILES}
