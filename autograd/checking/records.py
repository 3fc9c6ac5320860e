"""The check of single records: each op by itself, at the values on the tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.checking.differences import Steps
from autograd.checking.report import GradcheckReport, Verdict
from autograd.checking.screening import Screen, called, kind
from autograd.checking.subject import Subject
from autograd.checking.subject_check import check
from autograd.checking.variable import Bounds
from autograd.engine.primitives import Primitive
from autograd.engine.tape import Record
from autograd.engine.tensor import Tensor
from autograd.program.taping import calls_of_tape


@dataclass(frozen=True)
class RecordReport:
    """The check of one record: its number on the tape, oldest first, and gradcheck's report.

    `report` is None where the record could not be checked; `note` says why.
    """

    number: int
    record: Record
    report: GradcheckReport | None
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        return "inconclusive" if self.report is None else self.report.verdict

    def __str__(self) -> str:
        record = self.record
        shapes = ", ".join(
            str(a.shape) if isinstance(a, np.ndarray) else repr(a) for a in record.arrays or ()
        )
        scope = f" in {' / '.join(record.scope)}" if record.scope else ""
        line = f", called {record.line}" if record.line else ""
        title = f"record {self.number}: {record.op.name}({shapes}){scope}{line}: {self.verdict}"
        details = self.note or "\n".join(str(self.report).splitlines()[1:])
        return title if self.verdict == "pass" else f"{title}\n{details}"


def check_records(
    roots: Sequence[Tensor],
    rng: np.random.Generator,
    steps: Steps | None = None,
    domains: Mapping[int, Bounds | None] | None = None,
) -> list[RecordReport]:
    """The check of every record from which the roots were computed, oldest first.

    Args:
        domains: of places, by their serial numbers.
    """
    taped, screens = calls_of_tape(*roots), dict[Any, Screen]()
    found = []
    for number, record in enumerate(map(taped.full, taped.records)):
        screen = None
        if steps is None and not domains:
            screen = screens.get(kind(record))
        checked = _checked(number, record, rng, steps, domains or {}, screen)
        if screen is None and isinstance(record.op, Primitive) and checked.verdict == "pass":
            screens[kind(record)] = Screen(record.op, rng)
        found.append(checked)
    return found


def _checked(
    number: int,
    record: Record,
    rng: np.random.Generator,
    steps: Steps | None,
    domains: Mapping[int, Bounds | None],
    screen: Screen | None,
) -> RecordReport:
    op = record.op
    if not isinstance(op, Primitive):
        note = (
            f"'{op.name}' is computed again in the backward pass; its insides are not on this tape"
        )
        return RecordReport(number, record, None, note)
    assert record.arrays is not None
    positions = [i for i, parent in enumerate(record.parents) if parent is not None]
    positions = [i for i in positions if _has_rule(op, i)]
    if not positions:
        return RecordReport(number, record, GradcheckReport([], subject=op.name))

    names = [f"argument {position}" for position in positions]
    short = None if screen is None else screen.report(record, positions)
    if short is not None:
        return RecordReport(number, record, short)
    try:
        given = [record.arrays[i] for i in positions]
        parents = [record.parents[i] for i in positions]
        domain = [None if parent is None else domains.get(parent.serial) for parent in parents]
        title = f"check_tape, {op.name}"
        with Subject(
            lambda *moved: called(record, positions, moved), given, title, steps, domain
        ) as subject:
            for variable, position in zip(subject.variables, positions, strict=True):
                variable.symbol = _symbol(op, position)
            report = check(subject, rng, op.name)
    except ValueError as error:
        return RecordReport(number, record, None, str(error))
    for argument, name in zip(report.arguments, names, strict=True):
        argument.name = name
    return RecordReport(number, record, report)


def _symbol(op: Primitive, position: int) -> str:
    """How the op itself calls an argument."""
    try:
        return op.parameters()[1 + position]
    except (IndexError, ValueError):  # of any number, or of a forward that does not tell
        return f"arguments[{position}]"


def _has_rule(op: Primitive, position: int) -> bool:
    return position >= len(op.rules) or op.rules[position] is not None
