"""Thousands of damaged checkpoints and weights: each is refused in the documented way or read as
what it says, in little memory and time, and nothing in it runs."""

from __future__ import annotations

import io
import json
import math
import pickle
import random
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs.checkpoint_files import parts_of, same, sealed_file, tree

from mnist.storage import checkpoints
from mnist.storage.npz import read_npz
from mnist.storage.reading import CheckpointError

Make = Callable[[random.Random, bytes], bytes]

# Python's objects for text of the same meaning; what is read in pieces has at least this size.
_FACTOR, _ROOM = 40, 1 << 18
_SECONDS = 1.0

INTERESTING = [0, 1, 2, 7, 8, 2**15, 2**31 - 1, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 10**12]


class Payload:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({self.path!r}, 'w').close()",)


# --- kinds of damage -----------------------------------------------------------------------------


def flipped(rng: random.Random, good: bytes) -> bytes:
    content = bytearray(good)
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def truncated(rng: random.Random, good: bytes) -> bytes:
    return good[: rng.randrange(len(good))]


def spliced(rng: random.Random, good: bytes) -> bytes:
    """A piece of it taken out, doubled, put elsewhere, or replaced by noise."""
    start, stop = sorted(rng.randrange(len(good) + 1) for _ in range(2))
    stop = min(stop, start + rng.choice([1, 8, 64, 10_000]))
    piece, rest = good[start:stop], good[:start] + good[stop:]
    place = rng.randrange(len(rest) + 1)
    insert = rng.choice([b"", piece, piece * 2, rng.randbytes(len(piece)), bytes(len(piece))])
    return rest[:place] + insert + rest[place:]


def resealed(change: Make) -> Make:
    """A damaged header or values under the right checksum, so that deeper checks are reached."""

    def make(rng: random.Random, good: bytes) -> bytes:
        header, values = parts_of(good)
        if rng.random() < 0.8:
            header = change(rng, header)
        else:
            values = change(rng, values)
        return sealed_file(header, values)

    return make


def mislabelled(rng: random.Random, good: bytes) -> bytes:
    """The length of the header, or sizes and types of arrays, claimed wrongly."""
    header, values = parts_of(good)
    if rng.random() < 0.2:
        length = rng.choice([*INTERESTING, rng.randrange(2**64)]) % 2**64
        return sealed_file(header, values, length=length)
    entries = json.loads(header)
    entry = rng.choice(entries["arrays"])
    sizes = [*INTERESTING, -1, 0.5, None, True, "1", [1], 10**30]
    if rng.random() < 0.3:
        entry[0] = rng.choice(
            ["|O", "<f8", ">i4", "|b1", "|V8", "<U9", "f4,f4", "", None, 8, ["<f4"]]
        )
    elif entry[1] and rng.random() < 0.7:
        entry[1][rng.randrange(len(entry[1]))] = rng.choice(sizes)
    else:
        entry[1] = [rng.choice(sizes) for _ in range(rng.choice([0, 1, 2, 5, 65, 1000]))]
    return sealed_file(json.dumps(entries).encode(), values)


def retold(rng: random.Random, good: bytes) -> bytes:
    """Another value of JSON somewhere in the header."""
    header, values = parts_of(good)
    entries = json.loads(header)
    holder, place = rng.choice(_places(entries))
    value = rng.choice(_VALUES)
    if isinstance(holder, dict) and rng.random() < 0.3:
        holder[rng.choice(["$array", "$int", "$float", "$eval", "$$", "__class__", ""])] = value
    else:
        holder[place] = value
    return sealed_file(json.dumps(entries).encode(), values)


