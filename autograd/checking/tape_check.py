"""check_tape: which record on a tape has a wrong rule."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from autograd.checking.records import RecordReport, check_records
from autograd.checking.report import GradcheckError, Verdict, worst
from autograd.checking.screening import kind
from autograd.engine.tensor import Tensor
from autograd.program.taping import place_of_root

_NAMED = 8


class TapeReport:
    """What check_tape found: `records`, oldest first, and of these the `wrong` ones."""

    def __init__(self, records: list[RecordReport]) -> None:
        self.records = records

    @property
    def wrong(self) -> list[RecordReport]:
        return [record for record in self.records if record.verdict == "fail"]

    @property
    def unclear(self) -> list[RecordReport]:
        return [record for record in self.records if record.verdict == "inconclusive"]

    @property
    def verdict(self) -> Verdict:
        return worst([record.verdict for record in self.records])

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    def __str__(self) -> str:
        right = len(self.records) - len(self.wrong) - len(self.unclear)
        counts = f"{right} of {len(self.records)} records have right rules"
        if self.wrong:
            counts += f", {len(self.wrong)} wrong"
        if self.unclear:
            counts += f", {len(self.unclear)} could not be judged"
        return "\n".join([f"check_tape: {counts}", *_folded(self.wrong), *_folded(self.unclear)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def _folded(reports: list[RecordReport]) -> list[str]:
    """The first of each kind of record, and the numbers of others like it."""
    kinds: dict[Any, list[RecordReport]] = {}
    for report in reports:
        kinds.setdefault(kind(report.record), []).append(report)
    lines = []
    for first, *others in kinds.values():
        lines.append(str(first))
        if others:
            numbers = ", ".join(str(other.number) for other in others[:_NAMED])
            numbers += ", ..." * (len(others) > _NAMED)
            lines.append(
                f"and {len(others)} more like it: record{'s'[: len(others) - 1]} {numbers}"
            )
    return lines


def check_tape(loss: Tensor, seed: int = 0, raise_exception: bool = True) -> TapeReport:
    """Check the rule of every record from which `loss` was computed, at its recorded values.

    Each op is called again by itself on the arrays that the tape holds, and its pullbacks are
    checked as by `gradcheck`; so a wrong rule is found where it is, not by what it spoils. Only
    arguments that want a gradient are checked. An op whose gradient is meant to differ from its
    derivative (`custom_vjp`) is found too. A call like one that was checked (the same op, options,
    shapes and dtypes) gets a shorter check, at its own values and by the same limits; where that
    leaves a doubt, the whole one.

    Raises:
        GradcheckError: a rule is wrong or could not be judged; `.report` is what is returned
            otherwise, and also with raise_exception=False.
        TypeError: `loss` is no Tensor.
        RuntimeError: nothing was recorded, or an earlier backward pass freed the tape.
    """
    place_of_root(loss, "check_tape")
    report = TapeReport(check_records([loss], np.random.default_rng(seed)))
    if raise_exception and not report:
        raise GradcheckError(report)
    return report
