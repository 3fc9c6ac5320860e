"""HIPS autograd's own tests, of this engine: python tests/peer_tests.py FOLDER.

FOLDER is the folder `tests` of a clone. There are 631 tests in version 1.9.1; without SciPy 89
fewer, and without xarray 13 are skipped.

    pip install scipy xarray
    git clone https://github.com/HIPS/autograd /tmp/hips
    python tests/peer_tests.py /tmp/hips/tests

That package has the import name of this project's engine. So the tests run in a process of their
own, in which `autograd.numpy`, `autograd.test_util` and the like are made of our functions
(support/peer_tests). Prints how many passed, what is out of scope with the reasons, and what
failed; exits with 1 where something did.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPORT = "PULLBACK_PEER_REPORT"


def run(folder: Path, more: list[str]) -> tuple[list[dict[str, Any]], str]:
    """What came of each test, and what pytest printed. `more` are arguments for pytest."""
    path = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    with tempfile.TemporaryDirectory() as scratch:
        report, settings = Path(scratch, "report.json"), Path(scratch, "pytest.ini")
        settings.write_text("[pytest]\n")  # neither their settings nor ours
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "support.peer_tests.plugin"),
                *("-p", "no:cacheprovider", "-c", settings, "--rootdir", folder, "-q"),
                *(more or ["."]),
            ],
            cwd=folder,
            env={
                **os.environ,
                REPORT: str(report),
                "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent), *path]),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
        )
        if not report.exists():
            sys.exit(f"pytest did not run:\n{done.stdout}{done.stderr}")
        return json.loads(report.read_text()), done.stdout


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The counts; under them reasons with the number of tests, and what was missing."""
    outcomes = Counter(row["outcome"] for row in rows)
    for outcome in ("passed", "passed in part", "out of scope", "skipped", "failed"):
        if outcomes[outcome]:
            yield f"{outcome:<16}{outcomes[outcome]:>5}"
        alike = [row for row in rows if row["outcome"] == outcome]
        if outcome == "failed":
            yield from (f"    {row['test']}: {row['message'].splitlines()[0]}" for row in alike)
        elif outcome == "skipped":
            reasons = Counter(row["message"] for row in alike)
            yield from (f"    {n:>4}  {reason}" for reason, n in reasons.most_common())
        else:
            yield from _reasons(alike)
    yield f"{'in all':<16}{len(rows):>5}"


def _reasons(rows: list[dict[str, Any]]) -> Iterator[str]:
    first = [tuple(row["left_out"][0]) for row in rows if row["left_out"]]
    for reason, n in Counter(reason for reason, _ in first).most_common():
        parts = Counter(what for why, what in first if why == reason).most_common()
        yield f"    {n:>4}  {reason}"
        yield f"          {', '.join(f'{what} {count}' for what, count in parts)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the tests, fetched")
    parser.add_argument("--show", action="store_true", help="print what pytest printed as well")
    args, more = parser.parse_known_args()
    rows, printed = run(args.folder.resolve(), more)
    if args.show:
        print(printed)
    print("\n".join(table(rows)))
    sys.exit(any(row["outcome"] == "failed" for row in rows))


if __name__ == "__main__":
    main()
