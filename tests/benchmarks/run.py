"""Speed and memory beside PyTorch and others: python tests/benchmarks/run.py [names] [--quick].

Each side runs in a process of its own, first until its times have settled, then for a given time a
block; they take turns, the others sleeping, so that a slow moment of the machine hits all. Each is
tried on one core with one thread and on all with as many, and shown with what was faster. Printed
are medians with quartiles over the blocks, and of the ratios of ours to the others in each round,
beside what is wanted. All have to compute the same losses, outputs and gradients as ours: otherwise
there is no ratio, and the exit status is 1. With --avx2 all do without AVX-512.

This project is measured as train.py runs it, after autograd.keep_pages(), and without. PyTorch is
measured where it is installed: as it comes, after the same keep_pages(), and by torch.compile,
which needs a C++ compiler. Others are looked for by the interpreters that PULLBACK_JAX_PYTHON,
PULLBACK_HIPS_PYTHON, PULLBACK_MYGRAD_PYTHON and PULLBACK_TINYGRAD_PYTHON name; JAX and tinygrad run
under their jit. The epoch is one of MNIST if MNIST_DIR names its folder, else one of drawn digits.

With --against DIR this checkout is measured beside the one in DIR instead, by the same programs.
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

from benchmarks import machine, picture, report
from benchmarks.results import Settings
from benchmarks.sides import OTHER, OURS, SIDES, Variant, cores
from benchmarks.suite import BENCHMARKS, BESIDE_ANOTHER


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    variants = [SIDES[name] for name in args.sides or SIDES]
    if args.against:
        variants = [SIDES[OURS], Variant(OTHER, "pullback", pages=True, tree=args.against)]
    if args.avx2:
        os.environ.update(machine.avx2_alone())
    settings = Settings(variants, sorted({1, args.threads}), args.quick)
    print("\n".join(machine.lines()))
    if args.avx2:
        print("--avx2: all sides do without AVX-512")
    print("median [quartiles]; threads: the faster number, and the other's median")
    if settings.quick:
        print("--quick: everything small and short; the figures say nothing of speed")
    else:
        machine.warn_if_busy()
    results = []
    for name in args.names or (BESIDE_ANOTHER if args.against else BENCHMARKS):
        before = machine.load()
        results.append(BENCHMARKS[name](settings))
        results[-1].load = before, machine.load()
        print("\n" + "\n".join(report.lines(results[-1], judge=not args.quick)), flush=True)
        if args.json:  # after each: what was measured is not lost if the next is interrupted
            args.json.write_text(
                json.dumps(report.as_json(results, settings, args.avx2), indent=1) + "\n"
            )
    found = report.versions(results).items()
    print("\n" + "\n".join(f"{side}: {version}" for side, version in found))
    if args.picture:
        try:
            picture.draw(results, args.picture)
        except (ImportError, ValueError) as error:
            print(f"\nno picture: {error}", file=sys.stderr)
            return 1
    return int(any(row.wrong for result in results for row in result.every_row()))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names, most = ", ".join(BENCHMARKS), cores()
    p.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help=f"some of {names}; none: all, or with --against {', '.join(BESIDE_ANOTHER)}",
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    p.add_argument("--picture", type=Path, metavar="FILE", help="draw the growth curves")
    p.add_argument("--quick", action="store_true", help="run through everything, small and short")
    p.add_argument("--avx2", action="store_true", help="all sides do without AVX-512")
    p.add_argument(
        "--threads",
        type=int,
        default=most,
        help="each side is tried with one, and with so many on as many cores; default: all cores",
    )
    whom = p.add_mutually_exclusive_group()
    whom.add_argument("--sides", nargs="+", choices=SIDES, help="whom to measure; default: all")
    whom.add_argument("--against", type=Path, metavar="DIR", help="another checkout of Pullback")
    args = p.parse_args(argv)
    for name in args.names:
        if name not in BENCHMARKS:
            p.error(f"no benchmark {name!r}: choose from {names}")
    if not 1 <= args.threads <= most:
        p.error(f"--threads {args.threads} given, 1 to {most} expected")
    if args.against:
        args.against = args.against.resolve()
        if not (args.against / "autograd" / "__init__.py").is_file():
            p.error(f"--against {args.against}: no checkout of Pullback, autograd is not there")
    return args


if __name__ == "__main__":
    sys.exit(main())
