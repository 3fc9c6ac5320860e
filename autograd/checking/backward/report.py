"""What `check_backward` found: the first wrong line, why, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autograd.checking.comparison_report import Comparison, Row
from autograd.engine.tensor import Array

_LISTED = 8


@dataclass
class Step:
    """A gradient that a backward assigned, and what is said of it.

    Attributes:
        name: as the backward has it, with its number where a loop assigned several.
        of: the variable of the forward that it is the gradient of.
        file, line, function, text: of the statement that assigned it, and its source, which is
            empty where there is none.
        forward: where that variable was assigned, "file:line: source"; None of an argument.
        value: as the backward had it, a copy.
        row: what `compare` says of it; None where it was right at the first look.
        note: of a layout, or of a later change.
        lines: of the first wrong one: file, line and source of the statements that the mistake
            lies in, those that led to it from what is right, in the order in which they ran.
    """

    name: str
    of: str
    file: str
    line: int
    function: str
    text: str
    forward: str | None
    value: Array
    row: Row | None = None
    note: str = ""
    lines: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether it is right."""
        return self.row is None or self.row.ok

    @property
    def follows(self) -> bool:
        """Whether it is wrong only because of an earlier one."""
        return self.row is not None and self.row.follows

    def at(self, file: str, line: int, function: str, text: str) -> None:
        """Name another line as that of the mistake."""
        self.file, self.line, self.function, self.text = file, line, function, text

    def __str__(self) -> str:
        lines = [
            f"{self.name}, line {self.line} of {self.file}, in {self.function}",
            *([f"    {self.text}"] if self.text else []),
            f"    is not the gradient of {self.of}"
            + (f" ({self.forward})" if self.forward else ""),
        ]
        row = self.row
        if row is not None:
            where = "" if row.where is None else f", at {row.where}"
            lines.append(f"    largest error {row.abs_error:.3g}, of {row.scale:.3g}{where}")
            causes = [str(cause) for cause in row.diagnosis[:3]]
            lines += [f"    {'or ' if at else ''}{cause}" for at, cause in enumerate(causes)]
            lines += [f"    {note}" for note in row.notes]
            if not causes:
                lines.append("    what is wrong with it is unknown")
        if self.note:
            lines.append(f"    {self.note}")
        if len(self.lines) > 1:
            lines.append("    the mistake lies in one of these lines:")
            lines += [f"    {line:>6}: {text}" for _, line, text in self.lines[-_LISTED:]]
        return "\n".join(lines)


@dataclass
class BackwardReport:
    """The result of `check_backward`; prints the first wrong line, and what follows from it.

    Attributes:
        steps: the gradients that could be paired, in the order of their assignment.
        comparison: what `compare` says of those that were judged.
        notes: what else was seen.
    """

    steps: list[Step]
    comparison: Comparison
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all that the backward returned, or left on its object, is right."""
        return self.comparison.ok

    @property
    def wrong(self) -> list[Step]:
        """The wrong ones, nearest the loss first."""
        names = [row.name for row in self.comparison.wrong]
        found = {step.name: step for step in self.steps}
        return [found[name] for name in names]

    @property
    def first(self) -> Step | None:
        """The first wrong one on the way back from the loss; None if all are right."""
        return self.wrong[0] if self.wrong else None

    def __str__(self) -> str:
        right = [step for step in self.steps if step.ok]
        wrong = self.wrong
        if not wrong:
            lines = [f"the backward is right: {_listed(right)}"]
        else:
            lines = [f"first wrong: {wrong[0]}"]
            following = [step for step in wrong[1:] if step.follows]
            if following:
                lines.append(f"from it follows: {_listed(following)}")
            for step in wrong[1:]:
                if not step.follows:
                    lines.append(f"wrong as well: {step}")
            if right:
                lines.append(f"right: {_listed(right)}")
        return "\n".join([*lines, *self.notes])

    __repr__ = __str__


def _listed(steps: Iterable[Step]) -> str:
    words = list(dict.fromkeys(f"{step.name} (line {step.line})" for step in steps))
    more = len(words) - _LISTED
    return ", ".join(words[:_LISTED]) + (f" and {more} more" if more > 0 else "")
