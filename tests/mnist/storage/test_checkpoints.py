"""Checkpoints: every tree comes back, every other file is refused, none is half written."""

from __future__ import annotations

import enum
import hashlib
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.programs.checkpoint_files import from_parts, parts_of, same, sealed_file, tree

from mnist.storage import checkpoints
from mnist.storage.checkpoints import CheckpointError

Generator = np.random.Generator


def back(path: Path, content: Any) -> Any:
    checkpoints.write(path / "a.ckpt", content)
    return checkpoints.read(path / "a.ckpt")


def refusal(path: Path) -> str:
    """The message with which a file is refused, held to the promises made for all of them."""
    with pytest.raises(CheckpointError) as caught:
        checkpoints.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1 and len(message) < len(str(path)) + 300
    assert "; " in message and message[-1] not in ".;: "  # what to do stands at the end
    return message.removeprefix(f"{path}: ")


# --- what is written is read ---------------------------------------------------------------------


def test_a_tree_comes_back_to_the_bit(tmp_path: Path, rng: Generator) -> None:
    content = tree(rng)
    assert same(back(tmp_path, content), content)


@pytest.mark.parametrize(
    "value",
    [
        *[0, -1, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**5000, -(7**9999), True, False, None],
        *[0.0, -0.0, 0.1, 5e-324, 1.7976931348623157e308, 1e16, float("inf"), -float("inf")],
        *["", "$", "a\0b", '"\\', "\ud800", "\N{GRINNING FACE}", "x" * 100_000],
        *[[], {}, [[]], [{}], {"": {}}, {"$array": 0}, {"$int": "0x1"}, {"$": {"$$": 1}}],
        *[{"$array": 0, "b": 1}, {"a\nb": [1, [2.5, "c", None]]}],
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, int) else f"{value:x}"[:20],
)
def test_values_come_back_with_their_types(value: Any, tmp_path: Path) -> None:
    assert same(back(tmp_path, {"value": value}), {"value": value})


def test_nan_keeps_its_bits(tmp_path: Path) -> None:
    nans = np.array([0x7FF8000000000000, 0xFFF8000000000123], np.uint64).view(np.float64).tolist()
    assert same(back(tmp_path, {"nans": nans}), {"nans": nans})


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["b1", *[k + n for k in "iu" for n in "1248"], "f2", "f4", "f8"])
@pytest.mark.parametrize(
    "shape", [(), (0,), (3, 0, 2), (1,), (2, 3, 5), (1,) * 64], ids=lambda s: str(s)[:9]
)
def test_arrays_come_back_with_type_order_and_shape(
    order: str, kind: str, shape: tuple[int, ...], tmp_path: Path, rng: Generator
) -> None:
    dtype = np.dtype(order + kind)
    bits = rng.integers(0, 2 if kind == "b1" else 256, (math.prod(shape), dtype.itemsize), np.uint8)
    array = np.frombuffer(bits.tobytes(), dtype).reshape(shape)
    found = back(tmp_path, {"array": array})["array"]
    assert same(found, array)
    found[...] = 1  # may be written to
    assert (found == 1).all()


def test_any_layout_is_written_in_c_order(tmp_path: Path, rng: Generator) -> None:
    array = rng.standard_normal((4, 6, 5))
    views = {"f": np.asfortranarray(array), "t": array.T, "s": array[::2, ::-1, 1:3]}
    for found, view in zip(back(tmp_path, views).values(), views.values(), strict=True):
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, view)


def test_tuples_numpy_numbers_and_subclasses_come_back_as_pythons(tmp_path: Path) -> None:
    class Level(enum.IntEnum):
        HIGH = 3

    given = {
        "pair": (1, (2,)),
        "numbers": [np.float32(0.1), np.int64(-5), np.bool_(True), np.float64("inf")],
        "text": np.str_("a"),
        "level": Level.HIGH,
    }
    expected = {
        "pair": [1, [2]],
        "numbers": [float(np.float32(0.1)), -5, True, float("inf")],
        "text": "a",
        "level": 3,
    }
    assert same(back(tmp_path, given), expected)


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    trees = [tree(np.random.default_rng(3)) for _ in range(2)]
    (tmp_path / "elsewhere").mkdir()
    for path, content in zip(("a", "elsewhere/b"), trees, strict=True):
        checkpoints.write(tmp_path / path, content)
    first = (tmp_path / "a").read_bytes()
    assert first == (tmp_path / "elsewhere/b").read_bytes()
    checkpoints.write(tmp_path / "c", checkpoints.read(tmp_path / "a"))
    assert first == (tmp_path / "c").read_bytes()


