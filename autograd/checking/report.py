"""What gradcheck and check_tape found."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

import numpy as np

from autograd.checking.diagnosis import Hypothesis
from autograd.engine.tensor import Array

Verdict = Literal["pass", "fail", "inconclusive"]

_WORST: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")


def worst(verdicts: list[Verdict]) -> Verdict:
    return min(verdicts, key=_WORST.index, default="pass")


@dataclass(frozen=True)
class Choice:
    """A kink: the slopes on its two sides, and the one that the tape has chosen.

    `index` is that of the argument's element; slopes are those of the checked combination of
    outputs.
    """

    index: tuple[int, ...]
    lower: float
    upper: float
    chosen: float

    def __str__(self) -> str:
        return (
            f"a kink at {_place(self.index)}: slopes {self.lower:.4g} and {self.upper:.4g}, "
            f"{self.chosen:.4g} chosen"
        )


@dataclass
class ArgumentReport:
    """What was found of one argument.

    Attributes:
        method: how the derivatives to compare with were computed.
        directions, elements: along how many random directions, and for how many single elements.
        error: the largest difference between tape and numbers, relative to the gradient's size.
        limit: the smallest such error that would have been found; inf where nothing was compared.
        reasons: what led to the verdict where it is not "pass".
        notes: what else is worth knowing.
        choices: the kinks that were found, at most a few; a value between the slopes passes.
        outside: kinks where the tape's value does not lie between the slopes.
        given, expected: for small arguments that fail, the gradient of the tape and of differences.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    verdict: Verdict = "pass"
    method: str = ""
    directions: int = 0
    elements: int = 0
    error: float = 0.0
    limit: float = 0.0
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    outside: list[Choice] = field(default_factory=list)
    given: Array | None = None
    expected: Array | None = None
    diagnosis: list[Hypothesis] = field(default_factory=list)

    def lower(self, verdict: Verdict, reason: str) -> None:
        """Make the verdict at most as good as this one."""
        self.verdict = worst([self.verdict, verdict])
        if reason not in self.reasons:
            self.reasons.append(reason)


@dataclass
class GradcheckReport:
    """The verdict of gradcheck, and what it rests on. True where the verdict is "pass"."""

    arguments: list[ArgumentReport]
    order: int = 1
    subject: str = "gradcheck"
    problems: list[str] = field(default_factory=list)  # of f as a whole; any of them fails it

    @property
    def verdict(self) -> Verdict:
        if self.problems:
            return "fail"
        return worst([argument.verdict for argument in self.arguments])

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    def __str__(self) -> str:
        title = self.subject + (", second order" if self.order == 2 else "")
        rows = [["", "dtype", "shape", "compared", "error", "would find", "verdict"]]
        rows += [_row(argument) for argument in self.arguments]
        lines = [f"{title}: {self.verdict}", *_table(rows)]
        lines += self.problems
        for argument in self.arguments:
            lines += [f"{argument.name}: {note}" for note in _notes(argument)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


class GradcheckError(AssertionError):
    """A gradient is wrong, or could not be checked. `report` says what was found."""

    def __init__(self, report: Any) -> None:
        super().__init__(f"\n{report}")
        self.report = report


def _row(argument: ArgumentReport) -> list[str]:
    compared = [f"{argument.directions} directions"] * bool(argument.directions)
    compared += [f"{argument.elements} elements"] * bool(argument.elements)
    return [
        argument.name,
        str(argument.dtype),
        str(argument.shape),
        ", ".join([*compared, argument.method]) if compared else "nothing",
        f"{argument.error:.1e}",
        f"{argument.limit:.1e}" if compared else "-",
        argument.verdict,
    ]


def _notes(argument: ArgumentReport) -> list[str]:
    notes = argument.reasons[:3]
    if len(argument.reasons) > 3:
        notes.append(f"and {len(argument.reasons) - 3} more such")
    for hypothesis in argument.diagnosis[:3]:
        notes.append(f"perhaps {hypothesis.text} ({hypothesis.evidence})")
    notes += [str(choice) for choice in argument.choices[:3]]
    if len(argument.choices) > 3:
        notes.append(f"and {len(argument.choices) - 3} more kinks, each within its slopes")
    return notes + argument.notes


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _place(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else "the number"


def describe_difference(index: tuple[int, ...], tape: float, numbers: float, error: float) -> str:
    return (
        f"at {_place(index)} the tape says {tape:.8g}, differences say {numbers:.8g} "
        f"(to {error:.0e})"
    )


def describe_doubt(tape: float, numbers: float, error: float) -> str:
    if not np.isfinite(numbers):
        return (
            f"the tape says {tape:.6g}, and f is not finite a small step from here, or its changes "
            "are not: tell by domain=(lo, hi) where it may be asked, or check at another point"
        )
    return (
        f"the tape says {tape:.6g}, differences say {numbers:.6g}, but only to {error:.1g}: f is "
        "too noisy or too steep here to judge by; another step may tell"
    )
