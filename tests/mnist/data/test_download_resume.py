"""Downloads that were cut off or interrupted, and what becomes of the part that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.programs.mirrors import (  # noqa: F401  fixtures are asked for by name
    FIRST,
    WHOLE,
    Mirror,
    assert_complete,
    bad_mirror,
    failure,
    good_mirror,
    start_mirrors,
)

from mnist.data import download as module
from mnist.data.download import download


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


def test_an_interruption_leaves_a_part_to_resume(
    good: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, pieces = module._read, []

    def interrupted(response: Any) -> bytes:
        if pieces:
            raise KeyboardInterrupt
        pieces.append(read(response)[:30_000])
        return pieces[0]

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "_read", interrupted)
        download(tmp_path, [good.url])
    assert {path.name for path in tmp_path.iterdir()} == {f"{FIRST}.part"}
    download(tmp_path, [good.url])
    assert good.requests[1] == (f"/{FIRST}", "bytes=30000-")
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
