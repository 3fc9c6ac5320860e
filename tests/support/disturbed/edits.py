"""Files of a run that somebody or something changed: at least sixty edits of each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from support.disturbed.cases import CASES, Case
from support.disturbed.scene import REPORT, Result, Scene

import train
from mnist import commands
from mnist.storage import checkpoints

Edit = Callable[[Path], None]
LEAST = 60  # edits of each file

# What may stand where something else is expected, as JSON.
_VALUES = [
    "null", "true", "[]", "{}", '""', "-1", "0", "1.5", "1e999", "NaN", "-Infinity",
    "1" * 400, "1" * 5000, '"\\ud800"', '"\\u001b[31m\\u0007"', '"<script>"', '"a\\nb"',
    '"' + "x" * 2000 + '"', "[" * 200 + "]" * 200, '"nan"', "1e308", "-0.0", "2.0", '"../../etc"',
]  # fmt: skip


def _bytes(change: Callable[[bytes], bytes]) -> Edit:
    def edit(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return edit


def of_any_file() -> Iterator[tuple[str, Edit]]:
    """What may happen to a file of any kind."""
    yield "removed", Path.unlink
    for name, change in {
        "emptied": lambda b: b"",
        "cut to a byte": lambda b: b[:1],
        "cut in half": lambda b: b[: len(b) // 2],
        "without its last byte": lambda b: b[:-1],
        "one byte longer": lambda b: b + b"\0",
        "twice itself": lambda b: b + b,
        "zeros": lambda b: bytes(len(b)),
        "of another encoding": lambda b: b.decode("latin-1").encode("utf-16"),
        "no text": lambda b: b"\xff\xfe\x00\xd8",
        "with line ends of Windows": lambda b: b.replace(b"\n", b"\r\n"),
        "with a byte order mark": lambda b: b"\xef\xbb\xbf" + b,
        "a mebibyte of brackets": lambda b: b"[" * (1 << 20),
        "a first byte changed": lambda b: bytes([b[0] ^ 1]) + b[1:],
        "a middle byte changed": _middle_changed,
    }.items():
        yield name, _bytes(change)
    yield "a folder", _replaced(Path.mkdir)
    yield "a link to nothing", _replaced(lambda path: path.symlink_to("nowhere"))
    yield "a link to /dev/zero", _replaced(lambda path: path.symlink_to("/dev/zero"))
    yield "a pipe", _replaced(os.mkfifo)
    yield "a sparse gigabyte", _sparse


def _middle_changed(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 16]) + content[middle + 1 :]


def _replaced(make: Callable[[Path], object]) -> Edit:
    """Something else in the file's place."""

    def edit(path: Path) -> None:
        path.unlink()
        make(path)

    return edit


def _sparse(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1 << 30)


def _with(name: str, value: str) -> Edit:
    """One name of a JSON object with another value."""

    def edit(path: Path) -> None:
        facts = json.loads(path.read_text())
        facts[name] = "\0here"
        path.write_text(json.dumps(facts).replace('"\\u0000here"', value))

    return edit


def _without(name: str) -> Edit:
    """A JSON object without one of its names."""

    def edit(path: Path) -> None:
        facts = json.loads(path.read_text())
        del facts[name]
        path.write_text(json.dumps(facts))

    return edit


def of_config(facts: dict[str, Any]) -> Iterator[tuple[str, Edit]]:
    """config.json: each of its names with values that it may not have, taken in turn."""
    yield from of_any_file()
    for index, name in enumerate(facts):
        for step in range(4):
            value = _VALUES[(5 * index + 7 * step) % len(_VALUES)]
            yield f"{name} = {value[:20]}", _with(name, value)
        yield f"without {name}", _without(name)
    yield "an unknown name", _with("colour", '"red"')
    yield "a name with an escape", _with("\x1b[31m", "1")
    yield "a name twice", _bytes(lambda b: b.replace(b'"seed"', b'"lr": 0.1, "seed"', 1))
    yield "a later format", _with("format", "99")


def of_lines(names: list[str]) -> Iterator[tuple[str, Edit]]:
    """metrics.jsonl and times.jsonl: each name of the first line with values, taken in turn."""
    yield from of_any_file()
    for index, name in enumerate(names):
        for step in range(7 if len(names) > 3 else 20):
            value = _VALUES[(5 * index + step) % len(_VALUES)]

            def edit(path: Path, name: str = name, value: str = value) -> None:
                first, *rest = path.read_text().splitlines()
                facts = json.loads(first) | {name: "\0here"}
                text = json.dumps(facts).replace('"\\u0000here"', value)
                path.write_text("\n".join([text, *rest]) + "\n")

            yield f"{name} = {value[:20]}", edit
    yield "a line more", _bytes(lambda b: b + b"{}\n")
    yield "a line that is no object", _bytes(lambda b: b + b"3\n")
    yield "lines in another order", _bytes(lambda b: b"".join(b.splitlines(True)[::-1]))
    yield "a line less", _bytes(lambda b: b"".join(b.splitlines(True)[:-1]))


def of_checkpoint(tree: dict[str, Any]) -> Iterator[tuple[str, Edit]]:
    """A checkpoint: bytes, and then its content changed and signed anew."""
    yield from of_any_file()
    places = list(_places(tree))
    odd = [
        None, True, [], {}, "", -1, 0, 1.5, float("nan"), float("inf"), 10**400, "\x1b[31m",
        "\ud800", np.zeros(3, np.float32), np.full((2, 2), np.nan), "x" * 2000, 2**63,
    ]  # fmt: skip
    for index, place in enumerate(places):
        for step in range(2):
            value = odd[(3 * index + 5 * step) % len(odd)]
            yield f"{'.'.join(place)} = {value!r:.20}", _signed(place, value)
    yield "of another seed", _signed(("config", "seed"), 77)
    yield "of other data", _signed(("dataset", "data_sha256"), "0" * 64)
    yield "of a later format", _signed(("format",), 99)


