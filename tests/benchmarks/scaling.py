"""Step time against ranks: python tests/benchmarks/scaling.py [--workload NAME] [--json FILE].

Measures a training step in one process and shared by 2 and 4 (the mpi extra), in alternation, and
all that a model of it needs: computing by the size of the batch, sums over ranks by their bytes,
and when a sweep begins which. The model is held against what was measured, and then tells of 8 to
1,024 ranks, which no machine at hand has. All have to compute the same losses; otherwise the exit
status is 1.

A rank has as many threads as there are cores for it, at least one. With --latency and --bandwidth
the model is told for a network of yours instead of two that are assumed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# For `benchmarks`, from beside the tests, and for the project, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import scaling_model as model
from benchmarks.machine import warn_if_busy
from benchmarks.measure import disagreement, quartiles, ratio
from benchmarks.scaling_model import GRADIENTS, Compute, Layout, Network, Sum, Timeline, counted
from benchmarks.sides import SideError, cores

from nn.distributed import launched
from nn.parallel.launching import find_mpiexec

WORKER = Path(__file__).with_name("scaling_worker.py")
MEASURED = (1, 2, 4)
PREDICTED = tuple(2**n for n in range(3, 11))
SIZES = (8, 256, 4096, 1 << 16, 1 << 18, 1 << 20, 1 << 21)  # bytes: BatchNorm's to a large bucket
WANTED = 0.9  # of the efficiency of two ranks
GIGABIT = 1e9 / 8

# Rates are what is written on the cable, latencies what an MPI message takes to be expected there.
ASSUMED = {
    "25 Gbit/s Ethernet, 30 us": (30e-6, 25 * GIGABIT),
    "200 Gbit/s InfiniBand, 2 us": (2e-6, 200 * GIGABIT),
}

ASSUMPTIONS = """
Modelled, not measured; assumed is that
- every rank has {threads} of its own and computes as fast as it did here with all cores at
  work: a + c * samples; at which parts of it the sums stand does not depend on the samples
- all ranks are equally fast and begin together: nobody waits for one that is late
- a sum takes what the faster of recursive doubling and Rabenseifner's algorithm does (Thakur,
  Rabenseifner & Gropp 2005), with the addition measured here; each rank has a link of its own, and
  links do not disturb each other
- BatchNorm's sums are waited for and overtake the gradients'; those go one after the other behind
  the sweep, and move on by themselves, where MPI moves them on only between two ops of the sweep:
  "nothing hidden" is the step if none moves before the sweep is over
- in shared memory the rank's own core copies: none of that is hidden; a network adapter sends by
  itself, and only the addition is the core's
