"""What gradcheck and check_tape found."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal, NamedTuple

import numpy as np

from autograd.checking.diagnosis import Hypothesis
from autograd.engine.tensor import Array

Verdict = Literal["pass", "fail", "inconclusive"]

_SHOWN = 3  # lines of a kind

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


class Difference(NamedTuple):
    """A derivative of which tape and differences say different things.

    `of` and `by` are an element of the result and one of an argument; `error` is that of the
    differences, and `known` whether it is small enough to judge by.
    """

    of: str
    by: str
    tape: float
    numbers: float
    error: float
    known: bool

    def __str__(self) -> str:
        what = f"d {self.of} / d {self.by}: the tape says {self.tape:.8g}"
        if self.known:
            return f"{what}, differences say {self.numbers:.8g} (to {self.error:.0e})"
        if not np.isfinite(self.numbers):
            return (
                f"{what}, and f is not finite a small step from here, or its changes are not: tell "
                "by domain=(lo, hi) where it may be asked, or check at another point"
            )
        return (
            f"{what}, differences say {self.numbers:.6g}, but only to {self.error:.1g}: f is too "
            "noisy or too steep here to judge by; another step may tell"
        )


@dataclass
class ArgumentReport:
    """What was found of one argument.

    Attributes:
        method: how the derivatives to compare with were computed.
        directions, elements: along how many random directions, and for how many single elements.
        error: the largest difference between tape and numbers, relative to the size of the whole
            gradient (of small arguments, of that of one output).
        limit: the smallest such error that would have been found; inf where nothing was compared.
        reasons: what led to the verdict where it is not "pass",
        differences: and the single derivatives that did.
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
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    outside: list[Choice] = field(default_factory=list)
    given: Array | None = None
    expected: Array | None = None
    diagnosis: list[Hypothesis] = field(default_factory=list)

    def lower(self, verdict: Verdict, reason: str | Difference) -> None:
        """Make the verdict at most as good as this one."""
        self.verdict = worst([self.verdict, verdict])
        told: list[Any] = self.reasons if isinstance(reason, str) else self.differences
        if reason not in told:
            told.append(reason)


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
    notes = argument.reasons[:_SHOWN]
    if len(argument.reasons) > _SHOWN:
        notes.append(f"and {len(argument.reasons) - _SHOWN} more such")
    notes += _grouped(argument.differences)
    for hypothesis in argument.diagnosis[:_SHOWN]:
        notes.append(f"perhaps {hypothesis.text} ({hypothesis.evidence})")
    notes += [str(choice) for choice in argument.choices[:_SHOWN]]
    if len(argument.choices) > _SHOWN:
        notes.append(f"and {len(argument.choices) - _SHOWN} more kinks, each within its slopes")
    return notes + argument.notes


def _grouped(differences: list[Difference]) -> list[str]:
    """A line for each pair of numbers, with how many derivatives have it."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for one in differences:
        groups.setdefault((f"{one.tape:.6g}", f"{one.numbers:.6g}"), []).append(one)
    lines = [
        str(first) + (f" (and {len(others)} more like it)" if others else "")
        for first, *others in list(groups.values())[:_SHOWN]
    ]
    left = sum(map(len, list(groups.values())[_SHOWN:]))
    return lines + [f"and {left} more derivatives that differ"] * bool(left)


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _place(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else "the number"
