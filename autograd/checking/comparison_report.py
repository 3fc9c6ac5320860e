"""What `compare` found, as a table and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from typing import Literal

import numpy as np

from autograd.checking.diagnosis import Hypothesis
from autograd.engine.tensor import Array

Verdict = Literal["ok", "wrong", "shape", "not finite"]

_MOST_NAMES = 6  # in one line; of more, the ends are named
_MOST_CAUSES = 3
_HEADERS = ("name", "shape", "abs. error", "rel. error", "where", "limit", "verdict")


@dataclass
class Row:
    """One gradient beside the tape's.

    Attributes:
        name, shape: of the tensor.
        given, expected: the manual gradient as it was given, and the tape's.
        limit: the smallest error that would have been found.
        abs_error, rel_error: the largest, and that relative to the largest element expected. Of
            a gradient of the wrong shape, after the repair that the diagnosis names; NaN where
            there is none.
        where: index of the largest error, None where there is none.
        verdict: "ok", "wrong", "shape" (it has the wrong one) or "not finite" (NaN or infinity
            that the other does not have).
        notes: what else is known: both shapes, places of NaN and infinity.
        because_of: names of wrong gradients that this one is computed from.
        follows: whether it is just what the tape gives if one carries on from those.
        diagnosis: what is wrong with it, best explanation first; empty if unknown.
        with_others: names of wrong gradients that one mistake explains together with this one,
            though none was computed from another; and where that mistake was made.
    """

    name: str
    shape: tuple[int, ...]
    given: Array
    expected: Array
    limit: float
    abs_error: float = float("nan")
    rel_error: float = float("nan")
    where: tuple[int, ...] | None = None
    verdict: Verdict = "ok"
    notes: list[str] = field(default_factory=list)
    because_of: tuple[str, ...] = ()
    follows: bool = False
    diagnosis: list[Hypothesis] = field(default_factory=list)
    with_others: tuple[tuple[str, ...], str] | None = None

    @property
    def ok(self) -> bool:
        """Whether the gradient is right."""
        return self.verdict == "ok"

    @property
    def scale(self) -> float:
        """The largest finite element expected."""
        finite = self.expected[np.isfinite(self.expected)]
        return float(np.abs(finite).max(initial=0.0))

    def measure(self, error: Array, expected: Array) -> None:
        """Set the errors from the elementwise ones; NaN and infinite ones count as the largest."""
        if not error.size:
            self.abs_error = self.rel_error = 0.0
            return
        ranked = np.where(np.isnan(error), np.inf, error)
        worst = int(ranked.argmax())
        self.abs_error = float(ranked.ravel()[worst])
        if self.abs_error:
            self.where = tuple(int(i) for i in np.unravel_index(worst, error.shape))
        scale = self.scale
        self.rel_error = self.abs_error / scale if scale else (np.inf if self.abs_error else 0.0)


class Comparison:
    """The result of `compare`; prints as a table, and says in words what it means.

    Attributes:
        rows: one `Row` for each gradient, in backward order.
        fallback: why the gradients compared with are not computed in float64; None if they are.
        values: one `Row` for each value of the forward pass that was given, in forward order.
    """

    def __init__(
        self, rows: list[Row], fallback: str | None = None, values: list[Row] | None = None
    ) -> None:
        self.rows, self.fallback, self.values = rows, fallback, values or []

    @property
    def ok(self) -> bool:
        """Whether all gradients are right, and all values that were given."""
        return all(row.ok for row in self.rows + self.values)

    @property
    def wrong(self) -> list[Row]:
        """The rows that are not right, in backward order."""
        return [row for row in self.rows if not row.ok]

    @property
    def first(self) -> str | None:
        """The name of the first wrong gradient in backward order, None if all are right."""
        return self.wrong[0].name if self.wrong else None

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name}; compared: {', '.join(row.name for row in self.rows)}")

    def __str__(self) -> str:
        return "\n".join([*_table([_HEADERS, *map(_cells, self.rows)]), "", *self._words()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(header)}</th>" for header in _HEADERS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(row)) + "</tr>"
            for row in self.rows
        )
        words = "".join(f"<p>{escape(line)}</p>" for line in self._words() if line)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{words}"

    def _words(self) -> list[str]:
        lines = [f"{row.name}: {note}" for row in self.rows for note in row.notes]
        if self.fallback is not None:
            lines.append(f"compared in the precision of the tape, not in float64: {self.fallback}")
        other = [row for row in self.values if not row.ok]
        if other:
            lines += [
                f"the forward passes differ: first, in forward order, {other[0].name} "
                f"({_differing(other[0])}); mend that before the gradients",
                *_reasons(other[0]),
            ]
        elif self.values:
            lines.append(_agreeing(len(self.values), "value"))
        wrong = self.wrong
        if not wrong:
            return [*lines, _agreeing(len(self.rows), "gradient")]
        lines.append(f"first wrong, in backward order: {wrong[0].name}")
        lines += _told_with_others(wrong[0])
        lines += _reasons(wrong[0])
        told = {name for row in wrong if row.with_others for name in row.with_others[0]}
        follow = {row.name for row in wrong if row.follows}
        rest = [row for row in wrong[1:] if row.name not in told]
        for roots, rows in groupby(rest, lambda row: _roots(row, follow) if row.follows else ()):
            if roots:
                lines.append(_following([row.name for row in rows], roots))
            else:
                for row in rows:
                    lines += [_relation(row), *_told_with_others(row), *_reasons(row)]
        return lines


def _differing(row: Row) -> str:
    if row.verdict == "shape":
        return f"shape {row.given.shape} given, {row.expected.shape} expected"
    return f"relative error {row.rel_error:.2g}"


def _agreeing(count: int, what: str) -> str:
    if count == 1:
        return f"the {what} agrees with the tape"
    return f"all {count} {what}s agree with the tape"


def _told_with_others(row: Row) -> list[str]:
    if row.with_others is None:
        return []
    names, place = row.with_others
    explained = _listed((row.name, *names))
    return [
        f"    one mistake, in what arrives at {place}, explains {explained}: give the gradient of "
        "that too, to see whether it was made there or nearer the loss"
    ]


def _roots(row: Row, follow: set[str]) -> tuple[str, ...]:
    """What a gradient is wrong because of, but for what only follows in turn."""
    return tuple(n for n in row.because_of if n not in follow) or row.because_of


def _following(names: list[str], roots: tuple[str, ...]) -> str:
    verb, what = ("is", "it follows") if len(names) == 1 else ("are", "they follow")
    return (
        f"{_listed(tuple(names))} {verb} wrong only because of {_listed(roots)}: {what} from what "
        "was given there"
    )


def _listed(names: tuple[str, ...]) -> str:
    """Names, of many the first and how many more, with the two ends of these."""
    if len(names) == 1:
        return names[0]
    if len(names) <= _MOST_NAMES:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    shown, rest = names[: _MOST_NAMES - 1], names[_MOST_NAMES - 1 :]
    return f"{', '.join(shown)} and {len(rest)} more, {rest[0]} to {rest[-1]}"


def _relation(row: Row) -> str:
    because = ", ".join(row.because_of)
    if because:
        return (
            f"{row.name} may be wrong only because of {because}, but is not what follows from what "
            "was given there: look for a mistake of its own"
        )
    if not row.diagnosis:
        return f"{row.name} is wrong too, and not computed from the others"
    return f"{row.name} is wrong for a reason of its own"


def _reasons(row: Row) -> list[str]:
    told: list[Hypothesis] = []
    for found in row.diagnosis:  # several say the same in other words
        alike = any(h.kind == found.kind or (h.factor and found.factor) for h in told)
        if not alike and len(told) < _MOST_CAUSES:
            told.append(found)
    if told:
        return [f"    {'' if i == 0 else 'or '}{h}" for i, h in enumerate(told)]
    if row.verdict == "not finite":
        return ["    see the places above"]
    return ["    what is wrong with it is unknown"]


def _cells(row: Row) -> tuple[str, ...]:
    where = "" if row.where is None else str(row.where)
    return (
        row.name,
        str(row.shape),
        f"{row.abs_error:.2e}",
        f"{row.rel_error:.2e}",
        where,
        f"{row.limit:.1e}",
        row.verdict,
    )


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