_VALUES: list[Any] = [
    *[None, True, -1, 0.5, 10**39, 10**4000, float("nan"), float("inf"), "", "\ud800", [], {}],
    *[{"$array": n} for n in (0, 1, 2, -1, True, 0.0, 10**30, "0", None)],
    *[{"$int": n} for n in ("0x", "0xg", "-0x1", "0x" + "f" * 5000, "1", 1, " 0x1", "__import__")],
    *[{"$float": n} for n in ("7ff0000000000000", "nan", 0.0, "0" * 15, "g" * 16)],
    *[{"$pickle": "gASVCgAAAA=="}, {"__reduce__": ["os.system", "true"]}, {"$": {"$": {}}}],
]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a value of JSON."""
    found: list[tuple[Any, Any]] = []
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += _places(value[key])
    return found


def nested(rng: random.Random, good: bytes) -> bytes:
    depth = rng.choice([50, 90, 97, 98, 99, 100, 101, 150, 1000, 50_000])
    opening, closing = rng.choice([(b"[", b"]"), (b'{"a":', b"}"), (b'["]",', b"]")])
    inner = rng.choice([b"1", b"", b'"\\"]]"'])
    ends = closing * rng.choice([depth, depth, depth - 1, 0])
    return sealed_file(
        b'{"format":1,"arrays":[],"tree":{"a":' + opening * depth + inner + ends + b"}}"
    )


def crowded(rng: random.Random, good: bytes) -> bytes:
    """What takes the most memory for its text."""
    item = rng.choice(
        [b"[]", b"{}", b'{"":[]}', b'""', b"-0.5", b"1e-300", b"99999999999", b'"\\n"']
    )
    count = rng.choice([10, 1000, 20_000])
    return sealed_file(
        b'{"format":1,"arrays":[],"tree":{"a":[' + b",".join([item] * count) + b"]}}"
    )


CHECKPOINTS: dict[str, tuple[Make, int]] = {  # and how many of each
    "flipped": (flipped, 500),
    "truncated": (truncated, 300),
    "spliced": (spliced, 500),
    "flipped under the right checksum": (resealed(flipped), 900),
    "spliced under the right checksum": (resealed(spliced), 500),
    "truncated under the right checksum": (resealed(truncated), 200),
    "mislabelled": (mislabelled, 500),
    "retold": (retold, 500),
    "nested": (nested, 60),
    "crowded": (crowded, 40),
}


# --- the same for .npz ---------------------------------------------------------------------------


def weights(compressed: bool) -> bytes:
    rng = np.random.default_rng(1)
    file = io.BytesIO()
    arrays = {"0.weight": rng.standard_normal((4, 3)).astype(np.float32), "n": np.array(3)}
    arrays["f"] = np.asfortranarray(rng.integers(0, 9, (3, 5)))
    (np.savez_compressed if compressed else np.savez)(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def reheaded(rng: random.Random, good: bytes) -> bytes:
    """Arrays whose own headers claim wrongly, in a zip file that is right."""
    shapes = [*map(str, INTERESTING), "-1", "1.5", "4, 3", "0, 9223372036854775807", "None", "3L"]
    types = ["<f4", "|O", "<f8", "|V9", "<U3", ">i2", "|b1", "<g16", "', 'x': '", "<m8[s]"]
    orders = ["True", "False", "0"]
    header = rng.choice(
        [
            f"{{'descr': '{rng.choice(types)}', 'fortran_order': {rng.choice(orders)}, "
            f"'shape': ({rng.choice(shapes)},), }}",
            "(" * rng.choice([10, 9000]),
            "-" * 9000 + "1",
            "__import__('os').abort()",
            "{'descr': '<f4', 'shape': (__import__('os').abort(),), 'fortran_order': False}",
        ]
    )
    text = header.encode() + b" " * rng.randrange(64) + b"\n"
    length = rng.choice([len(text), len(text), len(text), 0, 65535])
    version = rng.choice([b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x04\x00"])
    width = 2 if version[0] == 1 else 4
    start = b"\x93NUMPY" + version + length.to_bytes(width, "little")
    body = rng.choice([b"", bytes(48), rng.randbytes(rng.randrange(200))])
    return zipped({"0.weight.npy": start + text + body}, rng.choice([0, 8]))


def zipped(members: dict[str, bytes], method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def bomb(rng: random.Random, good: bytes) -> bytes:
    size = rng.choice([1 << 21, 1 << 24])
    file = io.BytesIO()
    np.save(file, np.zeros(size, np.uint8))
    return zipped({f"{i}.npy": file.getvalue() for i in range(rng.choice([1, 3]))}, 8)


def claiming(rng: random.Random, good: bytes) -> bytes:
    """Sizes, offsets, flags and methods in the directory of the zip file, changed."""
    content = bytearray(good)
    marks = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"]
    found = [i for mark in marks for i in range(len(good)) if good.startswith(mark, i)]
    place = rng.choice(found) + rng.randrange(4, 46)
    width = rng.choice([1, 2, 4, 8])
    content[place : place + width] = (rng.choice(INTERESTING) % 256**width).to_bytes(
        width, "little"
    )
    return bytes(content[: len(good)])


ARCHIVES: dict[str, tuple[Make, int]] = {
    "flipped": (flipped, 500),
    "truncated": (truncated, 150),
    "spliced": (spliced, 300),
    "reheaded": (reheaded, 300),
    "claiming": (claiming, 500),
    "bomb": (bomb, 6),
}


# --- what all have to do -------------------------------------------------------------------------


def share(kinds: dict[str, tuple[Make, int]], divisor: int) -> list[tuple[Make, int]]:
    return [(make, -(-count // divisor)) for make, count in kinds.values()]


def hold(read: Callable[[Path], Any], content: bytes, path: Path, label: str) -> Any:
    """What is read from a file, None where it is refused; within its bounds of memory and time."""
    path.write_bytes(content)
    tracemalloc.reset_peak()
    before, started = tracemalloc.get_traced_memory()[0], time.process_time()
    found = None
    try:
        found = read(path)
    except CheckpointError as error:
        message = str(error)
        assert message.startswith(f"{path}: ") and len(message.splitlines()) == 1, label
        assert len(message) < len(str(path)) + 400, label
    seconds, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1] - before
    assert peak < _FACTOR * len(content) + _ROOM, f"{label}: {peak:,} bytes for {len(content):,}"
    assert seconds < _SECONDS, f"{label}: {seconds:.1f} s for {len(content):,} bytes"
    return found


def every(
    kinds: list[tuple[Make, int]],
    good: Callable[[random.Random], bytes],
    read: Callable[[Path], Any],
    check: Callable[[Any, bytes, str], None],
    folder: Path,
) -> int:
    """Read all files of these kinds; the number of those that were refused."""
    refused = 0
    tracemalloc.start()
    try:
        for make, count in kinds:
            for seed in range(count):
                rng = random.Random(f"{make.__qualname__} {count} {seed}")
                content = make(rng, good(rng))
                label = f"{make.__qualname__}, seed {seed}"
                found = hold(read, content, folder / "file", label)
                refused += found is None
                if found is not None:
                    check(found, content, label)
    finally:
        tracemalloc.stop()
    return refused


def fuzz_checkpoints(kinds: list[tuple[Make, int]], folder: Path) -> int:
    content = tree(np.random.default_rng(0))
    checkpoints.write(folder / "good", content)
    good = (folder / "good").read_bytes()
    assert same(checkpoints.read(folder / "good"), content)

    def check(found: Any, file: bytes, label: str) -> None:
        """What is read is what the file says: writing it gives the same again."""
        checkpoints.write(folder / "again", found)
        assert same(checkpoints.read(folder / "again"), found), label
        again = (folder / "again").read_bytes()
        headers = [json.loads(parts_of(content)[0]) for content in (file, again)]
        assert repr(plain(headers[0])) == repr(plain(headers[1])), label
        assert parts_of(file)[1] == parts_of(again)[1], label
        # Without the right checksum, only what is right is read.
        assert file == good or file[-32:] != good[-32:], label

    return every(kinds, lambda rng: good, checkpoints.read, check, folder)


def plain(value: Any) -> Any:
    """A value of JSON with numbers in one notation, with or without marks."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return hex(value)  # may stand there as a number, and is written with a mark
    if not isinstance(value, dict):
        return value
    if list(value) == ["$int"] and isinstance(value["$int"], str):
        return plain(int(value["$int"], 16))
    if list(value) == ["$float"]:
        (number,) = struct.unpack(">d", bytes.fromhex(value["$float"]))
        return number if math.isfinite(number) else value["$float"]
    return {name: plain(item) for name, item in value.items()}


