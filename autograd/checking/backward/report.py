"""What `check_backward` found: the first wrong line, why, and what follows from it."""

from __future__ import annotations

import re
from collections import defaultdict
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
        unjudged: what it returned besides, of which it is not known what it is the gradient of.
        missing: what the loss was computed from and of which no gradient was found.
    """

    steps: list[Step]
    comparison: Comparison
    notes: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Step:
        """The gradient of this name, as the report has it. Raises KeyError where there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(
            f"{name}: no gradient of that name could be paired; there are "
            f"{', '.join(step.name for step in self.steps) or 'none'}"
        )

    @property
    def ok(self) -> bool:
        """Whether all that could be judged of what the backward returned, or left on its object,
        is right."""
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
        lines = []
        if wrong:
            lines.append(f"first wrong: {wrong[0]}")
            if following := [step for step in wrong[1:] if step.follows]:
                lines.append(f"from it follows: {_listed(following)}")
            unknown = [s for s in wrong[1:] if not (s.follows or (s.row and s.row.diagnosis))]
            for step in wrong[1:]:
                if not step.follows and step not in unknown:
                    lines.append(f"wrong as well: {step}")
            if unknown:
                lines.append(f"wrong as well, and it is unknown why: {_listed(unknown)}")
        all_ = not (wrong or self.unjudged or self.missing)
        if right:
            lines.append(f"{'the backward is right' if all_ else 'right'}: {_listed(right)}")
        if self.unjudged:
            names = ", ".join(self.unjudged)
            lines.append(
                f"not judged, as no variable of the forward is known to go with it: {names}"
            )
        if self.missing:
            lines.append(f"no gradient was found of {', '.join(self.missing)}")
        return "\n".join([*lines, *self.notes])

    __repr__ = __str__


def _listed(steps: Iterable[Step]) -> str:
    """Names and lines; of those of a loop the ends."""
    groups: dict[tuple[str, int], list[str]] = defaultdict(list)
    for step in steps:
        groups[re.sub(r" \(\d+ of \d+\)", "", step.name), step.line].append(step.name)
    words = [
        f"{names[0]} (line {line})"
        if len(names) == 1
        else f"{names[0]} to {names[-1]} (line {line})"
        for (_, line), names in groups.items()
    ]
    more = sum(len(names) for names in list(groups.values())[_LISTED:])
    return ", ".join(words[:_LISTED]) + (f" and {more} more, to {words[-1]}" if more else "")
