"""Lines of C."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from autograd.lowering.indices import Axis
from autograd.lowering.pieces import Ranges

Lines = list[str]

_WIDTH = 96  # characters of a line


def indented(lines: Sequence[str]) -> Lines:
    """The lines, further to the right."""
    return [f"    {line}" for line in lines]


def wrapped(line: str, indent: str = "") -> Lines:
    """A line as several of up to 96 characters, cut at spaces, of which all but the first are
    indented. `textwrap` does more, and takes several times as long."""
    found: Lines = []
    while len(line) > _WIDTH:
        cut = line.rfind(" ", len(indent) + 1, _WIDTH + 1)
        if cut < 0:
            cut = line.find(" ", _WIDTH)
        if cut < 0:
            break
        found.append(line[:cut])
        line = indent + line[cut + 1 :]
    return [*found, line]


def loop(axis: Axis, lines: Lines, ranges: Ranges = MappingProxyType({})) -> Lines:
    """A loop along an axis, or a part of it."""
    i, (first, end) = f"i{axis.number}", ranges.get(axis, (0, axis.size))
    return [f"for (long {i} = {first}; {i} < {end}; {i}++) {{", *indented(lines), "}"]
