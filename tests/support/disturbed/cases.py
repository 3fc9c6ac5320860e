"""What a case is: something that happens to a run, and what must hold afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from support.disturbed.scene import Scene


@dataclass(frozen=True)
class Case:
    """One thing that happens.

    Attributes:
        kind: what sort of thing, a word or two.
        name: what happens.
        holds: what must hold afterwards, in words.
        play: makes it happen, and raises AssertionError where that does not hold.
        short: whether the plain tests play it.
    """

    kind: str
    name: str
    holds: str
    play: Callable[[Scene], None]
    short: bool = False


CASES: list[Case] = []


def case(
    kind: str, name: str, holds: str, *, short: bool = False
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Declare a case."""

    def declared(play: Callable[[Scene], None]) -> Callable[[Scene], None]:
        CASES.append(Case(kind, name, holds, play, short))
        return play

    return declared
