"""Ways in which a jitted function could give what was right in an earlier call, one row each.

A row is a function of a `Play`, which makes what it needs, takes `play.jit` of a function, and
calls it five times or more with other numbers. It is played as it is and jitted, call by call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from support.jitted_ways.playing import MARK, Play, differing, named_lines, played

from autograd.jitting.jit import jit

# right: as the plain function, call by call, by a program.
# refused: an error that names the line, before anything has changed.
# plain: the function runs plainly, with a warning that says why.
# documented: other than plain, and the docstring of jit says so.
Expected = Literal["right", "refused", "plain", "documented"]


class Way(NamedTuple):
    """A row.

    Attributes:
        expected: see above.
        play: the function.
        says: words of the warning, or of the docstring.
        failing: why the row fails, as things are.
        anew: whether each call has a program of its own.
    """

    expected: Expected
    play: Callable[[Play], None]
    says: str
    failing: str
    anew: bool

    @property
    def name(self) -> str:
        return self.play.__name__


WAYS: list[Way] = []

# In the docstring of jit, of what it does not see.
OTHER = "a number in some other object that changes later"


def way(
    expected: Expected, says: str = "", failing: str = "", anew: bool = False
) -> Callable[[Any], Any]:
    """Let a function be a row of the table."""

    def add(play: Callable[[Play], None]) -> Callable[[Play], None]:
        WAYS.append(Way(expected, play, says, failing, anew))
        return play

    return add


def numbers(*shape: int, count: int = 12, dtype: Any = np.float64) -> list[np.ndarray[Any, Any]]:
    """Arrays for as many calls, no two alike."""
    rng = np.random.default_rng(len(shape) + count)
    return [rng.standard_normal(shape).astype(dtype) for _ in range(count)]


def judge(row: Way) -> None:
    """Raise AssertionError where a way is not what is expected of it."""
    plain, refusal, _ = played(row.play, jitted=False)
    assert refusal is None
    jitted, refusal, warned = played(row.play, jitted=True)
    if row.expected == "refused":
        assert refusal is not None, f"nothing was refused; {differing(plain, jitted)}"
        lines = [*named_lines(refusal, row.play.__code__.co_filename)]
        assert any(line.endswith(MARK) for line in lines), f"{refusal} names {lines}"
        assert jitted.touched == "", f"it was refused, and has changed: {jitted.touched}"
        plain.notes = plain.notes[: len(jitted.notes) - 1]
        jitted.notes = jitted.notes[:-1]
        assert differing(plain, jitted) is None, differing(plain, jitted)
        return
    assert refusal is None, f"it was refused: {refusal}"
    told = differing(plain, jitted)
    if row.expected == "documented":
        assert told is not None, "it is as the plain function: no need to document it"
        words = " ".join((jit.__doc__ or "").split())
        assert row.says and row.says in words, f"jit's docstring does not say: {row.says}"
        return
    assert told is None, told
    assert len(plain.notes) > 5, "fewer than five calls"
    if row.expected == "plain":
        assert any(row.says in text for text in warned), f"the warnings: {warned}"
    else:
        assert not warned, warned
        assert any("program 1" in text for text in jitted.programs), jitted.programs
        assert not any("plainly" in text for text in jitted.programs), jitted.programs
        fast = row.anew or jitted.runs < jitted.calls
        assert fast, f"it ran {jitted.runs} times in {jitted.calls} calls"
