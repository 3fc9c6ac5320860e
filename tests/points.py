"""The table of points where rules divide, choose or take powers: python tests/points.py [op ...].

For every op, each special point with its value and all derivatives to third order, each marked
where it is not simply right: `|` an infinity that holds on the side of a signed zero, `*` a choice,
`!` NaN for a reason, `LOST` or `WRONG`, the last three with the limit in brackets. Choices and
reasons stand below. In float32, value and slopes are shown where they are not right. Exits with 1
where a cell is wrong or lost, or jvp is not what reverse mode is.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from itertools import groupby

import numpy as np
from support.points import ROWS
from support.points.judging import Cell, Row, faults, judged

_FAULTS = {"wrong": " WRONG", "lost": " LOST"}


def table(row: Row, cells: list[Cell]) -> str:
    """The lines of one row."""
    lines = [row.op + (f" of {row.label}" if row.label else "")]
    for (dtype, _), group in groupby(cells, lambda cell: (cell.dtype, repr(cell.point))):
        here = list(group)
        if dtype == "float32" and all(cell.verdict in ("right", "nan") for cell in here):
            continue
        # By any order of differentiation a derivative is the same, unless it is at fault.
        shown = {cell.name if cell.verdict in _FAULTS else _sorted(cell): cell for cell in here}
        at = here[0].row.place(here[0].point) + ("" if dtype == "float64" else f" in {dtype}")
        lines.append(f"  {at:24} " + "  ".join(f"{name} {_told(c)}" for name, c in shown.items()))
    notes = sorted({f"    {_mark(c)} {_sorted(c)}: {c.note}" for c in cells if c.note})
    return "\n".join(lines + notes)


def _sorted(cell: Cell) -> str:
    f, _, letters = cell.name.partition("_")
    return "_".join(filter(None, (f, "".join(sorted(letters)))))


def _told(cell: Cell) -> str:
    limit = f" [{cell.limit.value:.6g}]" if _mark(cell) in ("!", *_FAULTS.values()) else ""
    return f"{cell.ours:.6g}{_mark(cell)}{limit}"


def _mark(cell: Cell) -> str:
    marks = {"side": "|", "choice": "*", **_FAULTS}
    if cell.verdict == "nan" and np.isfinite(cell.limit.value):
        return "!"
    return marks.get(cell.verdict, "")


def main(names: list[str]) -> int:
    """Print the rows of the ops named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="OP", help="an op; by default all")
    names = parser.parse_args(names).names
    unknown = sorted(set(names) - {row.name for row in ROWS})
    if unknown:
        parser.error(f"no rows of {', '.join(unknown)}")
    verdicts: Counter[str] = Counter()
    missed = []
    for row in ROWS:
        if names and row.name not in names:
            continue
        cells = judged(row)
        print(table(row, cells))
        verdicts.update(cell.verdict for cell in cells)
        missed += faults(row, cells)
    print(f"\n{sum(verdicts.values())} cells:", *(f"{n} {v}," for v, n in verdicts.most_common()))
    print(*missed, f"{len(missed)} faults", sep="\n")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