def _places(tree: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if place:
        yield place
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _places(value, (*place, name))


def _signed(place: tuple[str, ...], value: Any) -> Edit:
    def edit(path: Path) -> None:
        tree = checkpoints.read(path)
        inner = tree
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
        checkpoints.write(path, tree)

    return edit


# --- what must hold ------------------------------------------------------------------------------


def _play(scene: Scene, file: str, edit: Edit) -> None:
    with scene.room() as room:
        run = scene.copy(room)
        edit(run / file)
        _judged(scene, run)
        _resumed(scene, run, file)


def _run_all(lines: list[list[object]]) -> Callable[[list[str]], int]:
    """Several programs one after the other in one process; a line of a mark before each."""

    def program(arguments: list[str]) -> int:
        for number, line in enumerate(lines):
            main = train.main if line[0] == "train" else commands.main
            given = line[1:] if line[0] == "train" else line
            code = main([str(argument) for argument in given])
            for stream in (sys.stdout, sys.stderr):
                print(f"\n== {number} {code}", file=stream, flush=True)
        return 0

    return program


def _results(result: Result) -> list[Result]:
    result.expect(0)
    outs, errs = (_parts(text) for text in (result.out, result.err))
    return [Result(code, out, err) for (out, code), (err, _) in zip(outs, errs, strict=True)]


def _parts(text: str) -> list[tuple[str, int]]:
    found, rest = [], text
    while "\n== " in rest:
        part, _, rest = rest.partition("\n== ")
        mark, _, rest = rest.partition("\n")
        found.append((part, int(mark.split()[1])))
    return found


def _judged(scene: Scene, run: Path) -> None:
    """Nothing is told of it that is not so, and nothing of it changes; but for its report."""
    before = _state(run)
    lines: list[list[object]] = [
        ["evaluate", run, "--json"],
        ["compare", scene.whole, run],
        ["evaluate", run / "last.ckpt", "--json"],
        ["report", run],
    ]
    results = _results(scene.start(_run_all(lines), []).end())
    for result in results:
        result.orderly()
    truth = json.loads(scene.mnist("evaluate", scene.whole, "--json").out)
    for result in (results[0], results[2]):
        if result.code == 0:
            told = json.loads(result.out)
            assert told["images"] == truth["images"] and 0 <= told["accuracy"] <= 1
    after = _state(run)
    before.pop(REPORT, None), after.pop(REPORT, None)
    assert after == before, "judging it changed it"


def _resumed(scene: Scene, run: Path, file: str) -> None:
    """It ends with the bytes of a run let be, or is refused in a line and stays as it is."""
    before = _state(run)
    result = scene.train("--resume", run).orderly()
    if result.code == 0:
        for name in ("config.json", "metrics.jsonl"):
            same = (run / name).read_bytes() == (scene.whole / name).read_bytes()
            assert same, f"{name} differs, and it was not refused"
        if file != "last.ckpt":
            assert (run / "last.ckpt").read_bytes() == (scene.whole / "last.ckpt").read_bytes()
        else:  # signed anew, with what another training might have had beside its weights
            states = (checkpoints.read(folder / file) for folder in (run, scene.whole))
            weights = [
                (s["metrics"], {n: w.tobytes() for n, w in s["model"].items()}) for s in states
            ]
            assert weights[0] == weights[1], "other weights, and it was not refused"
    else:
        after = _state(run)
        before.pop(REPORT, None), after.pop(REPORT, None)
        assert after == before, f"refused, and changed: {result.err}"


def _state(run: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(run.iterdir()):
        if path.is_file() and path.stat().st_size < 1 << 28:
            found[path.name] = path.resolve().name if path.is_symlink() else path.read_bytes()
        else:
            found[path.name] = path.stat(follow_symlinks=False).st_mode
    return found


def declare(scene: Scene) -> None:
    """The cases: at least sixty edits of each file."""
    facts = json.loads((scene.whole / "config.json").read_text())
    entry = json.loads((scene.whole / "metrics.jsonl").read_text().splitlines()[0])
    state = checkpoints.read(scene.whole / "last.ckpt")
    for file, edits in {
        "config.json": of_config(facts),
        "metrics.jsonl": of_lines(list(entry)),
        "times.jsonl": of_lines(["epoch", "seconds"]),
        "last.ckpt": of_checkpoint(state),
        "best.ckpt": of_checkpoint(state),
        REPORT: _of_report(),
    }.items():
        every = list(edits)
        assert len(every) >= LEAST or file == REPORT, f"{file}: {len(every)} edits"
        for number, (name, edit) in enumerate(every):
            CASES.append(
                Case(
                    f"edits of {file}",
                    name,
                    "judged rightly or refused in a line; --resume ends with the bytes of a run "
                    "let be, or is refused in a line and changes nothing",
                    lambda scene, file=file, edit=edit: _play(scene, file, edit),
                    short=number % 80 == 7,
                )
            )


def _of_report() -> Iterator[tuple[str, Edit]]:
    """Nobody reads it; it is only replaced."""
    for name, edit in of_any_file():
        if name not in ("a folder",):
            yield name, edit