def fuzz_archives(kinds: list[tuple[Make, int]], folder: Path) -> int:
    goods = [weights(False), weights(True)]
    (folder / "good").write_bytes(goods[0])
    right = read_npz(folder / "good")

    def check(found: Any, file: bytes, label: str) -> None:
        """CRC-32 guards what an array holds; names and what is where lie outside of it."""
        for array in found.values():
            assert isinstance(array, np.ndarray) and array.dtype.kind in "biuf", label
            if not label.startswith("reheaded"):
                assert any(same(array, known) for known in right.values()), label

    return every(kinds, lambda rng: rng.choice(goods), read_npz, check, folder)


def test_a_share_of_damaged_checkpoints(tmp_path: Path) -> None:
    assert fuzz_checkpoints(share(CHECKPOINTS, 20), tmp_path) > 100


def test_a_share_of_damaged_archives(tmp_path: Path) -> None:
    assert fuzz_archives(share(ARCHIVES, 10), tmp_path) > 80


@pytest.mark.slow
def test_all_damaged_checkpoints(tmp_path: Path) -> None:
    assert sum(count for _, count in CHECKPOINTS.values()) >= 3_400
    assert fuzz_checkpoints(share(CHECKPOINTS, 1), tmp_path) > 2_500


@pytest.mark.slow
def test_all_damaged_archives(tmp_path: Path) -> None:
    assert fuzz_archives(share(ARCHIVES, 1), tmp_path) > 800


@pytest.mark.parametrize("name", ["a.ckpt", "a.npz"])
def test_a_payload_does_not_run(name: str, tmp_path: Path) -> None:
    """Pickles that write a file when loaded, as such and within files of the right form."""
    proof = tmp_path / "proof"
    payload = pickle.dumps(Payload(proof))
    pickle.loads(payload)  # so it would
    assert proof.exists()
    proof.unlink()
    file = io.BytesIO()
    np.savez(file, x=np.array([Payload(proof)], dtype=object))
    code = f"open({str(proof)!r}, 'w')"
    member = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({code},), }}\n".encode()
    member = b"\x93NUMPY\x01\x00" + len(member).to_bytes(2, "little") + member
    contents = [
        payload,
        file.getvalue(),
        zipped({"x.npy": payload}, 0),
        zipped({"x.npy": member}, 0),
        b"PULLBACK" + payload,
        sealed_file(payload),
        sealed_file(code.encode()),
        sealed_file(b'{"format":1,"arrays":[["|O",[1]]],"tree":{"a":{"$array":0}}}', payload),
    ]
    read = checkpoints.read if name == "a.ckpt" else read_npz
    for content in contents:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError):
            read(tmp_path / name)
        assert not proof.exists()
