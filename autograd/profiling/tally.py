"""Spans added up by op, so that each nanosecond is counted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from autograd.profiling.recording import Span

Phase = Literal["forward", "backward", "sweep"]


class _Around(NamedTuple):
    """What is around a span: whose time it is part of, if anyone's, and within what it runs."""

    owner: Total | None
    in_op: bool
    in_sweep: bool
    phase: Phase


class Total:
    """What the calls of one op in one phase took, moved and computed."""

    def __init__(self) -> None:
        self.calls = self.nanoseconds = self.nbytes = 0
        self.flops: int | None = 0

    def add_cost(self, span: Span) -> None:
        self.nbytes += span.cost.nbytes
        if self.flops is not None:
            self.flops = None if span.cost.flops is None else self.flops + span.cost.flops


class Tally:
    """Totals by op and phase of the spans from number `first` on, open ones ending at `end`.

    Only the outermost op or rule counts time; what an op calls within its forward, and a rule, is
    part of it. The cost of a rule is that of the ops it calls.

    Attributes:
        totals: by name and phase.
        in_sweeps: nanoseconds of the sweeps that no total counts.
    """

    def __init__(self, spans: Sequence[Span], first: int, end: int) -> None:
        self.totals: dict[tuple[str, Phase], Total] = {}
        self.in_sweeps = 0
        outside = _Around(None, False, False, "forward")
        around: list[_Around] = []
        for span in spans[first:]:
            parent = around[span.parent - first] if span.parent >= first else outside
            ended = end if span.end is None else min(span.end, end)
            around.append(self._add(span, ended - span.begin, parent))

    def _add(self, span: Span, nanoseconds: int, parent: _Around) -> _Around:
        """Count a span; gives what is around those within it."""
        owner, in_op, in_sweep, phase = parent
        if span.kind in ("op", "pull"):
            if owner is None:
                key = (span.name, phase if span.kind == "op" else "backward")
                owner = self.totals.setdefault(key, Total())
                owner.calls += 1
                owner.nanoseconds += nanoseconds
                if in_sweep:
                    self.in_sweeps -= nanoseconds
            if span.kind == "op" and not in_op:
                owner.add_cost(span)
            return _Around(owner, in_op or span.kind == "op", in_sweep, phase)
        if span.kind == "sweep":
            if owner is None and not in_sweep:
                self.in_sweeps += nanoseconds
            return _Around(owner, in_op, True, "sweep")
        return parent._replace(phase="forward") if span.kind == "again" else parent
