"""What is measured, under which name, and what is wanted of it."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import epoch_data, in_c
from benchmarks.measure import Effort, Rows, Taken, alternate, in_turn
from benchmarks.results import (
    BOTH,
    LINKS,
    MEGABYTES,
    MICROSECONDS,
    MILLISECONDS,
    Result,
    Settings,
    timed,
)
from benchmarks.sides import (
    COMPILED,
    NO_PAGES,
    OTHER,
    OURS,
    REFERENCE,
    REFERENCE_PAGES,
    Request,
    Side,
    Variant,
)

PAGES = (OURS, NO_PAGES, REFERENCE, REFERENCE_PAGES, COMPILED)


def w1(settings: Settings) -> Result:
    sides = (*PAGES, "jax", "hips", "mygrad", "tinygrad")
    wanted = {REFERENCE: 0.6, "hips": 0.07, "mygrad": 0.07, OTHER: 1.0}
    rows = timed(settings, sides, Request("step", {"network": "w1"}))
    return Result("w1", "W1 training step, batch 64", "ms", MILLISECONDS, rows, wanted)


def w2(settings: Settings) -> Result:
    batch = 8 if settings.quick else 64
    request = Request("step", {"network": "w2", "batch": batch})
    rows = timed(settings, (*PAGES, "jax", "tinygrad"), request)
    title = f"W2 training step, batch {batch}"
    return Result("w2", title, "ms", MILLISECONDS, rows, {REFERENCE: 1.0, OTHER: 1.0})


def inference(settings: Settings) -> Result:
    batch = 100 if settings.quick else 1000
    request = Request("inference", {"batch": batch})
    rows = timed(settings, (*BOTH, COMPILED), request, rounds=8)
    title = f"Inference of {batch:,} images, deep model"
    return Result("inference", title, "ms", MILLISECONDS, rows, {REFERENCE: 1.0})


def epoch(settings: Settings, name: str, engine: str, most: float) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        data, images = epoch_data.prepare(Path(folder), small=settings.quick)

        def look(variant: Variant, threads: int, request: Request) -> Taken:
            started = time.perf_counter()
            with Side(variant, threads) as process:
                answer = process.ask(request)
            seconds = time.perf_counter() - started
            return Taken(seconds, answer["numbers"], process.hello["version"])

        arguments = {"folder": folder, "settings": epoch_data.SETTINGS, "engine": engine}
        # A thousand steps magnify rounding: the losses then agree to a percent or two.
        rounds, tolerance = (1, 1e-2) if settings.quick else (3, 5e-2)
        request, effort = Request("epoch", arguments, checked=1), Effort(rounds, trials=1)
        (rows,) = alternate(settings.of(BOTH), [request], settings.threads, look, effort, tolerance)
    title = f"W1 epoch of {images:,} images, augmented, and evaluation, whole process"
    note = f"data: {data}; --engine {engine}"
    return Result(name, title, "s", 1.0, rows, {REFERENCE: most}, note=note)


def tiny(settings: Settings, name: str, shape: Sequence[int], words: str) -> Result:
    request = Request("chain", {"length": LINKS, "shape": shape})
    rows = timed(settings, (*BOTH, "hips", "mygrad"), request)
    title = f"One op on {words}, forward and backward, of {LINKS:,} multiply-adds"
    wanted = {REFERENCE: 0.5, OTHER: 1.1}
    return Result(name, title, "µs", MICROSECONDS / (2 * LINKS), rows, wanted)


def imports(settings: Settings) -> Result:
    compiled: set[str] = set()

    def look(variant: Variant, threads: int, _: Request) -> Taken:
        if variant.name not in compiled:  # to bytecode, as is done once where it is installed
            Side(variant, threads).close()
            compiled.add(variant.name)
        with Side(variant, threads) as process:
            return Taken(process.hello["import_seconds"], [], process.hello["version"])

    rows = _afresh(settings, look, Request(""), rounds=20)
    wanted = {OTHER: 1.1}
    return Result("import", "Import, over NumPy's own", "s", 1.0, rows, wanted, limit=0.1)


def memory(settings: Settings) -> Result:
    batch = 8 if settings.quick else 64

    def look(variant: Variant, threads: int, request: Request) -> Taken:
        with Side(variant, threads) as process:
            answer = process.ask(request)
            hello = process.hello
            return Taken(
                answer["peak_bytes"] - hello["peak_bytes"], answer["numbers"], hello["version"]
            )

    rows = _afresh(settings, look, Request("step", {"network": "w2", "batch": batch}), rounds=5)
    title = f"Peak memory of W2 steps, batch {batch}, over that after the import"
    return Result("memory", title, "MB", MEGABYTES, rows, {REFERENCE: 1.2})


def gradcheck(settings: Settings) -> Result:
    batch = 2 if settings.quick else 8
    rows = timed(settings, (OURS,), Request("gradcheck", {"batch": batch}), rounds=5)
    return Result("gradcheck", f"gradcheck of the basic CNN, batch {batch}", "s", 1.0, rows)


def check_tape(settings: Settings) -> Result:
    steps = 5 if settings.quick else 200
    request = Request("check_tape", {"steps": steps})
    rows = timed(settings, (OURS,), request, rounds=3)
    title = f"check_tape of a recurrent net of {steps} steps"
    return Result("check-tape", title, "s", 1.0, rows, {OTHER: 1.1})


def compare(settings: Settings) -> Result:
    sizes = (20, 30, 10) if settings.quick else (784, 800, 400, 10)
    rows = timed(settings, (OURS,), Request("compare", {"sizes": sizes}), rounds=3)
    parameters = sum((n + 1) * m for n, m in itertools.pairwise(sizes))
    title = f"compare of all gradients of {parameters:,} parameters, two wrong"
    return Result("compare", title, "s", 1.0, rows, {OTHER: 1.1})


def replay(settings: Settings, network: str, batch: int, most: float) -> Result:
    title = f"Loss and gradients of {network}, batch {{batch}}, by a replayed program"
    request = Request("gradients", {"network": network, "batch": batch})
    return _beside_tape(settings, f"replay-{network}", title, request, "replayed", most)


def jitted(settings: Settings, network: str, batch: int, most: float) -> Result:
    title = f"Whole training step of {network}, batch {{batch}}, jitted"
    request = Request("whole", {"network": network, "batch": batch})
    return _beside_tape(settings, f"jit-{network}", title, request, "jitted", most)


def _beside_tape(
    settings: Settings, name: str, title: str, request: Request, switch: str, most: float
) -> Result:
    """What is asked for with a switch on, beside the same with it off, which is on the tape."""
    batch = request.arguments["batch"]
    batch = min(batch, 8) if settings.quick else batch
    requests = [
        replace(request, arguments={**request.arguments, "batch": batch, switch: on})
        for on in (True, False)
    ]
    effort = settings.effort(rounds=12)
    ours, tape = in_turn(settings.of((OURS,)), requests, settings.threads, effort)
    rows = {OURS: ours[OURS], "tape": tape[OURS]}
    return Result(name, title.format(batch=batch), "ms", MILLISECONDS, rows, {"tape": most})


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
    sizes = [10, 100] if settings.quick else [10**n for n in range(2, 6)]
    title, unit = "Multiply-adds on a 4x4 tensor, by length of the chain", "µs a link"

    def request(length: int) -> Request:
        return Request("chain", {"length": length, "shape": [4, 4]})

    return _growth(settings, "growth-chain", title, unit, sizes, request)


def _afresh(
    settings: Settings,
    look: Callable[[Variant, int, Request], Taken],
    request: Request,
    rounds: int,
) -> Rows:
    """Rows from `look`, which starts a process each time, with all threads."""
    effort = Effort(1 if settings.quick else rounds, trials=0)
    most = max(settings.threads)
    (rows,) = alternate(settings.of(BOTH), [request], [most], look, effort)
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
    effort = settings.effort(5, trials=1, seconds=0.3)
    rows = in_turn(settings.of(BOTH), requests, settings.threads, effort)
    points = list(zip(sizes, rows, strict=True))
    return Result(name, title, unit, MICROSECONDS, limit=limit, points=points)


BENCHMARKS: dict[str, Callable[[Settings], Result]] = {
    "w1": w1,
    "w2": w2,
    "inference": inference,
    "epoch": partial(epoch, name="epoch", engine="tape", most=0.6),
    "epoch-c": partial(epoch, name="epoch-c", engine="c", most=0.4),
    "tiny": partial(tiny, name="tiny", shape=[4, 4], words="a 4x4 tensor"),
    "scalar": partial(tiny, name="scalar", shape=[], words="a tensor without axes"),
    "import": imports,
    "memory": memory,
    "gradcheck": gradcheck,
    "check-tape": check_tape,
    "compare": compare,
    "replay-mlp": partial(replay, network="mlp", batch=4, most=0.35),
    "replay-w1": partial(replay, network="w1", batch=64, most=1.0),
    "jit-mlp": partial(jitted, network="mlp", batch=4, most=0.4),
    "jit-w1": partial(jitted, network="w1", batch=64, most=1.0),
    "jit-w2": partial(jitted, network="w2", batch=64, most=1.0),
    **in_c.BENCHMARKS,
    "growth-batch": growth_batch,
    "growth-width": growth_width,
    "growth-depth": growth_depth,
    "growth-chain": growth_chain,
}
# What a change of the engine must not slow down.
BESIDE_ANOTHER = ("w1", "w2", "tiny", "scalar", "import")
