"""The table: all ways, and how it prints."""

from __future__ import annotations

import importlib.util

from support.ways import lists, of_numpy, of_numpy_functions, of_python, of_science, ours
from support.ways.judging import Right, Said, Way, complaint, judged

_FILES = (lists, ours, of_python, of_numpy, of_numpy_functions, of_science)
WAYS: list[Way] = [way for file in _FILES for way in file.WAYS]


def installed(package: str) -> bool:
    """Whether what a way needs is there; "" always is."""
    return not package or importlib.util.find_spec(package) is not None


def printed(ways: list[Way]) -> int:
    """Print what becomes of each way. 1 where one is not as expected, else 0."""
    counts = dict.fromkeys(("right", "error", "documented", "WRONG", "not tried"), 0)
    for way in ways:
        label, said = _told(way) if installed(way.package) else ("not tried", way.package)
        counts[label] += 1
        print(f"{label:11}{way.name:40}{said[:100]}".rstrip())
    print(f"{len(ways)} ways:", ", ".join(f"{n} {label}" for label, n in counts.items() if n))
    return int(counts["WRONG"] > 0)


def _told(way: Way) -> tuple[str, str]:
    verdict = judged(way)
    wrong = complaint(way, verdict)
    if wrong is not None:
        return "WRONG", wrong
    if isinstance(way.expects, Said):
        return "documented", way.expects.by
    label = "documented" if verdict.kind == "flat" else verdict.kind
    return label, "" if isinstance(way.expects, Right) else verdict.said
