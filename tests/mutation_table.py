"""Which planted mistakes are found, and called what they are: python tests/mutation_table.py.

Every kind of mistake is planted in more than thirty ops at several sizes, scales and precisions, in
gradients derived by hand as a whole, and in the manual derivation of the basic CNN. For each kind
the table says how many were planted; of how many the effect was above the limit that gradcheck and
compare state, how many of these they caught; and of those that compare caught and whose numbers
say enough, how often the diagnosis' first answer was right. Then correct gradients of random
functions are put before both, which must not complain. Exits with 1 where any of that falls short.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import NamedTuple

from support.mistakes.false_alarms import Verdicts, verdicts
from support.mistakes.mutation_runs import (
    FORMULA_CASES,
    cnn_outcomes,
    formula_outcomes,
    noise_outcomes,
)
from support.mistakes.mutations import Found, Outcome, outcomes, plantings

HIT_RATE = 0.9  # of first answers that have to be right
_CHUNK = 25  # random functions that a process takes at a time
_NOISE = 60  # times every shape


@dataclass
class Row:
    """The counts of one kind; `missed`, `misnamed` say which they were."""

    planted: int = 0
    above: Counter[str] = field(default_factory=Counter)  # by checker
    caught: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    right: int = 0
    missed: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.planted += 1
        self._count("gradcheck", outcome, outcome.by_gradcheck)
        self._count("compare", outcome, outcome.by_compare)
        found = outcome.by_compare
        if found is not None and found.above and found.caught and found.asked:
            self.asked += 1
            self.right += found.answer in outcome.answers
            if found.answer not in outcome.answers:
                wanted = " or ".join(sorted(outcome.answers))
                self.misnamed.append(f"{outcome}: {found.answer}, not {wanted}")

    def _count(self, checker: str, outcome: Outcome, found: Found | None) -> None:
        if found is None or not found.above:
            return
        self.above[checker] += 1
        self.caught[checker] += found.caught
        if not found.caught:
            self.missed.append(
                f"{outcome}: effect {found.effect:.1e}, limit of {checker} {found.limit:.1e}"
            )


class Result(NamedTuple):
    """All rows by kind, and what was said of correct gradients."""

    rows: dict[str, Row]
    verdicts: list[Verdicts]

    @property
    def missed(self) -> list[str]:
        return [line for row in self.rows.values() for line in row.missed]

    @property
    def misnamed(self) -> list[str]:
        return [line for row in self.rows.values() for line in row.misnamed]

    @property
    def hit_rate(self) -> float:
        asked = sum(row.asked for row in self.rows.values())
        return sum(row.right for row in self.rows.values()) / max(asked, 1)

    @property
    def false_alarms(self) -> list[str]:
        return [
            f"{v.case}: gradcheck {v.gradcheck}, compare {v.compare}"
            for v in self.verdicts
            if v.gradcheck == "fail" or v.compare != "ok"
        ]

    @property
    def inconclusive(self) -> int:
        return sum(v.gradcheck == "inconclusive" for v in self.verdicts)


def tally(results: Iterable[Outcome | Verdicts]) -> Result:
    result = Result({}, [])
    for one in results:
        if isinstance(one, Verdicts):
            result.verdicts.append(one)
        else:
            result.rows.setdefault(one.kind, Row()).add(one)
    return result


# --- the work, in parts that processes share -----------------------------------------------------

Part = tuple[str, int, int]  # what, which, seed


def parts(cases: int, seed: int) -> list[Part]:
    work = [("rules", i, seed) for i in range(len(list(plantings(seed))))]
    work += [("formulas", i, seed) for i in range(len(FORMULA_CASES))]
    work += [("cnn", 0, seed)]
    work += [("noise", i, seed) for i in range(_NOISE)]
    work += [("random", start, seed) for start in range(0, cases, _CHUNK)]
    return work


def done(part: Part) -> list[Outcome | Verdicts]:
    what, which, seed = part
    if what == "rules":
        return list(outcomes(list(plantings(seed))[which]))
    if what == "formulas":
        return list(formula_outcomes(which, seed))
    if what == "cnn":
        return list(cnn_outcomes(seed))
    if what == "noise":
        return list(noise_outcomes(1_000_003 * seed + which))
    return [verdicts(1_000_003 * seed + which + i) for i in range(_CHUNK)]


def run(cases: int, seed: int, jobs: int) -> Iterator[Outcome | Verdicts]:
    work = parts(cases, seed)
    with get_context("spawn").Pool(jobs) as pool:
        for number, results in enumerate(pool.imap_unordered(done, work), start=1):
            print(f"\r{number} of {len(work)} parts", end="", file=sys.stderr, flush=True)
            yield from results
    print(file=sys.stderr)


# --- the table -----------------------------------------------------------------------------------

_HEADERS = ("mistake", "planted", "gradcheck", "compare", "first answer right")


def table(result: Result) -> str:
    lines = [_HEADERS]
    for kind in sorted(result.rows, key=lambda kind: (kind.startswith("CNN"), kind)):
        row = result.rows[kind]
        checkers = [f"{row.caught[name]} / {row.above[name]}" for name in _HEADERS[2:4]]
        share = f"{row.right} / {row.asked}"
        lines.append((kind, str(row.planted), checkers[0], checkers[1], share))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            c.rjust(w) if i else c.ljust(w)
            for i, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    count = len(result.verdicts)
    alarms = (
        Counter(v.gradcheck for v in result.verdicts),
        Counter(v.compare for v in result.verdicts),
    )
    return "\n".join(
        [
            *text,
            "",
            "caught / above the stated limit; right / caught where the numbers say enough",
            f"first answers right: {result.hit_rate:.1%}",
            f"{count} random correct functions: false alarms of gradcheck {alarms[0]['fail']} "
            f"(inconclusive {alarms[0]['inconclusive']}), of compare {alarms[1]['wrong']}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000, help="random correct functions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--list", action="store_true", help="print each that fell short")
    args = parser.parse_args()
    result = tally(run(args.cases, args.seed, args.jobs))
    print(table(result))
    if args.list:
        print("\n".join(["", *result.missed, *result.misnamed, *result.false_alarms]))
    failed = result.missed or result.false_alarms or result.hit_rate < HIT_RATE
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
