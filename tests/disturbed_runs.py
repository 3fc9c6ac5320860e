"""Trainings that are disturbed: python tests/disturbed_runs.py [--short] [--share I/N] [--only X].

Two trainings into one folder and two in one second; kills and full disks at each moment at which a
file is written, and at others; sixty edits of each file; other data sets and missing ones; signals,
streams that are closed, names that cannot be written. Each case states what must hold afterwards.
Prints what did not hold, and how many of each kind did; exits with 1 where one did not.
POSIX only, as most cases run in forks.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from support.disturbed import data_sets, edits, folders, kills, streams  # noqa: F401
from support.disturbed.cases import CASES, Case
from support.disturbed.scene import Scene


def failure(case: Case, scene: Scene) -> str | None:
    """What did not hold, if anything."""
    try:
        case.play(scene)
    except AssertionError as error:
        return str(error) or traceback.format_exc()
    except Exception:
        return traceback.format_exc()
    return None


def share(text: str) -> tuple[int, int]:
    """As it is given, I/N: every N-th case from the I-th one on, counted from 0."""
    first, every = map(int, text.split("/"))
    if not 0 <= first < every:
        raise ValueError(text)
    return first, every


def main(argv: list[str]) -> int:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--short", action="store_true", help="some cases of each kind, op by op")
    p.add_argument("--share", type=share, default=(0, 1), metavar="I/N", help="every N-th case")
    p.add_argument("--only", default="", metavar="TEXT", help="cases with this in kind or name")
    p.add_argument("--list", action="store_true", help="only print what must hold")
    p.add_argument("--times", action="store_true", help="print how long each case takes")
    p.add_argument("--seed", type=int, default=0, help="of the moments that are drawn")
    args = p.parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:  # as in the background of a shell
            signal.signal(number, signal.SIG_DFL)
    started = time.perf_counter()
    held: Counter[str] = Counter()
    played: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="disturbed-") as folder:
        scene = Scene(Path(folder).resolve(), args.seed, "tape" if args.short else "auto")
        kills.declare(scene)
        edits.declare(scene)
        first, every = args.share
        for case in CASES[first::every]:
            label = f"{case.kind}: {case.name}"
            if args.only not in label or (args.short and not case.short):
                continue
            if args.list:
                print(f"{label}\n    {case.holds}")
                continue
            played[case.kind] += 1
            began = time.perf_counter()
            wrong = failure(case, scene)
            if args.times:
                print(f"{time.perf_counter() - began:6.2f} s  {label}", flush=True)
            held[case.kind] += wrong is None
            if wrong is not None:
                print(f"{label}\n    must hold: {case.holds}\n    {wrong.strip()}", flush=True)
    for kind, count in played.items():
        print(f"{kind:24} {held[kind]:4} of {count:4} hold")
    total, right = sum(played.values()), sum(held.values())
    print(f"{right} of {total} hold ({time.perf_counter() - started:.0f} s)")
    return 0 if right == total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
