"""One way played twice, as a plain function and jitted, and what has to be the same in both."""

from __future__ import annotations

import linecache
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import autograd as ag
import nn
from autograd import Tensor
from autograd.jitting.capture import FrozenError
from autograd.jitting.jit import Jitted, JitWarning
from autograd.jitting.verifying import VerificationError

REFUSALS = (FrozenError, VerificationError)
MARK = "# here"  # ends the line that a refusal has to name
_ULPS = 4


class Play:
    """What a way is given: `jit`, and the calls that are noted.

    Args:
        jitted: whether `jit` is the project's, or leaves functions alone.

    Attributes:
        notes: what is compared, in order.
        calls: how many there were.
        runs: how many times jitted functions have run in Python.
        touched: what a call has changed that was refused; None where nothing was refused.
    """

    def __init__(self, jitted: bool) -> None:
        self._jitted = jitted
        self._watched: list[Any] = []
        self._results: list[Any] = []
        self._made: list[Jitted] = []
        self.notes: list[Any] = []
        self.runs = 0
        self.calls = 0
        self.touched: str | None = None

    def jit(self, f: Any = None, **options: Any) -> Any:
        if f is None:
            return lambda f: self.jit(f, **options)
        if not self._jitted:
            return f
        self._made.append(ag.jit(_Counted(f, self), **options))
        return self._made[-1]

    def watch(self, *things: Any) -> None:
        """Compare these too, after each call."""
        self._watched += things

    def __call__(self, f: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call f, and note what it returns, and what becomes of all that is seen."""
        before = picture([self._watched, args, options])
        try:
            result = f(*args, **options)
        except REFUSALS:
            self.touched = unlike(before, picture([self._watched, args, options])) or ""
            raise
        self.calls += 1
        self._results.append(result)
        self.note(result, self._watched, args, options)
        return result

    def note(self, *values: Any) -> None:
        self.notes.append(picture(values))

    def end(self) -> None:
        """What was returned earlier is what it is in the end."""
        self.note(self._results)

    @property
    def programs(self) -> list[str]:
        """What each jitted function says of itself."""
        return [f.report() for f in self._made]


class _Counted:
    """A function that counts its runs, and is no object that jit looks at."""

    __slots__ = ("__wrapped__", "_play")

    def __init__(self, f: Any, play: Play) -> None:
        self.__wrapped__, self._play = f, play

    def __call__(self, *args: Any, **options: Any) -> Any:
        self._play.runs += 1
        return self.__wrapped__(*args, **options)

    @property
    def __name__(self) -> str:
        return getattr(self.__wrapped__, "__name__", type(self.__wrapped__).__name__)


# --- what is compared ---------------------------------------------------------------------------


def picture(value: Any) -> Any:
    """A copy of all that can be seen of a value, of arrays, tuples and names."""
    if isinstance(value, Tensor):
        kind = type(value).__name__, value.requires_grad, value.is_leaf
        grad = None if value.grad is None else picture(value.grad)
        return kind, _array(value.data), grad
    if isinstance(value, np.ndarray | np.generic):
        return type(value).__name__, _array(value)
    if isinstance(value, nn.Module):
        return [(name, picture(t)) for name, t in value._state().items()]
    if isinstance(value, nn.optim.Optimizer | nn.schedule.LRScheduler):
        return picture(value.state_dict())
    if isinstance(value, ag.random.Generator):
        return picture(value.state)
    if isinstance(value, np.random.Generator):
        return picture(value.bit_generator.state)
    if isinstance(value, dict):
        return [(repr(k), picture(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(picture, value)]
    if isinstance(value, float):
        return float.__name__, _array(np.asarray(value))
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__)
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def _array(array: Any) -> np.ndarray[Any, Any]:
    return np.array(array)  # a copy


def unlike(a: Any, b: Any, ulps: int = 0) -> str | None:
    """In words, the first difference of two pictures; None where there is none."""
    if type(a) is not type(b):
        return f"{_told(a)} and {_told(b)}"
    if isinstance(a, np.ndarray):
        return None if _same(a, b, ulps) else f"{_told(a)} and {_told(b)}"
    if isinstance(a, list | tuple):
        if len(a) != len(b):
            return f"{_told(a)} and {_told(b)}"
        return next((d for x, y in zip(a, b, strict=True) if (d := unlike(x, y, ulps))), None)
    return None if a == b else f"{_told(a)} and {_told(b)}"


def _same(a: Any, b: Any, ulps: int) -> bool:
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return False
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    with np.errstate(all="ignore"):
        same = ((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))
        near = np.abs(a - b) <= ulps * np.spacing(np.maximum(np.abs(a), np.abs(b)))
    return bool((same | near).all()) if ulps else bool(same.all())


def _told(value: Any) -> str:
    return " ".join(f"{value!r}".split())[:150]


# --- playing ------------------------------------------------------------------------------------


def played(way: Callable[[Play], None], jitted: bool) -> tuple[Play, Exception | None, list[str]]:
    """A way played once: what was noted, the refusal that ended it, and warnings of jit."""
    play, refusal = Play(jitted), None
    before = ag.random.default_generator().state
    ag.random.seed(7)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                way(play)
            except REFUSALS as error:
                refusal = error
        play.end()
    finally:
        ag.random.default_generator().state = before
    return play, refusal, [str(w.message) for w in caught if issubclass(w.category, JitWarning)]


def named_lines(error: Exception, file: str) -> Iterator[str]:
    """The text of the lines of a file that an error names."""
    for name, line in re.findall(r"(\w+\.py):(\d+)", str(error)):
        if name == Path(file).name:
            yield linecache.getline(file, int(line)).strip()


def differing(plain: Play, jitted: Play, ulps: int = _ULPS) -> str | None:
    """In words, the first thing that a jitted way gave otherwise."""
    for number, (a, b) in enumerate(zip(plain.notes, jitted.notes, strict=False)):
        if told := unlike(a, b, ulps):
            return f"note {number} of {len(plain.notes)}: plain and jitted, {told}"
    if len(plain.notes) != len(jitted.notes):
        return f"{len(plain.notes)} notes plain, {len(jitted.notes)} jitted"
    return None
