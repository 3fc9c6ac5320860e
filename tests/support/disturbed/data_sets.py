"""Data sets that moved, changed, went or are others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from support.disturbed.cases import case
from support.disturbed.scene import Scene, contents
from support.programs.idx_files import write_digits

from mnist.storage import checkpoints

_JUDGES = ("evaluate", "report", "compare")


@contextmanager
def own_data(scene: Scene) -> Iterator[tuple[Path, Path, Path]]:
    """A room, and in it a data set and the run of a training on it."""
    with scene.room() as room:
        data = shutil.copytree(scene.data, room / "own")
        scene.train("--out", room / "run", MNIST_DIR=str(data)).expect(0)
        yield room, data, room / "run"


def _compared(command: str, run: Path) -> tuple[Path, ...]:
    """What a judge is given: one run, or a pair to compare."""
    return (run, run) if command == "compare" else (run,)


def judged(scene: Scene, run: Path, *options: object, told: tuple[str, ...]) -> None:
    """All that judges the run refuses it with one line, and its bytes are what they were."""
    before = contents(run)
    for command in _JUDGES:
        scene.mnist(command, *_compared(command, run), *options).refused(*told)
    scene.train("--resume", run, *options).refused(*told)
    assert contents(run) == before


@case(
    "data sets",
    "another data set is in MNIST_DIR",
    "the run's own is used, from where it was",
    short=True,
)
def _(scene: Scene) -> None:
    with own_data(scene) as (room, _, run):
        (room / "other").mkdir()
        other = write_digits(room / "other", seed=9)
        before = contents(run)
        for command in _JUDGES:
            scene.mnist(command, *_compared(command, run), MNIST_DIR=str(other)).expect(0).orderly()
        scene.train("--resume", run, MNIST_DIR=str(other)).expect(0, "finished").orderly()
        assert contents(run) == before


@case("data sets", "another data set is named", "refused in a line; untouched", short=True)
def _(scene: Scene) -> None:
    with own_data(scene) as (room, _, run):
        (room / "other").mkdir()
        other = write_digits(room / "other", seed=9)
        judged(scene, run, "--data-dir", other, told=("another data set",))
        judged(scene, run, "--dataset", "drawn", told=("another data set", "drawn digits"))


@case("data sets", "one pixel changed", "refused in a line; untouched")
def _(scene: Scene) -> None:
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        with own_data(scene) as (_, data, run):
            content = bytearray((data / name).read_bytes())
            content[-1] = (content[-1] + 1) % 10
            (data / name).write_bytes(content)
            judged(scene, run, told=("another data set",))


@case(
    "data sets", "it is gone", "refused in a line that says how to name it; untouched", short=True
)
def _(scene: Scene) -> None:
    with own_data(scene) as (_, data, run):
        shutil.rmtree(data)
        judged(scene, run, told=("--data-dir",))


@case("data sets", "one of its files is gone", "refused in a line; untouched")
def _(scene: Scene) -> None:
    with own_data(scene) as (_, data, run):
        (data / "t10k-labels-idx1-ubyte").unlink()
        judged(scene, run, told=("t10k-labels-idx1-ubyte",))


@case("data sets", "it has moved", "refused until it is named; then as before")
def _(scene: Scene) -> None:
    with own_data(scene) as (room, data, run):
        moved = data.rename(room / "moved")
        judged(scene, run, told=("--data-dir",))
        for command in _JUDGES:
            scene.mnist(command, *_compared(command, run), "--data-dir", moved).expect(0).orderly()
        (run / "report.html").unlink()
        scene.train("--resume", run, "--data-dir", moved).expect(0).orderly()
        assert (run / "report.html").exists()


@case("data sets", "drawn digits, resumed and judged", "no flag need be repeated")
def _(scene: Scene) -> None:
    with scene.room() as room:
        for flag in ("--dataset", "drawn"), ("--dataset", "drawn", "--seed", "3"):
            run = room / flag[-1]
            scene.train(*flag, "--batch-size", 2000, "--checkpoint-every", 0, "--out", run).expect(
                0
            )
            (run / "last.ckpt").unlink()
            scene.train("--resume", run).expect(0, "drawn digits").orderly()
            scene.mnist("evaluate", run).expect(0, "drawn digits").orderly()


@case("data sets", "compared runs are of two", "refused in a line")
def _(scene: Scene) -> None:
    with scene.room() as room:
        (room / "other").mkdir()
        other = write_digits(room / "other", seed=9)
        scene.train("--out", room / "run", MNIST_DIR=str(other)).expect(0)
        scene.mnist("compare", scene.whole, room / "run").refused("another data set")


@case(
    "data sets",
    "weights whose training nobody knows",
    "judged on MNIST or what is named, never on drawn digits by themselves",
)
def _(scene: Scene) -> None:
    with scene.room() as room:
        weights = checkpoints.read(scene.whole / "last.ckpt")["model"]
        np.savez(room / "net.npz", **weights)
        scene.mnist("evaluate", room / "net.npz").expect(0, "IDX files").orderly()
        (room / "empty").mkdir()
        scene.mnist("evaluate", room / "net.npz", MNIST_DIR=str(room / "empty")).refused("lacks")
