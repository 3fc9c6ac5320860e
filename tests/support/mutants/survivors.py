# lines of source are quoted whole
"""What was judged of the mutants of the engine that no test notices: tests/engine_mutants.py."""

from __future__ import annotations

from typing import NamedTuple


class Judged(NamedTuple):
    """A mutant, by the words of its Key, and why it survives.

    `equivalent` where no test could notice it: it does the same, or the same more slowly.
    """

    file: str
    where: str
    before: str
    after: str
    equivalent: bool
    reason: str
    nth: int = 0


JUDGED: list[Judged] = []
