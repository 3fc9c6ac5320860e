"""Downloads that succeed: which files are fetched, in what form, and from which of the mirrors."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from support.programs.mirrors import (  # noqa: F401  fixtures are asked for by name
    FIRST,
    PACKED,
    Mirror,
    assert_complete,
    bad_mirror,
    dead_url,
    good_mirror,
    start_mirrors,
)

from mnist.data.download import FILES, MIRRORS, download


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


def test_a_chunked_body(good: Mirror, tmp_path: Path) -> None:
    good.chunked = True
    download(tmp_path, [good.url])
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
