"""Mistakes that people published in backward passes: python tests/real_mistakes.py [--folder DIR].

Each module of support/real_mistakes recreates one, with its source: a forward pass on the tape,
the person's backward pass in NumPy, and the same with the mistake mended; or a right pass in a
published style. Prints of how many the first wrong gradient is named, of how many the first cause
that `compare` offers is a fitting one, none, or another, and how many right passes fail.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
from support.real_mistakes import FOLDER

from autograd import compare


def cases(folder: Path = FOLDER) -> list[ModuleType]:
    """The modules of a folder, in the order of their names."""
    found = []
    for path in sorted(folder.glob("[0-9o]*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.append(module)
    return found


def judged(case: ModuleType, seed: int = 0) -> tuple[str, str]:
    """Whether the first wrong gradient is named ("step" or "other step"; "right" and "false alarm"
    where none is wrong), and what is said of it ("fits", "unknown" or "another", with the text)."""
    t = case.forward(np.random.default_rng(seed))
    with np.errstate(all="ignore"):
        given = case.gradients(t)
    report = compare(t["loss"], **{name: (t[name], g) for name, g in given.items()})
    if case.FIRST is None:
        return ("right", "") if report.ok else ("false alarm", str(report))
    step = "step" if report.first == case.FIRST else f"other step ({report.first})"
    found = report.wrong[0].diagnosis if report.wrong else []
    if not found:
        return step, "unknown"
    text = f"{found[0].kind}: {found[0].text}"
    fits = all(any(word.lower() in text.lower() for word in words) for words in case.WORDS)
    return step, f"{'fits' if fits else 'another'}: {text}"


def main() -> int:
    """Print what is said of each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of other cases")
    parser.add_argument("--counts", action="store_true", help="print the counts alone")
    args = parser.parse_args()
    counts: Counter[str] = Counter()
    for case in cases(args.folder):
        step, cause = judged(case)
        counts[step.split(" (")[0]] += 1
        counts[cause.split(":")[0]] += bool(cause) and case.FIRST is not None
        if not args.counts and step not in ("right",) and not cause.startswith("fits"):
            print(f"{case.__name__}: {step}; {cause}\n    it is: {getattr(case, 'CAUSE', '')}")
    print(", ".join(f"{n} {what}" for what, n in counts.items() if n))
    return int(any(counts[what] for what in ("other step", "false alarm")))


if __name__ == "__main__":
    sys.exit(main())
