"""Which mistakes in the engine its tests notice: python tests/engine_mutants.py.

Small changes (another operator, a condition that always holds, a statement left out, arguments the
other way round) are made in the engine, the transforms and checkpoint, one at a time, at lines that
a seed draws; with --on program, in what is made of programs. The tests run on each, the fastest
first, until one fails. What survives is listed, with the reason that support/mutants/survivors.py
gives. Exits with 1 where one has not been judged, or fewer than 97 % (of programs, 95 %) of those
that a test could notice have died. For systems that can fork.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from support.mutants.runs import SURVIVED, TIMEOUT, Job, Outcome, Stage, copied, run, stages
from support.mutants.sampling import Key, Mutant, mutants, sample
from support.mutants.survivors import JUDGED, Judged

ROOT = Path(__file__).resolve().parents[1]
SHARE = 0.97  # of the mutants that are not equivalent, dead


class Area(NamedTuple):
    """What is changed together, and the tests that concern it, of the folders that there are."""

    targets: list[str]
    tests: list[str]  # those of mutants are no tests of it
    longest: float = 5
    share: float = SHARE


TESTS = ["engine", "runtime", "ops", "program", "transforms", "interop", "checking", "nn"]
TESTS += ["profiling", "explanation"]  # which look on
AREAS = {
    "engine": Area(["autograd/engine", "autograd/transforms"], TESTS),
    "program": Area(
        ["autograd/program"],
        ["program", "explanation", "jitting", "nn/test_programs_of_training.py"],
        60,
        0.95,
    ),
}
LEFT_OUT = {"test_engine_mutants.py", "test_mutations.py"}
# Of a file that is too long to run whole, what runs in its stead.
PARTS = {
    "tests/engine/test_random_programs.py": [
        f"tests/engine/test_random_programs.py::test_no_derivative_is_wrong[{first}]"
        for first in (0, 100)
    ]
}


def files_in(root: Path, paths: Iterable[str], pattern: str = "*.py") -> list[str]:
    """The files at `paths`, and those of the folders among them, relative to `root`."""
    found = []
    for path in paths:
        place = root / path
        if not place.exists():
            sys.exit(f"{path}: no such file or folder in {root}; see --targets and --tests")
        files = [place] if place.is_file() else sorted(place.rglob(pattern))
        found += [str(file.relative_to(root)) for file in files if "__pycache__" not in file.parts]
    return found


def difference(mutant: Mutant, source: str) -> str:
    before, after = source.splitlines(), mutant.applied(source).splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
    return "\n".join([str(mutant), *lines])


# --- running -------------------------------------------------------------------------------------


def measured(
    tests: Sequence[str], root: Path, folders: Sequence[Path], longest: float
) -> dict[str, float]:
    """How long each test file takes on the code as it is, where its tests run, and pass."""
    durations = {}
    jobs = [Job(None, [Stage((test,), longest)]) for test in tests]
    for job, outcome in run(jobs, root, folders):
        (name,) = job.stages[0].files
        if outcome.verdict == TIMEOUT or outcome.seconds > longest:
            print(f"left out, for it takes long: {name}", flush=True)
        elif outcome.verdict != SURVIVED:
            print(f"left out, for it fails on the code as it is: {name}, {outcome.by}", flush=True)
        elif outcome.ran:
            durations[name] = outcome.seconds
    if not durations:
        sys.exit("no tests to run; see --tests")
    return durations


def results(
    drawn: Sequence[Mutant], in_stages: Sequence[Stage], root: Path, folders: Sequence[Path]
) -> dict[Mutant, Outcome]:
    """What became of each; of those until then, where the user interrupts it."""
    found: dict[Mutant, Outcome] = {}
    try:
        for job, outcome in run((Job(mutant, in_stages) for mutant in drawn), root, folders):
            assert job.mutant is not None
            found[job.mutant] = outcome
            if outcome.verdict == SURVIVED:
                print(f"survived: {job.mutant}: {job.mutant.key.after}", flush=True)
            if len(found) % 20 == 0:
                print(f"{len(found)} of {len(drawn)} mutants", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print(f"interrupted after {len(found)} of {len(drawn)} mutants", file=sys.stderr)
    return {mutant: found[mutant] for mutant in drawn if mutant in found}


# --- the report ----------------------------------------------------------------------------------


def judgements(judged: Iterable[Judged] = JUDGED) -> dict[Key, Judged]:
    return {Key(j.file, j.where, j.before, j.after, j.nth): j for j in judged}


def counts(title: str, names: Iterable[tuple[str, Outcome]]) -> list[str]:
    died, drawn = Counter[str](), Counter[str]()
    for name, outcome in names:
        drawn[name] += 1
        died[name] += outcome.verdict != SURVIVED
    width = max(map(len, drawn), default=0)
    return [
        title,
        *(f"  {name:{width}}  {died[name]:4} of {drawn[name]:4}" for name in sorted(drawn)),
    ]


def survivor(mutant: Mutant, judged: Judged | None) -> str:
    if judged is not None:
        what = "equivalent" if judged.equivalent else "not noticed"
        return (
            f"{mutant}\n  - {mutant.key.before}\n  + {mutant.key.after}\n  {what}: {judged.reason}"
        )
    entry = Judged(*mutant.key[:4], equivalent=False, reason="", nth=mutant.key.nth)
    return f"{mutant}\n  - {mutant.key.before}\n  + {mutant.key.after}\n  not judged yet: {entry}"


def report(
    found: dict[Mutant, Outcome],
    in_stages: Sequence[Stage],
    judged: dict[Key, Judged],
    wanted: float = SHARE,
) -> tuple[str, bool]:
    """The whole report, and whether all is well."""
    left = [mutant for mutant, outcome in found.items() if outcome.verdict == SURVIVED]
    left.sort(key=lambda mutant: mutant.key)
    equivalent = [m for m in left if m.key in judged and judged[m.key].equivalent]
    unjudged = [m for m in left if m.key not in judged]
    could_die, died = len(found) - len(equivalent), len(found) - len(left)
    share = died / max(could_die, 1)
    verdicts = Counter(outcome.verdict for outcome in found.values())
    at = Counter(o.stage for o in found.values() if o.verdict != SURVIVED)
    wrongly = [m for m, o in found.items() if o.verdict != SURVIVED and m.key in judged]
    average = sum(outcome.seconds for outcome in found.values()) / max(len(found), 1)
    lines = [
        *counts("died, by kind:", ((m.kind, o) for m, o in found.items())),
        *counts("died, by file:", ((m.key.file, o) for m, o in found.items())),
        "died, by stage:",
        *(
            f"  {at[i]:4} in stage {i + 1}: {len(stage.files)} files, {stage.seconds:.1f} s"
            for i, stage in enumerate(in_stages)
        ),
        "how: " + ", ".join(f"{verdict} {n}" for verdict, n in sorted(verdicts.items())),
        f"{average:.1f} s each",
        *(["", "survivors:"] if left else []),
        *(survivor(mutant, judged.get(mutant.key)) for mutant in left),
        *(f"judged to survive, but died: {mutant}" for mutant in wrongly),
        "",
        f"{died} of {could_die} that a test could notice died: {share:.1%}, {wanted:.0%} wanted; "
        f"{len(equivalent)} equivalent, {len(unjudged)} not judged yet",
    ]
    return "\n".join(lines), share >= wanted and not unjudged


def as_data(found: dict[Mutant, Outcome]) -> list[dict[str, Any]]:
    return [
        {**mutant.key._asdict(), "kind": mutant.kind, "line": mutant.line, **outcome._asdict()}
        for mutant, outcome in found.items()
    ]


def survivors_in(path: str) -> set[Key]:
    rows = json.loads(Path(path).read_text("utf-8"))["mutants"]
    return {
        Key(*(row[field] for field in Key._fields)) for row in rows if row["verdict"] == SURVIVED
    }


# --- the command ---------------------------------------------------------------------------------


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--count", type=int, default=400, help="mutants to draw")
    add("--seed", type=int, default=0)
    add("--jobs", type=int, default=2, help="mutants that are tested at a time")
    add("--on", choices=AREAS, default="engine", help="what to change, tested by its tests")
    add("--targets", nargs="+", help="files and folders to change instead")
    add("--tests", nargs="+", help="test files and folders, of which the fastest run first")
    add("--longest", type=float, help="leave out test files that take more seconds")
    add("--only", help="of the drawn mutants, those of files that match this pattern")
    add("--list", action="store_true", help="list the drawn mutants, and run nothing")
    add("--show", type=int, help="show a drawn mutant, by its number in the list")
    add("--again", metavar="FILE", help="instead of a sample, what survived in this --json file")
    add("--json", metavar="FILE", help="write the outcomes there")
    add("--root", type=Path, default=ROOT, help="the folder that holds targets and tests")
    args = parser.parse_args()
    args.targets = args.targets or AREAS[args.on].targets
    args.longest = args.longest or AREAS[args.on].longest
    return args


def drawn_by(args: argparse.Namespace, sources: dict[str, str]) -> list[Mutant]:
    every = [mutant for file, source in sources.items() for mutant in mutants(source, file)]
    if args.again:
        wanted = survivors_in(args.again)
        drawn = [mutant for mutant in every if mutant.key in wanted]
        print(f"{len(wanted)} survived, {len(drawn)} of them are still mutants of this source")
    else:
        drawn = sample(every, sources, args.count, args.seed)
        lines, possible = len({m.place for m in drawn}), len({m.place for m in every})
        print(f"{len(drawn)} of {len(every)} mutants, on {lines} of {possible} lines", flush=True)
    pattern = args.only or "*"
    return [m for m in drawn if fnmatch(m.key.file, pattern) or m.key.file.endswith(pattern)]


def main() -> None:
    args = arguments()
    root: Path = args.root.resolve()
    sources = {file: (root / file).read_text("utf-8") for file in files_in(root, args.targets)}
    drawn = drawn_by(args, sources)
    if args.list:
        print("\n".join(f"{i}: {m}: {m.key.after}" for i, m in enumerate(drawn)))
        return
    if args.show is not None:
        print(difference(drawn[args.show], sources[drawn[args.show].key.file]))
        return
    area = AREAS[args.on]
    there = [f"tests/{name}" for name in area.tests if (root / "tests" / name).is_dir()]
    tests = files_in(root, args.tests or there, "test_*.py")
    tests = [test for test in dict.fromkeys(tests) if Path(test).name not in LEFT_OUT]
    tests = [part for test in tests for part in PARTS.get(test, [test])]
    began = time.monotonic()
    for library in ("OPENBLAS", "OMP", "MKL"):  # before NumPy is imported, and in what is started
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as work:
        folders = [Path(work) / f"copy{i}" for i in range(args.jobs)]
        for folder in folders:
            copied(root, folder, [*args.targets, *tests])
        durations = measured(tests, root, folders, args.longest)
        in_stages = stages(durations)
        print(f"{len(durations)} test files, {len(in_stages)} stages: ", end="")
        print(", ".join(f"{stage.seconds:.1f} s" for stage in in_stages), flush=True)
        found = results(drawn, in_stages, root, folders)
    if args.json:
        data = {"seed": args.seed, "durations": durations, "mutants": as_data(found)}
        Path(args.json).write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    text, well = report(found, in_stages, judgements(), area.share)
    well = well and len(found) == len(drawn)
    print(text, f"\n{(time.monotonic() - began) / 60:.1f} minutes", sep="")
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
