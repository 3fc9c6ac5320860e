"""The IDX reader against files made by hand: what is right is read, all else is refused."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import socket
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs.fuzzing import damaged
from support.programs.idx_files import (  # noqa: F401  a fixture is asked for by name
    header,
    put_file,
    refusal,
)

from mnist.data.idx import DataError, read_idx, read_images, read_labels, sha256

IMAGES = bytes(i % 251 for i in range(3 * 784))
IMAGE_FILE = struct.pack(">4B3I", 0, 0, 8, 3, 3, 28, 28) + IMAGES
LABEL_FILE = struct.pack(">4BI", 0, 0, 8, 1, 5) + bytes([5, 0, 4, 1, 9])


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("name", ["plain-name", "name.idx3-ubyte"])
def test_images_and_labels_are_read_by_content_not_by_name(
    put: Any, compress: Any, name: str
) -> None:
    images = read_images(put(compress(IMAGE_FILE), name))
    assert images.dtype == np.uint8 and images.shape == (3, 28, 28)
    assert images.tobytes() == IMAGES
    assert images[1, 2, 3] == (784 + 2 * 28 + 3) % 251
    labels = read_labels(put(compress(LABEL_FILE), name))
    assert labels.dtype == np.uint8 and labels.tolist() == [5, 0, 4, 1, 9]


def test_what_is_read_may_be_written_to(put: Any) -> None:
    images = read_images(put(gzip.compress(IMAGE_FILE), "images.gz"))
    images[0, 0, 0] = 77
    assert images[0, 0, 0] == 77


def test_a_str_serves_as_a_path(put: Any) -> None:
    assert read_labels(str(put(LABEL_FILE))).tolist() == [5, 0, 4, 1, 9]


@pytest.mark.parametrize(
    ("code", "letter", "dtype", "values"),
    [
        (0x08, "B", np.uint8, [0, 1, 255]),
        (0x09, "b", np.int8, [-128, 0, 127]),
        (0x0B, "h", np.int16, [-32768, 258, 32767]),
        (0x0C, "i", np.int32, [-(2**31), 16909060, 2**31 - 1]),
        (0x0D, "f", np.float32, [-1.5, 0.0, 2.0**100]),
        (0x0E, "d", np.float64, [-1.1, 1e300, 3.25]),
    ],
)
def test_all_six_types(put: Any, code: int, letter: str, dtype: Any, values: list[Any]) -> None:
    content = struct.pack(f">4B2I3{letter}", 0, 0, code, 2, 1, 3, *values)
    array = read_idx(put(content))
    assert array.dtype == dtype and array.dtype.isnative
    assert array.tolist() == [values]


@pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (2, 0, 3)])
def test_empty_arrays(put: Any, shape: tuple[int, ...]) -> None:
    n = len(shape)
    assert read_idx(put(struct.pack(f">4B{n}I", 0, 0, 8, n, *shape))).shape == shape


def test_several_gzip_members_are_one_file(put: Any) -> None:
    # RFC 1952 lets gzip files be joined end to end.
    content = gzip.compress(LABEL_FILE[:6]) + gzip.compress(LABEL_FILE[6:])
    assert read_labels(put(content)).tolist() == [5, 0, 4, 1, 9]


REFUSED: dict[str, tuple[Any, bytes, str]] = {
    "short of labels": (
        read_labels,
        header(60_000) + bytes(59_000),
        "holds 59,000 labels (59,000 bytes) where its header promises 60,000 (60,000 bytes); "
        "the file is cut short: delete it and download it again",
    ),
    "short of images": (
        read_images,
        header(4, 28, 28) + bytes(3 * 784 + 5),
        "holds 3 images (2,357 bytes) where its header promises 4 (3,136 bytes); "
        "the file is cut short",
    ),
    "short of values": (
        read_idx,
        header(2, 3, code=0x0C) + bytes(23),
        "holds 1 items (23 bytes) where its header promises 2 (24 bytes)",
    ),
    "no body": (read_images, header(4, 28, 28), "holds 0 images (0 bytes)"),
    "one byte more": (
        read_labels,
        LABEL_FILE + b"\0",
        "goes on after the 5 labels (5 bytes) that its header promises; delete it",
    ),
    "more though empty": (read_idx, header(0) + b"x", "goes on after the 0 items (0 bytes)"),
    "magic cut": (read_images, b"\0\0\x08", "ends after 3 bytes where an IDX header starts with 4"),
    "sizes cut": (
        read_images,
        IMAGE_FILE[:13],
        "ends after 13 bytes where its header alone takes 16; the file is cut short",
    ),
    "text": (
        read_idx,
        b"<html><body>404",
        "starts with 3c 68 74 6d where an IDX file starts with 00 00 and a type of 08",
    ),
    "not two zeros": (read_idx, b"\0\1" + LABEL_FILE[2:], "starts with 00 01 08 01"),
    "unknown type": (read_idx, bytes([0, 0, 0x0A, 1, 0, 0, 0, 0]), "starts with 00 00 0a 01"),
    "text for images": (
        read_images,
        b"<html><body>404",
        "starts with 3c 68 74 6d where a file of images starts with 00 00 08 03 "
        "(uint8, 3 dimensions: N x 28 x 28)",
    ),
    "labels for images": (read_images, LABEL_FILE, "starts with 00 00 08 01 where a file of imag"),
    "images for labels": (
        read_labels,
        IMAGE_FILE,
        "starts with 00 00 08 03 where a file of labels starts with 00 00 08 01 "
        "(uint8, 1 dimensions: N); it is no file of labels",
    ),
    "floats for images": (read_images, header(1, 28, 28, code=0x0D) + bytes(3136), "00 00 0d 03"),
    "other image size": (
        read_images,
        header(2, 32, 28) + bytes(2 * 32 * 28),
        "holds images of 32 x 28 where 28 x 28 are expected",
    ),
    "label above 9": (
        read_labels,
        header(4) + bytes([0, 9, 10, 200]),
        "label 10 at index 2 where labels are 0 to 9",
    ),
    "no dimension": (read_idx, header() + b"\1", "has 0 dimensions where 1 to 64 are possible"),
    "65 dimensions": (read_idx, header(*[1] * 65) + b"\1", "has 65 dimensions where 1 to 64"),
    "product overflows": (
        read_idx,
        header(*[2**32 - 1] * 3),
        "its header claims the impossible size 4,294,967,295 x 4,294,967,295 x 4,294,967,295 ",
    ),
    "product overflows beside 0": (read_idx, header(0, *[2**32 - 1] * 3), "the impossible size 0 "),
    "petabytes": (
        read_idx,
        header(2**20, 2**30) + bytes(100),
        "holds 0 items (100 bytes) where its header promises 1,048,576 "
        "(1,125,899,906,842,624 bytes)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_plain(put: Any, case: str) -> None:
    read, content, expected = REFUSED[case]
    assert expected in refusal(read, put(content))


@pytest.mark.parametrize("case", REFUSED)
def test_refused_compressed(put: Any, case: str) -> None:
    read, content, expected = REFUSED[case]
    assert expected in refusal(read, put(gzip.compress(content), "some-file.gz"))


def test_gzip_in_gzip(put: Any) -> None:
    path = put(gzip.compress(gzip.compress(IMAGE_FILE)), "images.gz")
    assert "starts with 1f 8b 08 00 where a file of images" in refusal(read_images, path)


def test_empty_files(put: Any) -> None:
    for name in ("images", "images.gz"):
        assert "is empty (0 bytes); delete it" in refusal(read_images, put(b"", name))
    assert "is empty once decompressed" in refusal(read_idx, put(gzip.compress(b"")))


def test_cut_gzip(put: Any) -> None:
    whole = gzip.compress(IMAGE_FILE, mtime=0)
    for end in range(2, len(whole), 7):
        message = refusal(read_images, put(whole[:end], "images.gz"))
        assert "its gzip stream is cut short; delete it and download it again" in message


def test_wrong_checksum(put: Any) -> None:
    whole = bytearray(gzip.compress(IMAGE_FILE))
    whole[-8] ^= 1
    assert "is damaged gzip (CRC check failed" in refusal(read_images, put(bytes(whole)))


def test_damaged_deflate_stream(put: Any) -> None:
    whole = bytearray(gzip.compress(IMAGE_FILE))
    whole[10] |= 0b110  # block type 3, which deflate does not have
    assert "is damaged gzip (Error -3 " in refusal(read_images, put(bytes(whole)))


def test_rubbish_after_gzip(put: Any) -> None:
    message = refusal(read_images, put(gzip.compress(IMAGE_FILE) + b"rubbish"))
    assert "is damaged gzip (Not a gzipped file" in message


def test_not_gzip_though_named_so(put: Any) -> None:
    message = refusal(read_images, put(b"<html>", "images.gz"))
    assert message == (
        "starts with 3c 68 74 6d where a gzip file starts with 1f 8b; "
        "delete it and download it again"
    )
    message = refusal(read_images, put(IMAGE_FILE, "images.gz"))
    assert message.endswith("if it is already decompressed, take .gz off its name")


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    assert "is a folder where a file is expected" in refusal(read_images, tmp_path)
    assert "no such file" in refusal(read_images, tmp_path / "absent")


def test_a_pipe_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if sys.platform == "win32":
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")  # the whole path may be too long
        for path in (tmp_path / "pipe", tmp_path / "socket", Path("/dev/zero")):
            for read in (read_images, read_labels, read_idx):
                assert "is a device or pipe" in refusal(read, path)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            PermissionError(13, "Permission denied"),
            "cannot be read (Permission denied); make it readable",
        ),
        (OSError(5, "Input/output error"), "cannot be read (Input/output error); check the disk"),
    ],
)
def test_files_that_do_not_open(
    put: Any, monkeypatch: pytest.MonkeyPatch, error: OSError, expected: str
) -> None:
    # Acted, as the superuser may read whatever chmod forbids.
    path = put(IMAGE_FILE)

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(os, "open", refuse)
    assert expected in refusal(read_images, path)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_no_permission(put: Any) -> None:
    path = put(IMAGE_FILE)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    assert "cannot be read (Permission denied); make it" in refusal(read_images, path)


@pytest.mark.skipif(os.name != "posix", reason="file names with line breaks are POSIX's")
def test_a_line_break_in_the_name_does_not_break_the_message(put: Any) -> None:
    with pytest.raises(DataError) as caught:
        read_images(put(b"", "two\nlines"))
    assert "two\\nlines: is empty" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_sha256_of_the_array_is_that_of_its_file(put: Any) -> None:
    images, labels = read_images(put(IMAGE_FILE)), read_labels(put(LABEL_FILE))
    assert sha256(images) == hashlib.sha256(IMAGE_FILE).hexdigest()
    assert sha256(labels) == hashlib.sha256(LABEL_FILE).hexdigest()
    turned = np.asfortranarray(images)  # the order in memory is none of the file's business
    assert sha256(turned) == hashlib.sha256(IMAGE_FILE).hexdigest()


CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}


def test_mutated_files_are_refused_or_read_right(put: Any) -> None:
    rng = random.Random(20)
    files = [IMAGE_FILE, LABEL_FILE]
    sources = [*files, *(gzip.compress(file, mtime=0) for file in files)]
    outcomes = {"refused": 0, "read": 0}
    for turn in range(2_000):
        content = damaged(sources[turn % 4], rng)
        path = put(content, f"{turn}")
        for read in (read_idx, read_images, read_labels):
            try:
                array = read(path)
            except DataError as error:
                assert len(str(error).splitlines()) == 1
                outcomes["refused"] += 1
            else:
                plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
                shape = struct.unpack_from(f">{plain[3]}I", plain, 4)
                assert array.shape == shape
                assert CODES[array.dtype.name] == plain[2]
                assert read is not read_labels or array.max(initial=0) <= 9
                big_endian = array.astype(array.dtype.newbyteorder(">"))
                assert big_endian.tobytes() == plain[4 + 4 * len(shape) :]
                outcomes["read"] += 1
    assert outcomes["refused"] > 3_000 and outcomes["read"] > 150
