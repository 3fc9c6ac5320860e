"""What is measured, under which name, and what is wanted of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import epoch_data
from benchmarks.measure import Effort, Request, Row, Rows, afresh, in_turn
from benchmarks.sides import OURS, REFERENCE, Side

BOTH = (OURS, REFERENCE)
MILLISECONDS, MICROSECONDS, MEGABYTES = 1e3, 1e6, 1e-6
LINKS = 1000


@dataclass(frozen=True)
class Settings:
    """What to measure, and how.

    Args:
        sides: those to measure, where a benchmark has them.
        threads: of each side, and cores.
        quick: whether everything need only be run through, small and short, as a test does.
    """

    sides: Sequence[str]
    threads: int
    quick: bool = False

    def of(self, sides: Sequence[str]) -> list[str]:
        return [side for side in sides if side in self.sides]

    def effort(self, rounds: int, seconds: float = 0.5, runs: int = 50) -> Effort:
        return Effort(2, 0.0, 3) if self.quick else Effort(rounds, seconds, runs)


@dataclass
class Result:
    """What one benchmark found.

    Args:
        unit, scale: what figures times scale are.
        rows: a row for every side; for growth, see `points`.
        ratios: at most so many times the figure of a side is wanted of ours.
        limit: at most so much is wanted of ours in `unit`; for growth, of the time per unit's
            largest over its smallest.
        points: growth only: the sizes, and the rows at each.
        note: what else to know.
    """

    name: str
    title: str
    unit: str
    scale: float
    rows: Rows = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)
    limit: float | None = None
    points: list[tuple[int, Rows]] = field(default_factory=list)
    note: str = ""

    def every_row(self) -> list[Row]:
        return [
            row for rows in [self.rows, *(rows for _, rows in self.points)] for row in rows.values()
        ]


def w1(settings: Settings) -> Result:
    sides = (*BOTH, "jax", "hips", "mygrad", "tinygrad")
    wanted = {REFERENCE: 0.6, "hips": 0.07, "mygrad": 0.07}
    rows = _timed(settings, sides, Request("step", {"network": "w1"}))
    return Result("w1", "W1 training step, batch 64", "ms", MILLISECONDS, rows, wanted)


def w2(settings: Settings) -> Result:
    batch = 8 if settings.quick else 64
    request = Request("step", {"network": "w2", "batch": batch})
    rows = _timed(settings, (*BOTH, "jax", "tinygrad"), request)
    title = f"W2 training step, batch {batch}"
    return Result("w2", title, "ms", MILLISECONDS, rows, {REFERENCE: 1.0})


def inference(settings: Settings) -> Result:
    images, batch = (200, 100) if settings.quick else (10_000, 1000)
    request = Request("inference", {"images": images, "batch": batch})
    rows = _timed(settings, BOTH, request, rounds=7)
    title = f"Inference of {images:,} images, deep model"
    return Result("inference", title, "s", 1.0, rows, {REFERENCE: 1.0})


def epoch(settings: Settings) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        name, images = epoch_data.prepare(Path(folder), small=settings.quick)

        def look(side: str) -> tuple[float, list[list[float]]]:
            started = time.perf_counter()
            with Side(side, settings.threads) as process:
                arguments = {"folder": folder, "settings": epoch_data.SETTINGS}
                answer = process.ask("epoch", arguments, 1)
            return time.perf_counter() - started, answer["numbers"]

        # A thousand steps magnify rounding: the losses then agree to a percent or two.
        rounds, tolerance = (1, 1e-2) if settings.quick else (5, 5e-2)
        rows = afresh(settings.of(BOTH), look, rounds, tolerance)
    title = f"W1 epoch of {images:,} images, augmented, and evaluation, whole process"
    wanted = {REFERENCE: 0.6}
    return Result("epoch", title, "s", 1.0, rows, wanted, note=f"data: {name}")


def tiny(settings: Settings) -> Result:
    return _tiny(settings, "tiny", [4, 4], "a 4x4 tensor")


def scalar(settings: Settings) -> Result:
    return _tiny(settings, "scalar", [], "a tensor without axes")


def _tiny(settings: Settings, name: str, shape: list[int], words: str) -> Result:
    request = Request("chain", {"length": LINKS, "shape": shape})
    rows = _timed(settings, (*BOTH, "hips", "mygrad"), request)
    title = f"One op on {words}, forward and backward, of {LINKS:,} multiply-adds"
    return Result(name, title, "µs", MICROSECONDS / (2 * LINKS), rows, {REFERENCE: 0.5})


def imports(settings: Settings) -> Result:
    compiled: set[str] = set()

    def look(side: str) -> tuple[float, list[list[float]]]:
        if side not in compiled:  # to bytecode, which is done once where a library is installed
            Side(side, settings.threads).close()
            compiled.add(side)
        with Side(side, settings.threads) as process:
            return process.hello["import_seconds"], []

    rows = afresh(settings.of(BOTH), look, 1 if settings.quick else 11)
    return Result("import", "Import, over NumPy's own", "s", 1.0, rows, limit=0.1)


def memory(settings: Settings) -> Result:
    batch = 8 if settings.quick else 64

    def look(side: str) -> tuple[float, list[list[float]]]:
        with Side(side, settings.threads) as process:
            answer = process.ask("step", {"network": "w2", "batch": batch}, 3)
            return answer["peak_bytes"] - process.hello["peak_bytes"], answer["numbers"]

    rows = afresh(settings.of(BOTH), look, 1 if settings.quick else 5)
    title = f"Peak memory of W2 steps, batch {batch}, over that after the import"
    return Result("memory", title, "MB", MEGABYTES, rows, {REFERENCE: 1.2})


def gradcheck(settings: Settings) -> Result:
    batch = 2 if settings.quick else 8
    rows = _timed(settings, (OURS,), Request("gradcheck", {"batch": batch}), rounds=5)
    return Result("gradcheck", f"gradcheck of the basic CNN, batch {batch}", "s", 1.0, rows)


def growth_batch(settings: Settings) -> Result:
    sizes = [8, 16] if settings.quick else [16, 32, 64, 128, 256, 512, 1024]
    title, unit = "W1 step, by batch", "µs an image"

    def request(batch: int) -> Request:
        return Request("step", {"network": "w1", "batch": batch})

    return _growth(settings, "growth-batch", title, unit, sizes, request)


def growth_width(settings: Settings) -> Result:
    sizes = [2, 4] if settings.quick else [8, 16, 32, 64, 128]
    title, unit = "W1 step, by width", "µs a channel"

    def request(width: int) -> Request:
        return Request("step", {"network": "w1", "width": width})

    # No limit: a wider product is cheaper by the channel.
    return _growth(settings, "growth-width", title, unit, sizes, request, limit=None)


def growth_depth(settings: Settings) -> Result:
    sizes, batch = ([1, 2], 4) if settings.quick else ([1, 2, 4, 8, 16, 32, 64], 64)
    title, unit = "Blocks of convolution, BatchNorm and ReLU, by depth", "µs a block"

    def request(depth: int) -> Request:
        return Request("step", {"network": "stack", "batch": batch, "depth": depth})

    return _growth(settings, "growth-depth", title, unit, sizes, request)


def growth_chain(settings: Settings) -> Result:
    sizes = [10, 100] if settings.quick else [10**n for n in range(2, 7)]
    title, unit = "Multiply-adds on a 4x4 tensor, by length of the chain", "µs a link"

    def request(length: int) -> Request:
        return Request("chain", {"length": length, "shape": [4, 4]})

    return _growth(settings, "growth-chain", title, unit, sizes, request)


def _timed(settings: Settings, sides: Sequence[str], request: Request, rounds: int = 15) -> Rows:
    (rows,) = in_turn(settings.of(sides), [request], settings.effort(rounds), settings.threads)
    return rows


def _growth(
    settings: Settings,
    name: str,
    title: str,
    unit: str,
    sizes: Sequence[int],
    request: Callable[[int], Request],
    limit: float | None = 1.5,
) -> Result:
    requests = [request(size) for size in sizes]
    effort = settings.effort(5, seconds=0.3)
    rows = in_turn(settings.of(BOTH), requests, effort, settings.threads)
    points = list(zip(sizes, rows, strict=True))
    return Result(name, title, unit, MICROSECONDS, limit=limit, points=points)


BENCHMARKS: dict[str, Callable[[Settings], Result]] = {
    "w1": w1,
    "w2": w2,
    "inference": inference,
    "epoch": epoch,
    "tiny": tiny,
    "scalar": scalar,
    "import": imports,
    "memory": memory,
    "gradcheck": gradcheck,
    "growth-batch": growth_batch,
    "growth-width": growth_width,
    "growth-depth": growth_depth,
    "growth-chain": growth_chain,
}
