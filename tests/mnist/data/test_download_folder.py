"""The folder of a download: what cannot be written to it, and when a file has its final name."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest
from support.programs.mirrors import (  # noqa: F401  fixtures are asked for by name
    PLAIN,
    Mirror,
    assert_complete,
    failure,
    good_mirror,
    start_mirrors,
)

from mnist.data.download import download


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