def test_the_bytes_are_those_documented(tmp_path: Path) -> None:
    """The format is not to change unnoticed: files outlive versions."""
    content = {"a": np.arange(3, dtype=np.uint8), "n": 2**64, "x": float("inf"), "$": [1.5, None]}
    checkpoints.write(tmp_path / "a", content)
    header = (
        b'{"format":1,"arrays":[["|u1",[3]]],"tree":{"a":{"$array":0},'
        b'"n":{"$int":"0x10000000000000000"},"x":{"$float":"7ff0000000000000"},'
        b'"$$":[1.5,null]}}'
    )
    header += b" " * (-len(header) % 8)
    body = b"PULLBACK" + bytes([len(header), 0, 0, 0, 0, 0, 0, 0]) + header + b"\0\1\2\0\0\0\0\0"
    assert (tmp_path / "a").read_bytes() == body + hashlib.sha256(body).digest()


# --- what cannot be written ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({1, 2}, "type set at a.b"),
        (b"raw", "type bytes at a.b"),
        (1j, "type complex at a.b"),
        (np.array([None]), "array of object at a.b"),
        (np.array(["x"]), "array of <U1 at a.b"),
        (np.zeros(2, "M8[s]"), "array of datetime64"),
        (np.zeros(2, np.longdouble), "array of float128"),
        (np.zeros(2, [("x", "f4")]), "array of"),
        ({3: 4}, "name 3 at 'a.b'"),
        ([1, [object()]], "type object at 'a.b.1.0'"),
    ],
)
def test_other_things_are_refused_by_place(value: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError) as caught:
        checkpoints.write(tmp_path / "a.ckpt", {"a": {"b": value}})
    assert told.replace("at a.b", "at 'a.b'") in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_tree_is_a_dict_of_limited_depth_and_size(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    with pytest.raises(TypeError, match="of a dict, list given"):
        checkpoints.write(path, [1])  # type: ignore[arg-type]
    itself: dict[str, Any] = {}
    itself["x"] = itself
    with pytest.raises(ValueError, match=r"more than 96 deep given, at 'x\.x\.x\.x\.x'"):
        checkpoints.write(path, itself)
    with pytest.raises(ValueError, match="at most 16,777,216 possible"):
        checkpoints.write(path, {"x": "a" * (1 << 24)})
    assert not path.exists()
    deepest: Any = np.arange(3)
    for _ in range(95):
        deepest = [deepest]
    assert same(back(tmp_path, {"x": deepest}), {"x": deepest})


# --- what is refused -----------------------------------------------------------------------------


def test_every_bit_counts(tmp_path: Path, rng: Generator) -> None:
    path = tmp_path / "a.ckpt"
    checkpoints.write(path, {"a": rng.random(2), "b": [1, True, "c"]})
    good = path.read_bytes()
    for position in range(8 * len(good)):
        changed = bytearray(good)
        changed[position // 8] ^= 1 << position % 8
        path.write_bytes(changed)
        refusal(path)
    for length in range(len(good)):
        path.write_bytes(good[:length])
        refusal(path)
    path.write_bytes(good + b"\0")
    assert "is damaged or cut short" in refusal(path)


ONE = ([["<f8", [1]]], {"x": {"$array": 0}}, bytes(8))
BROKEN = {
    "no JSON": (sealed_file(b"{"), "JSON is broken"),
    "no object": (sealed_file(b"[1]"), "does not name its format"),
    "not UTF-8": (sealed_file(b'{"format":1,"arrays":[],"tree":{"a":"\xff"}}'), "not UTF-8"),
    "another format": (from_parts([], {}, format=2), "of format 2, 1 is known"),
    "format true": (from_parts([], {}, format=True), "of format True"),
    "more in the header": (from_parts([], {}, more=1), "header has"),
    "no tree": (from_parts([], []), "no list of arrays or no tree"),
    "twice": (sealed_file(b'{"format":1,"arrays":[],"tree":{"a":1,"a":2}}'), "'a' twice"),
    "NaN": (sealed_file(b'{"format":1,"arrays":[],"tree":{"a":NaN}}'), "NaN for a number"),
    "1e999": (sealed_file(b'{"format":1,"arrays":[],"tree":{"a":1e999}}'), "1e999 for a number"),
    "long number": (
        sealed_file(b'{"format":1,"arrays":[],"tree":{"a":' + b"9" * 100_000 + b"}}"),
        "a number of 100,000 digits",
    ),
    "deep": (
        sealed_file(b'{"format":1,"arrays":[],"tree":' + b"[" * 900_000 + b"]" * 900_000 + b"}"),
        "nested more than 100 deep",
    ),
    "deep behind strings": (
        sealed_file(b'{"format":1,"tree":["\\\\","\\"",' + b'{"a":' * 900_000 + b"1"),
        "nested more than 100 deep",
    ),
    "header beyond the end": (sealed_file(b"{}", length=1 << 20), "claims 1,048,576 bytes"),
    "huge header": (sealed_file(b"{}", length=2**64 - 8), "bytes, of 56 in all"),
    "unaligned header": (sealed_file(b"{}", length=5), "header claims 5 bytes"),
    "terabytes": (from_parts([["<f4", [10**12]]], ONE[1], bytes(8)), "go beyond its end"),
    "overflow": (from_parts([["<f8", [2**32, 2**32]]], ONE[1], bytes(8)), "impossible shape"),
    "nothing times huge": (from_parts([["<f8", [0, 2**40, 2**40]]], ONE[1]), "impossible shape"),
    "negative": (from_parts([["<f8", [-1]]], ONE[1], bytes(8)), "impossible shape [-1]"),
    "float for a size": (from_parts([["<f8", [1.0]]], ONE[1], bytes(8)), "impossible shape"),
    "true for a size": (from_parts([["<f8", [True]]], ONE[1], bytes(8)), "impossible shape"),
    "text for a shape": (from_parts([["<f8", "1"]], ONE[1], bytes(8)), "impossible shape"),
    "65 axes": (from_parts([["<f8", [1] * 65]], ONE[1], bytes(8)), "impossible shape"),
    "object": (from_parts([["|O", [1]]], ONE[1], bytes(8)), "unknown type '|O'"),
    "strings": (from_parts([["<U2", [1]]], ONE[1], bytes(8)), "unknown type"),
    "complex": (from_parts([["<c8", [1]]], ONE[1], bytes(8)), "unknown type"),
    "structured": (from_parts([[[["a", "<f8"]], [1]]], ONE[1], bytes(8)), "unknown type"),
    "names a type": (from_parts([["float64", [1]]], ONE[1], bytes(8)), "unknown type"),
    "no pair": (from_parts([["<f8"]], ONE[1], bytes(8)), "describes an array as"),
    "more than arrays": (from_parts(ONE[0], ONE[1], bytes(16)), "goes on for 8 bytes"),
    "padding": (from_parts([["|u1", [1]]], ONE[1], b"\0\0\0\0\0\0\0\1"), "between its arrays"),
    "truth of 2": (from_parts([["|b1", [1]]], ONE[1], b"\2" + bytes(7)), "neither 0 nor 1"),
    "unused array": (from_parts(ONE[0], {}, bytes(8)), "leaves arrays out"),
    "array twice": (from_parts(ONE[0], {"x": [{"$array": 0}] * 2}, bytes(8)), "{'$array': 0}"),
    "no such array": (from_parts([], {"x": {"$array": 0}}), "{'$array': 0}"),
    "array -1": (from_parts(ONE[0], {"x": {"$array": -1}}, bytes(8)), "{'$array': -1}"),
    "array false": (from_parts(ONE[0], {"x": {"$array": False}}, bytes(8)), "$array"),
    "array as tree": (from_parts(ONE[0], {"$array": 0}, bytes(8)), "its tree is no dict"),
    "unknown mark": (from_parts([], {"x": {"$eval": "1+1"}}), "{'$eval': '1+1'}"),
    "marks": (from_parts([], {"x": {"$int": "0x1", "$float": "0" * 16}}), "the name '$int'"),
    "decimal": (from_parts([], {"x": {"$int": "123"}}), "{'$int': '123'}"),
    "underscores": (from_parts([], {"x": {"$int": "0x1_0"}}), "$int"),
    "line": (from_parts([], {"x": {"$int": "0x1\n"}}), "$int"),
    "few bits": (from_parts([], {"x": {"$float": "7ff"}}), "{'$float': '7ff'}"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_wrong_header_with_the_right_checksum_is_refused(case: str, tmp_path: Path) -> None:
    content, told = BROKEN[case]
    path = tmp_path / "a.ckpt"
    path.write_bytes(content)
    assert told in refusal(path)


def test_one_made_by_hand_is_read(tmp_path: Path) -> None:
    """So that the cases above are refused for what they say, not for how they are made."""
    (tmp_path / "a").write_bytes(from_parts(*ONE))
    assert same(checkpoints.read(tmp_path / "a"), {"x": np.zeros(1)})


def test_other_files_are_refused_by_their_start(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    path.write_bytes(b"")
    assert refusal(path).startswith("is empty and is no checkpoint")
    path.write_bytes(b"\x80\x04\x95" + bytes(100))
    assert refusal(path).startswith("starts with 80 04 95 00")
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of zeros that takes no room on the disk
    assert refusal(path).startswith("starts with 00")


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "is a device or pipe" in refusal(tmp_path / "pipe")
    assert "is a device or pipe" in refusal(Path("/dev/zero"))
    (tmp_path / "link").symlink_to("/dev/zero")
    assert "is a device or pipe" in refusal(tmp_path / "link")
    assert refusal(tmp_path / "none") == "no such file; check the name"
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert "Too many levels of symbolic links" in refusal(tmp_path / "round")


def test_a_pipe_that_takes_the_files_place_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ckpt"
    checkpoints.write(path, {})
    os_open = os.open

    def replaced(*args: Any) -> int:
        path.unlink()
        os.mkfifo(path)
        return os_open(*args)

    monkeypatch.setattr(os, "open", replaced)
    assert "is a device or pipe" in refusal(path)


@pytest.mark.parametrize("moment", ["before", "within", "grown"])
def test_a_file_that_changes_while_it_is_read(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: Generator
) -> None:
    path = tmp_path / "a.ckpt"
    checkpoints.write(path, {"x": rng.random(500_000)})
    fstat, size = os.fstat, path.stat().st_size
    cut = {"before": 0, "within": size // 2, "grown": size + 1}[moment]
    calls = []

    def then_changed(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        calls.append(found)
        if len(calls) == 2:  # its size has been noted
            os.truncate(path, cut)
        return found

    monkeypatch.setattr(os, "fstat", then_changed)
    message = refusal(path)
    assert len(calls) == 2
    assert message.startswith("is empty" if moment == "before" else "changed while it was read")


def test_a_file_that_is_replaced_while_it_is_read_is_one_or_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ckpt"
    old, new = ({"x": np.full(300_000, value)} for value in (1, 2))
    checkpoints.write(path, old)
    fstat = os.fstat

    def replaced(descriptor: int) -> os.stat_result:
        monkeypatch.setattr(os, "fstat", fstat)
        checkpoints.write(path, new)
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", replaced)
    assert same(checkpoints.read(path), old)
    assert same(checkpoints.read(path), new)


def test_parts_made_by_hand_are_those_of_the_file(tmp_path: Path, rng: Generator) -> None:
    checkpoints.write(tmp_path / "a", tree(rng))
    good = (tmp_path / "a").read_bytes()
    assert sealed_file(*parts_of(good)) == good