- reading data, validation and checkpoints are not in the step"""


@dataclass
class Measured:
    """What was measured of a layout; a figure or list for every round.

    Args:
        steps: seconds of a step, the median of a block.
        losses: of the first block.
        traffic: what a step sends and waits for, by name.
        computing: by the size of the batch.
        sums: by bytes; addition, by the byte.
        timelines: of the largest batch.
    """

    steps: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    traffic: list[dict[str, dict[str, float]]] = field(default_factory=list)
    computing: list[list[float]] = field(default_factory=list)
    timelines: list[dict[str, Any]] = field(default_factory=list)
    sums: list[list[float]] = field(default_factory=list)
    addition: list[float] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    missing = what_is_missing()
    if missing:
        print(f"scaling: error: {missing}", file=sys.stderr)
        return 1
    if args.cores < cores():  # what is started has the same
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.cores])
    warn_if_busy()
    layouts = [Layout(ranks, max(1, args.cores // ranks), args.cores) for ranks in MEASURED]
    batches = [max(1, args.batch // part) for part in (1, 2, 4, 16, 64) if args.batch // part]
    try:
        found = measure(layouts, args, batches)
    except SideError as error:
        print(f"scaling: error: {error}", file=sys.stderr)
        return 1
    fits = Fits.of(layouts, found, batches)
    print(f"{args.workload}, batch {args.batch}, {counted(args.cores, 'core')}; median [quartiles]")
    wrong = [told for layout in layouts if (told := _difference(layouts[0], found, layout))]
    print("\n".join(wrong or ["", *comparison(layouts, found, fits, args.batch)]))
    if wrong:
        return 1
    print("\n" + efficiency(layouts, found))
    nets = {"as measured here (shared memory)": fits.shared} | networks(args, fits.addition)
    tables = {
        name: {
            "strong": model.strong(fits.compute, fits.timeline, network, PREDICTED, args.batch),
            "weak": model.weak(fits.compute, fits.timeline, network, PREDICTED, args.batch),
        }
        for name, network in nets.items()
    }
    print(ASSUMPTIONS.format(threads=counted(fits.layout.threads, "core")))
    for name, table in tables.items():
        print("\n" + "\n".join(prediction(name, nets[name], table, args.batch)))
    if args.json:
        facts = {
            "workload": args.workload,
            "batch": args.batch,
            "cores": args.cores,
            "batches": batches,
            "bytes": SIZES,
            "measured": {str(layout): asdict(found[layout]) for layout in layouts},
            "fitted": fits.as_json(),
            "modelled": {
                name: {
                    "network": asdict(nets[name]),
                    **{kind: [asdict(p) for p in rows] for kind, rows in table.items()},
                }
                for name, table in tables.items()
            },
        }
        args.json.write_text(json.dumps(facts, indent=1) + "\n")
    return 0


def what_is_missing() -> str | None:
    """Why ranks cannot be started, in a line."""
    if launched() is not None:
        return "started by mpiexec; start it alone, it starts its ranks itself"
    if find_spec("mpi4py") is None:
        return "mpi4py is not installed; pip install mpi4py mpich"
    if find_mpiexec() is None:
        return "no mpiexec was found; pip install mpi4py mpich"
    return None


def ask(ranks: int, threads: int, task: str, **arguments: Any) -> dict[str, Any]:
    """What so many new processes answer; one of them is started without MPI."""
    request = json.dumps({"task": task, "threads": threads, "arguments": arguments})
    launcher = [str(find_mpiexec()), "-n", str(ranks)] if ranks > 1 else []
    done = subprocess.run(
        [*launcher, sys.executable, str(WORKER), request], capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stderr.strip() or "nothing was said").splitlines()[-1]
        raise SideError(
            f"{task} of {counted(ranks, 'rank')}: exit status {done.returncode}: {said}"
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def measure(
    layouts: Sequence[Layout], args: argparse.Namespace, batches: Sequence[int]
) -> dict[Layout, Measured]:
    """All that is measured, once in each round."""
    found = {layout: Measured() for layout in layouts}
    for _ in range(args.rounds):
        for layout, its in found.items():
            ranks, threads = layout.ranks, layout.threads
            of = {"network": args.workload, "steps": args.steps}
            block = ask(ranks, threads, "train", batch=args.batch, **of)
            its.steps.append(statistics.median(block["seconds"]))
            its.losses = its.losses or block["losses"]
            its.traffic.append(block["traffic"])
            if ranks > 1:
                sums = ask(ranks, threads, "allreduce", sizes=SIZES, repeats=args.steps)
                its.sums.append(sums["seconds"])
                its.addition.append(sums["addition"])
            if layout.crowding == 1:
                block = ask(layout.together, threads, "compute", batches=batches, **of)
                its.computing.append(block["seconds"])
                its.timelines.append(block["timeline"])
    return found


@dataclass(frozen=True)
class Fits:
    """The model's figures, from what was measured.

    Args:
        layout: the largest whose ranks do not take turns; all beyond it is taken from it.
        computing: by layout; one that takes turns computes as `layout` does.
        sending: by layout of more than one rank.
        shared: of all layouts whose ranks do not take turns, if there are.
    """

    layout: Layout
    computing: dict[Layout, Compute]
    sending: dict[Layout, Network]
    shared: Network
    timeline: Timeline
    addition: float
    spread: float

    @classmethod
    def of(
        cls, layouts: Sequence[Layout], found: dict[Layout, Measured], batches: Sequence[int]
    ) -> Fits:
        free = [layout for layout in layouts if layout.crowding == 1]
        times = {layout: _medians(found[layout].computing) for layout in free}
        lines = {layout: model.fit_compute(batches, times[layout]) for layout in free}
        last = free[-1]
        many = [layout for layout in layouts if layout.ranks > 1]
        addition = statistics.median([a for layout in many for a in found[layout].addition])
        points = {
            layout: [
                (layout.ranks, nbytes, seconds)
                for nbytes, seconds in zip(SIZES, _medians(found[layout].sums), strict=True)
            ]
            for layout in many
        }
        # All of sending is done by the ranks' own cores: it is copying.
        sending = {at: model.fit_network(points[at], addition, own=1.0) for at in many}
        joint = [point for layout in many if layout in free for point in points[layout]]
        shared = model.fit_network(joint or points[many[0]], addition, own=1.0)
        pairs = zip(batches, times[last], strict=True)
        spread = max(abs(lines[last].seconds(b) / seconds - 1) for b, seconds in pairs)
        return cls(
            last,
            {layout: lines.get(layout, lines[last]) for layout in layouts},
            sending,
            shared,
            _timeline(found[last].timelines),
            addition,
            spread,
        )

    @property
    def compute(self) -> Compute:
        return self.computing[self.layout]

    def step(self, layout: Layout, batch: int) -> model.Step:
        computing = self.computing[layout].seconds(-(-batch // layout.ranks)) * layout.crowding
        network = self.sending.get(layout, self.shared)
        return model.step(computing, self.timeline, network, layout.ranks)

    def as_json(self) -> dict[str, Any]:
        return {
            "computing": {str(layout): asdict(line) for layout, line in self.computing.items()},
            "sending": {str(layout): asdict(net) for layout, net in self.sending.items()},
            "timeline": asdict(self.timeline),
        }


def networks(args: argparse.Namespace, addition: float) -> dict[str, Network]:
    """Those to tell the model for, beside the measured one."""
    chosen = ASSUMED
    if args.latency is not None:
        name = f"{args.bandwidth:g} Gbit/s, {args.latency:g} us, as given"
        chosen = {name: (1e-6 * args.latency, args.bandwidth * GIGABIT)}
    return {
        (name if args.latency is not None else f"assumed: {name}"): Network(*figures, addition)
        for name, figures in chosen.items()
    }


def comparison(
    layouts: Sequence[Layout], found: dict[Layout, Measured], fits: Fits, batch: int
) -> list[str]:
    """Measured beside modelled."""
    lines = [f"{'ms a step':34}{'measured':>24}{'modelled':>10}{'error':>8}"]
    for layout in layouts:
        low, middle, high = (1e3 * t for t in quartiles(found[layout].steps))
        modelled = fits.step(layout, batch)
        told = f"{middle:.1f} [{low:.1f}, {high:.1f}]"
        error = 1e3 * modelled.seconds / middle - 1
        lines.append(f"{layout!s:34}{told:>24}{1e3 * modelled.seconds:10.1f}{error:+8.0%}")
        if layout.ranks > 1:
            waits: list[tuple[str, Callable[[str], bool], float]] = [
                ("  waits for BatchNorm's sums", lambda name: name != GRADIENTS, modelled.waited),
                ("  waits for the gradients'", lambda name: name == GRADIENTS, modelled.exposed),
            ]
            for title, chosen, wait in waits:
                waited = 1e3 * statistics.median(
                    sum(its["waited"] for name, its in block.items() if chosen(name))
                    for block in found[layout].traffic
                )
                lines.append(f"{title:34}{waited:24.2f}{1e3 * wait:10.2f}")
    line = fits.compute
    lines += [
        "What was waited is also for ranks that are late, and the model knows of none.",
        f"computing, {fits.layout}: {1e3 * line.base:.2f} ms + {1e3 * line.each:.3f} ms a sample"
        f" (at most {fits.spread:.0%} off what was measured)",
        *(
            f"sums, {at}: {1e6 * net.latency:.1f} us, {1e-9 * net.bandwidth:.2f} GB/s"
            for at, net in fits.sending.items()
        ),
        *(
            f"a step sends under the name {name!r}: {its['calls']:.0f} sums, {its['bytes']:,.0f} B"
            for name, its in found[layouts[-1]].traffic[0].items()
        ),
    ]
    return lines


def efficiency(layouts: Sequence[Layout], found: dict[Layout, Measured]) -> str:
    one, two = layouts[:2]
    both = ratio(found[one].steps, found[two].steps)
    assert both is not None
    middle, low, high = both
    title = f"efficiency of {two} beside {one}: {middle:.2f} [{low:.2f}, {high:.2f}]"
    if two.crowding > 1 or two.threads * 2 != one.threads:
        return f"{title}; says nothing, as the cores are not shared evenly"
    reached = "reached" if middle >= WANTED else "missed"
    return f"{title}, wanted at least {WANTED} ({reached})"


def prediction(
    name: str, network: Network, table: dict[str, list[model.Prediction]], batch: int
) -> list[str]:
    bandwidth, addition = 1e-9 * network.bandwidth, 1e-9 / max(network.addition, 1e-15)
    lines = [
        f"{name}: {1e6 * network.latency:.1f} us, {bandwidth:.2f} GB/s, adds {addition:.1f} GB/s"
    ]
    titles = {"strong": f"batch {batch} over all ranks", "weak": f"batch {batch} a rank"}
    for kind, rows in table.items():
        lines.append(
            f"{titles[kind]:24}{'ms':>8}{'efficiency':>12}{'computing':>11}{'BatchNorm':>11}"
            f"{'gradients':>11}{'nothing hidden, ms':>20}"
        )
        for row in rows:
            its = row.step
            parts = (its.compute, its.waited, its.exposed)
            shares = "".join(f"{part / its.seconds:11.1%}" for part in parts)
            lines.append(
                f"{row.ranks:6,} ranks, {row.samples:4} each{1e3 * its.seconds:8.1f}"
                f"{row.efficiency:12.2f}{shares}{1e3 * row.nothing_hidden:20.1f}"
            )
    return lines


def _difference(first: Layout, found: dict[Layout, Measured], layout: Layout) -> str:
    ours, theirs = ([[loss] for loss in found[at].losses] for at in (first, layout))
    told = disagreement(ours, theirs)
    return f"{layout}: {told}" if told else ""


def _medians(blocks: Sequence[Sequence[float]]) -> list[float]:
    return [statistics.median(values) for values in zip(*blocks, strict=True)]


def _timeline(blocks: Sequence[dict[str, Any]]) -> Timeline:
    parts = _medians([[its["at"] for its in block["sums"]] for block in blocks])
    sums = [
        Sum(at, its["name"], its["nbytes"])
        for at, its in zip(parts, blocks[0]["sums"], strict=True)
    ]
    return Timeline(sums, statistics.median(block["swept"] for block in blocks))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--workload", choices=["w1", "w2", "deep"], default="w2", help="default: w2")
    p.add_argument("--batch", type=int, default=64, help="of all ranks together; default: 64")
    p.add_argument("--steps", type=int, default=10, help="in a block; default: 10")
    p.add_argument("--rounds", type=int, default=7, help="of blocks in alternation; default: 7")
    p.add_argument("--cores", type=int, default=cores(), help="to be used; default: all")
    p.add_argument("--latency", type=float, metavar="US", help="of a network, microseconds")
    p.add_argument("--bandwidth", type=float, metavar="GBIT", help="of a network, Gbit/s")
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    args = p.parse_args(argv)
    for name, least in {"batch": max(MEASURED), "steps": 1, "rounds": 1}.items():
        if getattr(args, name) < least:
            p.error(f"--{name} {getattr(args, name)} given, {least} or more expected")
    if not 1 <= args.cores <= cores():
        p.error(f"--cores {args.cores} given, 1 to {cores()} expected")
    if args.cores < cores() and not hasattr(os, "sched_setaffinity"):
        p.error("--cores: this system cannot hold a process to some of its cores")
    if (args.latency is None) != (args.bandwidth is None):
        p.error("--latency and --bandwidth: give both or neither")
    if args.latency is not None and (args.latency < 0 or args.bandwidth <= 0):
        p.error("--latency 0 or more and --bandwidth above 0 expected")
    return args


if __name__ == "__main__":
    sys.exit(main())
