"""The rows of programs in C: steps, functions and networks beside PyTorch, and first calls."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from functools import partial

from benchmarks import networks
from benchmarks.measure import TOLERANCE, Taken, alternate, in_turn
from benchmarks.results import BOTH, LINKS, MICROSECONDS, MILLISECONDS, Result, Settings, timed
from benchmarks.sides import COMPILED, OURS, REFERENCE, Request, Side, Variant

FUNCTIONS = ("gelu", "gelu-tanh", "softmax", "layer-norm", "logsumexp")
JAX = "jax"


def chain(settings: Settings) -> Result:
    request = Request("fed", {"length": LINKS, "jitted": True})
    rows = timed(settings, BOTH, request)
    title = f"{LINKS:,} multiply-adds on a 4x4 tensor whose factors are given, and back, jitted"
    return Result("jit-chain", title, "ms", MILLISECONDS, rows, {REFERENCE: 0.1})


def step(
    settings: Settings, network: str, wanted: dict[str, float], tolerance: float = TOLERANCE
) -> Result:
    """A whole step beside all sides that something is wanted of."""
    batch = 8 if settings.quick else 64
    request = Request("whole", {"network": network, "batch": batch, "jitted": True})
    name = network.upper() if network in ("w1", "w2") else network
    title = f"Whole training step of {name}, batch {batch}, in C"
    rows = timed(settings, (OURS, *wanted), request, tolerance=tolerance)
    return Result(f"c-{network}", title, "ms", MILLISECONDS, rows, wanted)


def applied(settings: Settings, name: str) -> Result:
    shape = (16, 32) if settings.quick else (4096, 512)
    request = Request("applied", {"name": name, "shape": shape, "jitted": True})
    title = f"{name} of the rows of {shape}, float32, forward and backward, in C"
    rows = timed(settings, BOTH, request)
    return Result(f"c-{name}", title, "ms", MILLISECONDS, rows, {REFERENCE: 0.7})


def attention(settings: Settings) -> Result:
    shape = (2, 2, 12, 8) if settings.quick else (8, 8, 128, 64)
    rows = timed(settings, BOTH, Request("attention", {"shape": shape, "jitted": True}))
    title = f"Attention, (batch, heads, length, width) {shape}, forward and backward, in C"
    return Result("c-attention", title, "ms", MILLISECONDS, rows, {REFERENCE: 1.0})


def recurrent(settings: Settings) -> Result:
    sizes = {"steps": 500, "batch": 16, "inputs": 64, "hidden": 64}
    if settings.quick:
        sizes = {"steps": 5, "batch": 2, "inputs": 6, "hidden": 8}
    rows = timed(settings, BOTH, Request("recurrent", {**sizes, "jitted": True}))
    told = ", ".join(f"{name} {size}" for name, size in sizes.items())
    title = f"LSTM ({told}), forward and backward to its weights, in C"
    return Result("c-lstm", title, "ms", MILLISECONDS, rows, {REFERENCE: 0.5})


def images(settings: Settings) -> Result:
    """In batches as `mnist.training.learning.evaluate` makes them. What PyTorch computes of so many
    leaves the caches: it is measured with those that `mnist.engines` makes of them for us, too."""
    count, whole, piece = (60, 30, 10) if settings.quick else (10_000, 1000, 100)
    requests = [
        Request("images", {"count": count, "batch": batch}, checked=1) for batch in (whole, piece)
    ]
    effort = settings.effort(rounds=6, trials=1)
    first, second = in_turn(settings.of(BOTH), requests, settings.threads, effort)
    smaller = f"{REFERENCE}-by-{piece}"
    rows = first | ({smaller: second[REFERENCE]} if REFERENCE in second else {})
    title = f"{count:,} images through deep in evaluation mode, {whole:,} at a time, in C"
    wanted = {REFERENCE: 0.5, smaller: 0.5}
    return Result("c-images", title, "ms", MILLISECONDS, rows, wanted)


def image(settings: Settings) -> Result:
    rows = timed(settings, BOTH, Request("images", {"count": 1, "batch": 1}))
    title = "One image through deep in evaluation mode, in C"
    return Result("c-image", title, "µs", MICROSECONDS, rows, {REFERENCE: 0.3})


def drawn(settings: Settings) -> Result:
    """Steps of networks drawn at random, whose ratios are held to that of W2 in the same run."""
    batches = {"w2": 64} | {name: its.batch for name, its in networks.DRAWN.items()}
    if settings.quick:
        batches = dict.fromkeys(batches, 4)
    requests = [
        Request("whole", {"network": name, "batch": batch, "jitted": True})
        for name, batch in batches.items()
    ]
    effort = settings.effort(rounds=6, trials=1, seconds=0.3)
    tables = in_turn(settings.of(BOTH), requests, settings.threads, effort)
    words = {"w2": "W2", **{name: f"{name}, {its}" for name, its in networks.DRAWN.items()}}
    cases = {words[name]: rows for name, rows in zip(batches, tables, strict=True)}
    title = f"Whole training steps of {len(networks.DRAWN)} networks drawn at random, in C"
    return Result("c-random", title, "ms", MILLISECONDS, limit=1.5, cases=cases)


def first_call(settings: Settings, name: str, cached: bool, most: float) -> Result:
    """In fresh processes: what the first call takes, in steps that the same process then makes on
    the tape; ours is as jit does it, and "unverified" without comparing program and function."""
    effort, ready = settings.effort(rounds=5, trials=0, seconds=1.0), set[tuple[Variant, str]]()
    step = {"network": "w2", "batch": 8 if settings.quick else 64}
    requests = [
        Request("whole", {**step, "jitted": True, "verify": verify}, checked=1)
        for verify in (True, False)
    ]
    tape = Request("whole", {**step, "jitted": False}, checked=1, seconds=effort.seconds)

    with tempfile.TemporaryDirectory() as folder:

        def look(variant: Variant, threads: int, request: Request) -> Taken:
            programs = folder if cached else tempfile.mkdtemp(dir=folder)
            with Side(variant, threads, programs) as process:
                made = process.ask(request)
                steps = process.ask(tape)["seconds"]
                version = process.hello["version"]
            return Taken(made["first"] / statistics.median(steps), made["numbers"], version)

        def ready_look(variant: Variant, threads: int, request: Request) -> Taken:
            key = variant, str(request)
            if key not in ready:  # bytecode, and the cache, are then there
                look(variant, threads, request)
                ready.add(key)
            return look(variant, threads, request)

        most_threads = [max(settings.threads)]
        variants = settings.of((OURS,))
        ours, bare = alternate(variants, requests, most_threads, ready_look, effort)
    rows = {OURS: ours[OURS], "unverified": bare[OURS]}
    where = "from the cache" if cached else "with nothing in the cache"
    title = f"First call of the W2 step, batch {step['batch']}, {where}"
    return Result(name, title, "steps on the tape", 1.0, rows, limit=most)


BENCHMARKS: dict[str, Callable[[Settings], Result]] = {
    "jit-chain": chain,
    "c-w1": partial(step, network="w1", wanted={REFERENCE: 0.2, COMPILED: 0.1, JAX: 0.05}),
    "c-w2": partial(step, network="w2", wanted={REFERENCE: 0.7, COMPILED: 0.7, JAX: 0.25}),
    "c-deep": partial(step, network="deep", wanted={REFERENCE: 0.7}),
    "c-small": partial(step, network="small", wanted={REFERENCE: 0.7}),
    # Each side leaves out other features.
    "c-best": partial(step, network="best", wanted={REFERENCE: 0.7}, tolerance=5e-2),
    **{f"c-{name}": partial(applied, name=name) for name in FUNCTIONS},
    "c-attention": attention,
    "c-lstm": recurrent,
    "c-images": images,
    "c-image": image,
    "c-random": drawn,
    "first-call": partial(first_call, name="first-call", cached=False, most=40.0),
    "cached-call": partial(first_call, name="cached-call", cached=True, most=5.0),
}
