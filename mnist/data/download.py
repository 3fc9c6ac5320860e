"""Fetching the four MNIST files, resumable and checked, with the standard library's urllib.

A file gets its final name only once the SHA-256 of its decompressed bytes is right, so that
whatever lies under a final name is whole. What has arrived before an interruption stays beside it
as NAME.gz.part, and the next attempt asks only for the rest.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

from mnist.data.files import alone_in, shown
from mnist.data.idx import DataError, decompressed

# SHA-256 of the decompressed bytes: a mirror may well compress the same data in another way.
FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT = 10.0
REMEDY = (
    "put the four .gz files of MNIST in a folder and name it with --data-dir FOLDER "
    "or the environment variable MNIST_DIR"
)
# Well above the largest file (9.9 MB; 47 MB decompressed), well below what would fill a disk.
_MAX_BYTES = 16 << 20
_MAX_PLAIN_BYTES = 64 << 20
_CHUNK = 1 << 16


class DownloadError(OSError):
    """MNIST cannot be downloaded.

    The message is one line: the file, what went wrong with each mirror, and what to do.
    `brief` is what went wrong alone, to be quoted in other messages.
    """

    def __init__(self, message: str, brief: str) -> None:
        super().__init__(message)
        self.brief = brief


class _MirrorError(Exception):
    """One mirror failed, for the reason in the message; another may do better."""


def download(
    folder: str | Path, mirrors: Sequence[str] = MIRRORS, timeout: float = TIMEOUT
) -> Path:
    """Fetch those of the four .gz files that `folder` lacks, and return the folder.

    The folder is made if need be. For each file the mirrors are tried in turn; `timeout` is in
    seconds, for each connection and each read. Progress goes to stderr if that is a terminal.
    Raises `DownloadError` when no mirror delivers a file or it cannot be stored.
    """
    folder = Path(folder)
    order = list(mirrors)
    made = not folder.exists()
    try:
        # Two writers to one .part would spoil it, or write on under the final name.
        with alone_in(folder, wait=True):
            for name in FILES:
                if (folder / f"{name}.gz").exists():
                    continue
                mirror = _fetch(name, folder, order, timeout)
                # The next file starts where this one succeeded: a dead mirror costs its timeout
                # once, not four times.
                order.remove(mirror)
                order.insert(0, mirror)
    except DownloadError:
        if made:
            with suppress(OSError):
                folder.rmdir()  # if it is empty: an offline start leaves nothing behind
        raise
    except OSError as error:
        brief = f"cannot write to {shown(folder)}: {error.strerror or type(error).__name__}"
        raise DownloadError(f"{brief}; make room or access there, or {REMEDY}", brief) from error
    return folder


def _fetch(name: str, folder: Path, mirrors: Sequence[str], timeout: float) -> str:
    """Fetch one file and return the mirror that delivered it."""
    part = folder / f"{name}.gz.part"
    failures = []
    for mirror in mirrors:
        try:
            _fetch_from(f"{mirror.rstrip('/')}/{name}.gz", part, FILES[name], timeout)
        except _MirrorError as failure:
            failures.append(f"{_host(mirror)}: {failure}")
        else:
            os.replace(part, folder / f"{name}.gz")
            return mirror
    brief = "; ".join(failures) or "no mirror given"
    raise DownloadError(f"cannot download {name}.gz ({brief}): {REMEDY}", brief)


def _fetch_from(url: str, part: Path, sha256: str, timeout: float) -> None:
    """Bring `part` to the whole, right file, or raise `_MirrorError`."""
    resumed = _transfer(url, part, timeout)
    if not _is_right(part, sha256):
        part.unlink()
        # The wrong bytes may be the older ones, for which this mirror is not to blame.
        if resumed:
            _fetch_from(url, part, sha256, timeout)
        else:
            raise _MirrorError("wrong content (SHA-256)")


def _transfer(url: str, part: Path, timeout: float) -> bool:
    """Append what `part` lacks (True), or write it anew where the mirror cannot resume (False)."""
    have = part.stat().st_size if part.exists() else 0
    try:
        response = _request(url, have, timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # the part is as long as the file or longer
            return True
        raise _MirrorError(f"HTTP {error.code}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _MirrorError(_reason(error)) from error
    with response:
        sent = response.headers.get("Content-Range", "")
        resumed = response.status == 206 and have > 0 and sent.startswith(f"bytes {have}-")
        if response.status != 200 and not resumed:
            raise _MirrorError(f"HTTP {response.status}")
        have = have if resumed else 0
        total = None if response.length is None else have + response.length
        if total is not None and total > _MAX_BYTES:
            raise _MirrorError(f"too large ({total:,} bytes)")
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(
                total=total,
                initial=have,
                desc=part.stem,
                unit="B",
                unit_scale=True,
                disable=None,
            ) as bar,
        ):
            while chunk := _read(response):
                have += len(chunk)
                if have > _MAX_BYTES:
                    break
                file.write(chunk)
                bar.update(len(chunk))
            file.flush()
            os.fsync(file.fileno())
    if have > _MAX_BYTES:
        part.unlink()
        raise _MirrorError(f"too large (more than {_MAX_BYTES:,} bytes)")
    if total is not None and have < total:
        raise _MirrorError(f"cut off after {have:,} of {total:,} bytes")
    return resumed


def _request(url: str, start: int, timeout: float) -> http.client.HTTPResponse:
    headers = {"Range": f"bytes={start}-"} if start else {}
    request = urllib.request.Request(url, headers=headers)
    response = urllib.request.urlopen(request, timeout=timeout)
    if not isinstance(response, http.client.HTTPResponse):
        response.close()
        raise ValueError("not an http or https address")
    return response


def _read(response: http.client.HTTPResponse) -> bytes:
    """A piece of the body; failures of the network, and only these, come out as `_MirrorError`."""
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _MirrorError(_reason(error)) from error


def _is_right(part: Path, sha256: str) -> bool:
    digest = hashlib.sha256()
    size = 0
    try:
        with decompressed(part, gzip_only=True) as stream:
            while size <= _MAX_PLAIN_BYTES and (chunk := stream.read(_CHUNK)):
                digest.update(chunk)
                size += len(chunk)
    except DataError:
        return False
    return digest.hexdigest() == sha256


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "timed out"
    if isinstance(cause, socket.gaierror):
        return "host name not found"
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return shown(" ".join(text.split()))


def _host(mirror: str) -> str:
    return urlsplit(mirror).netloc.rpartition("@")[2] or mirror
