"""Speed and memory beside PyTorch and others: python tests/benchmarks/run.py [names] [--quick].

Each side runs in a process of its own, on the same cores and threads; they take turns, a block of
runs each while the others sleep, so that a slow moment of the machine hits all. Printed are medians
with quartiles, and ours as a ratio to the others beside what is wanted. All have to compute the
same losses, outputs and gradients as ours: otherwise there is no ratio, and the exit status is 1.

PyTorch is measured where it is installed. Others are looked for by the interpreters that
PULLBACK_JAX_PYTHON, PULLBACK_HIPS_PYTHON, PULLBACK_MYGRAD_PYTHON and PULLBACK_TINYGRAD_PYTHON name.
The epoch is one of MNIST if MNIST_DIR names its folder, else one of drawn digits.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# For `benchmarks`, from beside the tests, and for the project, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks import picture, report
from benchmarks.sides import SIDES, cores
from benchmarks.suite import BENCHMARKS, Settings


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    settings = Settings(args.sides, args.threads, args.quick)
    print(f"{settings.threads} threads each; median [quartiles]")
    if settings.quick:
        print("--quick: everything small and short; the figures say nothing of speed")
    else:
        warn_if_busy()
    results = []
    for name in args.names or BENCHMARKS:
        results.append(BENCHMARKS[name](settings))
        print("\n" + "\n".join(report.lines(results[-1], judge=not args.quick)), flush=True)
        if args.json:  # after each: what was measured is not lost if the next is interrupted
            args.json.write_text(json.dumps(report.as_json(results, settings), indent=1) + "\n")
    if args.picture:
        try:
            picture.draw(results, args.picture)
        except (ImportError, ValueError) as error:
            print(f"\nno picture: {error}", file=sys.stderr)
            return 1
    return int(any(row.wrong for result in results for row in result.every_row()))


def warn_if_busy() -> None:
    """Say so if other programs are at work."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > 0.5:
        print(
            f"The load of the last minute was {load:.1f}: beside other work these figures mean "
            "little. PyTorch's threads wait for each other by spinning, and a step of 10 ms has "
            "been seen to take 170."
        )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ", ".join(BENCHMARKS)
    p.add_argument("names", nargs="*", metavar="name", help=f"some of {names}; none: all of them")
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    p.add_argument("--picture", type=Path, metavar="FILE", help="draw the growth curves")
    p.add_argument("--quick", action="store_true", help="run through everything, small and short")
    p.add_argument(
        "--threads", type=int, default=cores(), help="cores and threads of each side; default: all"
    )
    p.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES, help="whom to measure")
    args = p.parse_args(argv)
    for name in args.names:
        if name not in BENCHMARKS:
            p.error(f"no benchmark {name!r}: choose from {names}")
    if not 1 <= args.threads <= cores():
        p.error(f"--threads {args.threads} given, 1 to {cores()} expected")
    return args


if __name__ == "__main__":
    sys.exit(main())
