"""Mutants: source texts with one small mistake each, which the tests of that source should notice.

A mutant is named by the text it changes, not by the number of its line, so that what was drawn, and
what was judged of those that survive, holds while the rest of the file changes.
"""

from __future__ import annotations

import ast
import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate, islice
from typing import NamedTuple

from support.mutants.sites import edits


class Key(NamedTuple):
    """Which mutant, in words that stay the same while other lines of the file change."""

    file: str
    where: str  # the function, with the classes and functions around it; empty for the module
    before: str  # the lines that differ, without indentation
    after: str
    nth: int = 0  # of those in the function of which all the rest is equal


class Mutant(NamedTuple):
    """The text of `key.file` with characters `start` to `end` replaced by `new`."""

    key: Key
    kind: str
    line: int
    place: str  # the line as what a sample is drawn from, again without its number
    start: int
    end: int
    new: str

    def __str__(self) -> str:
        where = f" in {self.key.where}" if self.key.where else ""
        return f"{self.key.file}:{self.line}{where}, {self.kind}"

    def applied(self, source: str) -> str:
        return source[: self.start] + self.new + source[self.end :]

    def changes(self, source: str) -> bool:
        """Whether it is Python, and means something else: the text may have misled the finder."""
        try:
            tree = ast.parse(self.applied(source))
        except SyntaxError:
            return False
        return ast.dump(tree) != ast.dump(ast.parse(source))


def mutants(source: str, file: str) -> list[Mutant]:
    """Every mutant of a source text, in the order of the text; `file` is what they call it."""
    lines = source.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]
    places, texts = [], Counter[str]()
    for line in lines:
        text = line.strip()
        places.append(f"{file}: {text} {texts[text]}")
        texts[text] += 1
    found, keys = [], Counter[Key]()
    for kind, start, end, new, where, row in edits(source):
        left, right = starts[row], starts[bisect_left(starts, end)]  # of the lines that change
        before, after = source[left:right], source[left:start] + new + source[end:right]
        if kind == "dropped statement":  # whatever is said beside it
            before, after = source[start:end], new
        if before.count("\n", 0, -1) > after.count("\n", 0, -1):
            before = before.splitlines()[0] + " ..."  # the rest of it is gone
        key = Key(file, where, " ".join(before.split()), " ".join(after.split()))
        mutant = Mutant(key._replace(nth=keys[key]), kind, row + 1, places[row], start, end, new)
        found.append(mutant)
        keys[key] += 1
    return found


def sample(found: Iterable[Mutant], sources: dict[str, str], count: int, seed: int) -> list[Mutant]:
    """At most `count` mutants, of as many lines as possible, in the order of the files.

    A line's luck is the hash of the seed and its text, so a change of one line leaves what is drawn
    of the others as it was. Of a line's mutants one is taken: first a kind, then one of it, and
    None for a value only where there is nothing subtler. When every line has given one, each gives
    a second.
    """

    def luck(*what: object) -> bytes:
        return hashlib.sha256(repr((seed, *what)).encode()).digest()

    lines: dict[str, list[Mutant]] = {}
    for mutant in found:
        lines.setdefault(mutant.place, []).append(mutant)
    draws = []
    for place in sorted(lines, key=luck):
        earlier = Counter[str]()
        turns = []
        for mutant in sorted(lines[place], key=lambda mutant: luck(mutant.key)):
            kind = mutant.kind
            turns.append(((kind == "value", earlier[kind], luck(place, kind)), mutant))
            earlier[kind] += 1
        draws.append([mutant for _, mutant in sorted(turns, key=lambda turn: turn[0])])
    rounds = range(max(map(len, draws), default=0))
    in_turn = (draw[i] for i in rounds for draw in draws if i < len(draw))
    real = (mutant for mutant in in_turn if mutant.changes(sources[mutant.key.file]))
    return sorted(islice(real, count), key=lambda mutant: (mutant.key.file, mutant.start))
