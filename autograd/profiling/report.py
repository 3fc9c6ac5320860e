"""profile(): what a block of code spends its time on, as a table and as a trace."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path
from time import perf_counter_ns

from autograd.engine.modes import mode
from autograd.profiling.chrome import trace
from autograd.profiling.recording import Message, Recorder
from autograd.profiling.tally import Phase, Tally
from autograd.runtime.holding import manager
from autograd.runtime.scopes import observing

_HEADER = ("", "calls", "ms", "share", "MB", "GB/s", "GFLOP/s")
_TITLES: dict[Phase, str] = {
    "forward": "forward",
    "backward": "backward",
    "sweep": "in sweeps, by no rule",
}


@manager
def profile() -> Iterator[Profile]:
    """Within it, in this thread, every op and every rule is timed.

        with profile() as p:
            loss = step()
        print(p)
        p.save_trace("trace.json")

    Times are those that pass on the clock, also where an op shares its work among threads. What
    other threads of the program call is not seen; each may have a profile of its own. Profiles may
    be nested: each has all that ran within it. What a check or `explain` runs for itself is rest.
    What was measured until an exception stays readable.

    Watching takes some 8 microseconds an op, which count as rest, or for the rule that calls the
    op: a step of a small CNN takes 1.2 times as long, a chain of ops on tiny tensors twice as long.

    Raises:
        RuntimeError: debug() or a check watches this thread's ops; the times would be theirs.
    """
    before = mode.observer
    watching = observing()
    if watching is not None and not isinstance(watching, Recorder):
        raise RuntimeError(
            "profile() was entered within debug() or a check, and its times would be those of the "
            "checks; use one at a time"
        )
    recorder = mode.observer = watching or Recorder()
    measured = Profile(recorder)
    try:
        yield measured
    finally:
        measured.close()
        mode.observer = before


@dataclass(frozen=True)
class Row:
    """The calls of one op in one phase.

    Attributes:
        name: of the op.
        phase: "forward"; "backward" for its rules, with summing over broadcast axes and adding to
            gradients that are there; "sweep" for ops that a sweep runs by no rule: hooks, and
            adding to `.grad`.
        calls: of the forward (it runs twice where integers would have made float64 of float32), or
            of records whose rules were run.
        seconds: that passed in them, with all that they call.
        share: of the time of the profile, from 0 to 1.
        nbytes: read from arguments and written to results. A result that is a view moves nothing;
            what broadcasting repeats and windows share counts once. For rules, of the ops they
            call.
        flops: floating-point operations: of products 2 for each pair that is multiplied and added
            (2 n m k for matmul; einsum along NumPy's path), one for each element of an elementwise
            result and of what a reduction reads, none for views and gathers. None where no count is
            known: decompositions, and ops that declare no kind.
    """

    name: str
    phase: Phase
    calls: int
    seconds: float
    share: float
    nbytes: int
    flops: int | None

    @property
    def gigabytes_per_second(self) -> float:
        """Achieved, in 10^9 bytes."""
        return 1e-9 * self.nbytes / self.seconds if self.seconds else 0.0

    @property
    def gigaflops_per_second(self) -> float | None:
        """Achieved, in 10^9 operations; None where the operations are not known."""
        if self.flops is None:
            return None
        return 1e-9 * self.flops / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Sent:
    """What was sent to other processes under one name.

    Attributes:
        calls, nbytes: messages, and bytes of this process's arrays in them.
        seconds: from the begin of each to its end, summed; much of it beside computation.
        exposed_seconds: the part of it in which this process did nothing but wait.
    """

    name: str
    calls: int
    nbytes: int
    seconds: float
    exposed_seconds: float


class Profile:
    """What `profile()` gives: prints as a table. Within the block it shows what has been so far.

    All times add up: those of `rows`, `sweep_seconds` and `rest_seconds` make `total_seconds`.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._spans = (
            recorder.spans
        )  # of the outermost profile: it goes on after this one has ended
        self._first, self._last = len(recorder.spans), -1
        self._messages = recorder.messages
        self._first_message, self._last_message = len(recorder.messages), -1
        self._thread = (threading.get_native_id(), threading.current_thread().name)
        self._begin, self._end = perf_counter_ns(), -1

    def close(self) -> None:
        """End the measurement; `profile()` does this."""
        self._end, self._last = self._now(), len(self._spans)
        self._last_message = len(self._messages)

    @property
    def total_seconds(self) -> float:
        """From the begin of the block to its end."""
        return 1e-9 * (self._now() - self._begin)

    @property
    def rows(self) -> list[Row]:
        """One for each op and phase, the longest first."""
        return self._rows(self._tally(end := self._now()), end)

    @property
    def sweep_seconds(self) -> float:
        """The time of backward sweeps in which no op ran and no rule: bookkeeping, `.grad`."""
        return 1e-9 * self._tally(self._now()).in_sweeps

    @property
    def rest_seconds(self) -> float:
        """The time outside ops and sweeps: Python, the engine's part of an op, optimizers."""
        tally = self._tally(end := self._now())
        counted = sum(total.nanoseconds for total in tally.totals.values())
        return 1e-9 * (end - self._begin - counted - tally.in_sweeps)

    @property
    def communication(self) -> list[Sent]:
        """What was sent to other processes, by name; see `nn.distributed`. Waiting is part of the
        rows, of the sweeps or of the rest, wherever it happened."""
        sums: dict[str, list[int]] = {}
        for name, nbytes, begin, end, waited in self._sent():
            own = sums.setdefault(name, [0, 0, 0, 0])
            for i, value in enumerate((1, nbytes, end - begin, waited)):
                own[i] += value
        return [
            Sent(name, calls, nbytes, 1e-9 * lasted, 1e-9 * waited)
            for name, (calls, nbytes, lasted, waited) in sums.items()
        ]

    def _sent(self) -> list[Message]:
        last = len(self._messages) if self._last_message < 0 else self._last_message
        return self._messages[self._first_message : last]

    def save_trace(self, path: str | PathLike[str]) -> None:
        """Write a Chrome trace (JSON), to be opened at ui.perfetto.dev or chrome://tracing.

        Modules and other scopes are ranges, around the ops called in them and around the rules of
        these; ops are within, with shapes, bytes and operations. Times are microseconds.
        """
        spans = self._spans[: self._now_last()]
        events = trace(spans, self._first, self._begin, self._now(), self._thread, self._sent())
        Path(path).write_text(json.dumps(events), encoding="utf-8")

    def __repr__(self) -> str:
        return f"<profile of {1e3 * self.total_seconds:.3f} ms>"

    def __str__(self) -> str:
        lines = self._lines()
        widths = [max(len(cells[i]) for _, cells in lines) for i in range(len(_HEADER))]
        printed: list[str] = []
        for emphasized, (name, *numbers) in lines:
            padded = [f"{n:>{w}}" for n, w in zip(numbers, widths[1:], strict=True)]
            line = "  ".join([f"{name:<{widths[0]}}", *padded]).rstrip()
            printed += ["", line] if emphasized and printed else [line]
        return "\n".join(printed)

    def _repr_html_(self) -> str:
        rows = []
        for emphasized, cells in self._lines():
            cell = "th" if emphasized else "td"
            name, *numbers = (escape(text) for text in cells)
            columns = [f'<{cell} style="text-align: left">{name}</{cell}>']
            columns += [f'<{cell} style="text-align: right">{n}</{cell}>' for n in numbers]
            rows.append(f"<tr>{''.join(columns)}</tr>")
        return f"<table>{''.join(rows)}</table>"

    def _lines(self) -> list[tuple[bool, Sequence[str]]]:
        """The cells of each line, and whether it heads others."""
        end = self._now()
        tally = self._tally(end)
        rows, total = self._rows(tally, end), end - self._begin
        lines: list[tuple[bool, Sequence[str]]] = [(True, _HEADER)]
        for phase, title in _TITLES.items():
            own = [row for row in rows if row.phase == phase]
            if own:
                lines.append((True, _cells(_sum(title, phase, own))))
                lines += [(False, _cells(row, indent="  ")) for row in own]
        counted = sum(t.nanoseconds for t in tally.totals.values())
        rests = {
            "rest of the sweeps": tally.in_sweeps,
            "rest (outside ops)": total - counted - tally.in_sweeps,
            "total": total,
        }
        for i, (title, nanoseconds) in enumerate(rests.items()):
            lines.append((i == 0, _timed(title, "", 1e-9 * nanoseconds, nanoseconds / total)))
        sent = self.communication
        if sent:
            lines.append(
                (True, ("sent to other processes", "calls", "ms", "exposed", "MB", "", ""))
            )
            lines += [(False, _told_of(message, 1e-9 * total)) for message in sent]
        return lines

    def _rows(self, tally: Tally, end: int) -> list[Row]:
        longest = sorted(tally.totals.items(), key=lambda item: -item[1].nanoseconds)
        return [
            Row(
                name,
                phase,
                total.calls,
                1e-9 * total.nanoseconds,
                total.nanoseconds / (end - self._begin),
                total.nbytes,
                total.flops,
            )
            for (name, phase), total in longest
        ]

    def _tally(self, end: int) -> Tally:
        return Tally(self._spans[: self._now_last()], self._first, end)

    def _now(self) -> int:
        return max(perf_counter_ns(), self._begin + 1) if self._end < 0 else self._end

    def _now_last(self) -> int:
        return len(self._spans) if self._last < 0 else self._last


def _sum(title: str, phase: Phase, rows: list[Row]) -> Row:
    known = [row.flops for row in rows if row.flops is not None]
    return Row(
        title,
        phase,
        sum(row.calls for row in rows),
        sum(row.seconds for row in rows),
        sum(row.share for row in rows),
        sum(row.nbytes for row in rows),
        sum(known) if len(known) == len(rows) else None,
    )


def _cells(row: Row, indent: str = "") -> list[str]:
    rate = row.gigaflops_per_second
    return [
        *_timed(indent + row.name, f"{row.calls:,}", row.seconds, row.share)[:4],
        _mb(row),
        f"{row.gigabytes_per_second:.2f}" if row.nbytes else "-",
        "?" if rate is None else f"{rate:.2f}" if row.flops else "-",
    ]


def _told_of(sent: Sent, total: float) -> list[str]:
    share = sent.exposed_seconds / total
    return [
        *_timed("  " + sent.name, f"{sent.calls:,}", sent.seconds, share)[:4],
        _mb(sent),
        "",
        "",
    ]


def _mb(row: Row | Sent) -> str:
    return f"{1e-6 * row.nbytes:,.2f}" if row.nbytes else "-"


def _timed(name: str, calls: str, seconds: float, share: float) -> list[str]:
    return [name, calls, f"{1e3 * seconds:,.3f}", f"{100 * share:.1f} %", "", "", ""]
