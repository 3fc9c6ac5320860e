"""The check of C against NumPy tells of mistakes: in rows, in the text, and in where values lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from support.in_c.joining import Joined, Part
from support.shares import shared

from autograd import Tensor, ops, primitive
from autograd.lowering import c_backend, generating
from autograd.lowering.lowerer import Arguments, Lowerer, Row
from autograd.lowering.nests import View
from autograd.lowering.rows import rearranging, reducing
from autograd.lowering.rows.elementwise import Elementwise
from autograd.lowering.rows.table import ROWS
from autograd.native import NativeWarning
from autograd.program import arena
from autograd.program.arena import Life
from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]

pytestmark = pytest.mark.usefixtures("in_c")

X = np.random.default_rng(5).normal(size=(9, 70))
X[3, 4], X[5, 6], X[7, 1] = np.nan, np.inf, -0.0
I = np.array([3, 0, 8, 3])  # noqa: E741


def some(names: Iterable[str]) -> list[Any]:
    """Every sixth is tried in the plain run, the others with the slow ones."""
    return [pytest.param(name, marks=marks) for name, marks in shared([*names], 6)]


def difference(f: Callable[..., Any], *xs: Array) -> str | None:
    with np.errstate(all="ignore"):
        return Joined([Part("f", program_of(f, *xs), xs)]).difference()


# --- rows ---------------------------------------------------------------------------------------


def _of(row: Row, **instead: Any) -> Row:
    """A row that is told other arguments."""

    def wrong(lowerer: Lowerer, given: Arguments) -> Any:
        given.given.update({name: change(given.given[name]) for name, change in instead.items()})
        return row(lowerer, given)

    return wrong


def _backwards(row: Row) -> Row:
    """A row whose result is the wrong way round along its first axis that is longer than 1."""

    def wrong(lowerer: Lowerer, given: Arguments) -> View:
        made = row(lowerer, given)
        assert isinstance(made, View)
        return made.backwards(made.axes[:1])

    return wrong


def _twice(x: Any) -> Any:
    return ops.where(ops.equal(x, x), x, x)


# An op, its mistaken row, and a function that calls it.
ROWS_WITH_MISTAKES: dict[str, tuple[Any, Row, Callable[[Any], Any]]] = {
    "sign": (ops.subtract, Elementwise("y - x", np.subtract), lambda x: x - 1.5),
    "rounding": (ops.tanh, Elementwise("tanh(x) * 1.000000000000002"), ops.tanh),
    "another function": (ops.expm1, Elementwise("exp(x) - 1.0"), lambda x: ops.expm1(x * 1e-9)),
    "nan": (ops.maximum, Elementwise("x >= y ? x : y", np.maximum), lambda x: ops.maximum(x, 0.5)),
    "or equal": (ops.greater, Elementwise("x >= y", np.greater), lambda x: x > x),
    "infinity": (ops.isfinite, Elementwise("x == x", np.isfinite), ops.isfinite),
    "least": (ops.max, reducing.plain("min"), lambda x: ops.max(x, axis=1)),
    "last": (ops.argmax, _backwards(ROWS[ops.argmax]), lambda x: ops.argmax(x, axis=1)),
    "another axis": (ops.sum, _of(ROWS[ops.sum], axis=lambda a: 0), lambda x: ops.sum(x[:, :9], 1)),
    "count": (ops.mean, reducing.plain("sum"), lambda x: ops.mean(x, axis=0)),
    "degrees": (ops.var, _of(ROWS[ops.var], ddof=lambda d: d + 1), lambda x: ops.var(x, 0)),
    "order": (ops.transpose, rearranging.same, lambda x: ops.transpose(_twice(x[:, :9])) * 2.0),
    "turned": (ops.flip, rearranging.same, lambda x: ops.flip(_twice(x), 1)),
    "start": (
        ops.getitem,
        _of(ROWS[ops.getitem], index=lambda i: (slice(1, 5), *i[1:])),
        lambda x: _twice(x)[0:4, 3] * 2.0,
    ),
    "border": (
        next(op for op in ROWS if op.name == "pad"),
        _of(ROWS[next(op for op in ROWS if op.name == "pad")], constant_values=lambda v: 1e-9),
        lambda x: ops.pad(_twice(x), 1) * 2.0,
    ),
    "windows": (
        ops.sliding_windows,
        _of(ROWS[ops.sliding_windows], dilation=lambda d: (1, 2)),
        lambda x: ops.sliding_windows(_twice(x), (2, 3), (2, 3), (1, 1)) * 2.0,
    ),
    "places": (ops.getitem, _backwards(ROWS[ops.getitem]), lambda x: x[Tensor(I)] * 2.0),
}


@pytest.mark.parametrize("name", some(ROWS_WITH_MISTAKES))
def test_a_mistake_in_a_row(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, row, f = ROWS_WITH_MISTAKES[name]
    assert difference(f, X) is None
    monkeypatch.setitem(ROWS, op, row)
    told = difference(f, X)
    assert told is not None and f", {op.name} (" in told, told


@primitive(lowering="x > 5000.0 ? x : 2.0 * x")  # beyond what it is tried on
def less_exact(x: Array) -> Array:
    return 2.0 * x


def test_a_mistake_in_a_declared_lowering() -> None:
    told = difference(less_exact, np.linspace(-3, 6000, 70))
    assert told is not None and "is not its forward" in told


# --- the text -----------------------------------------------------------------------------------


def _program(x: Any) -> Any:
    """Loops of every kind: maps, sums in blocks and along, maxima and places, scatters."""
    y = ops.tanh(x) * 0.5 - x
    columns, rows = ops.sum(y, 0), ops.sum(ops.reshape(y, (9, 7, 10)), (1, 2))
    first = ops.argmax(ops.where(x == x, x, 0.0), 1)
    picked = y[Tensor(np.arange(9)), first]
    padded = ops.pad(ops.where(x == x, x, 0.0), 1)
    spread = ops.scatter(ops.getitem(y, Tensor(I)), (Tensor(I),), (9, 70))
    most = ops.max(ops.where(x == x, y, 0.0), 1) - ops.min(ops.where(x == x, y, 0.0), 1)
    return y, columns, ops.sum(y, 1), rows, first, picked, padded * 2.0, spread, most


# What is found in the text, and what is put there.
TEXTS = {
    "accumulators begin with another number": (r"= -0\.0;", "= 0.5;"),
    "one element less": (r"l < 32;", "l < 31;"),
    "one place on": (r"\[(i\d+) \* 70 \+ (i\d+)\]", r"[\1 * 70 + (\2 + 1) % 70]"),
    "another sign": (r"- (x\d+);", r"+ \1;"),
    "a pair left out": (r"l < 16;", "l < 15;"),
    "another stride": (r"\* 70 \+", "* 69 +"),
    "a border too narrow": (r"\) >= 0", ") >= 1"),
    "a number": (r"\b0\.5\b", "0.25"),
    "the last of ties": (r"acc(\w*)\[l\]\) & \(", r"acc\1[l]) | ("),
    "not zeroed": (r"(v\d+)\[i\] = 0;", r"\1[i] = 1;"),
    "overwritten": (r"\] \+= (x\d+);", r"] = \1;"),
}


@pytest.mark.parametrize("name", some(TEXTS))
def test_a_mistake_in_the_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern, wrong = TEXTS[name]
    written = generating._written
    changed: list[int] = []

    def mistaken(*given: Any) -> str:
        # Functions and the trial are no part of it.
        before, mark, rest = written(*given).partition("static APART")
        groups, end, trial = rest.partition("void trial")
        groups, count = re.subn(pattern, wrong, groups)
        changed.append(count)
        return before + mark + groups + end + trial

    monkeypatch.setattr(generating, "_written", mistaken)
    try:
        told = difference(_program, X)
    except NativeWarning as crashed:  # in the process that tries what was compiled
        told = str(crashed)
    assert all(changed), "there is no such text"
    assert told is not None


def test_the_text_as_it_is() -> None:
    assert difference(_program, X) is None


def test_an_argument_that_numpy_is_given_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    found = c_backend._Driver._found

    def wrong(driver: Any, slot: int, view: View) -> str:
        return f"{found(driver, slot, view) or f'r{slot}'}[::-1]"

    def f(x: Tensor) -> Any:
        return ops.sin(ops.cumsum(ops.tanh(x), 0))

    x = np.random.default_rng(3).normal(size=(6, 7))
    assert difference(f, x) is None
    monkeypatch.setattr(c_backend._Driver, "_found", wrong)
    told = difference(f, x)
    assert told is not None
    assert re.match(r"f: call 1, cumsum \(.*\), for which NumPy got another slot", told), told


def test_sums_of_some_terms_that_are_out_of_range_are_no_mistake() -> None:
    x = np.zeros(40, np.float32)
    x[[0, 1]], x[[20, 21]] = 3e38, -3e38
    assert difference(ops.sum, x) is None
    assert difference(lambda x, y: x @ y, x.reshape(1, 40), np.ones((40, 1), np.float32)) is None


@pytest.mark.parametrize("seed", range(4))
def test_loops_stay_in_the_order_of_their_sums(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def f(x: Tensor, y: Tensor) -> Any:
        return (y * (x * 1.5).transpose(1, 2, 0)).sum()

    assert difference(f, rng.normal(size=(2, 16, 16)), rng.normal(size=(16, 16, 2))) is None


def test_a_mask_is_read_as_numbers_which_become_vectors() -> None:
    x, mask = np.linspace(-9, 9, 63, dtype=np.float32), np.arange(63) % 3 > 0

    def f(x: Tensor, mask: Tensor) -> Any:
        low = ops.where(mask, x, -np.inf)
        return ops.exp(low), ops.max(low), ops.logical_not(mask), ops.where(mask, mask, False)

    made = Joined([Part("f", program_of(f, x, mask), (x, mask))])
    assert made.difference() is None
    assert "const int32_t" in made.compiled.source
    got = made.results()["f"]
    for found, want in zip(got, f(Tensor(x), Tensor(mask)), strict=True):
        np.testing.assert_allclose(found, want.data, rtol=1e-6)


def test_a_text_that_differs_only_where_nobody_looks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    written = generating._written

    def mistaken(made: Any, local: Any) -> str:
        text = written(made, local)
        return text if made.watched else text.replace("* 0.5;", "* 0.75;")

    monkeypatch.setattr(generating, "_written", mistaken)
    told = difference(_program, X)
    assert told is not None and "when not all is written down" in told


# --- where values lie ---------------------------------------------------------------------------


def _several(x: Any) -> Any:
    """Values that are there at one time, which loops that cannot be one compute."""
    y = x * 2.0
    a, b = ops.sum(y, 0), ops.sum(y, 1)
    z = (y - a) * ops.reshape(b, (9, 1))
    return ops.sum(z, 0), ops.sum(ops.cumsum(z, 0) * y, 1)


def test_values_that_lie_one_over_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.where(np.isfinite(X), X, 1)
    assert difference(_several, x) is None

    def over(sizes: list[int], lives: Any) -> Any:
        return [0] * len(sizes), max(sizes, default=0)

    monkeypatch.setattr(arena, "planned", over)
    assert difference(_several, x) is not None


def test_values_that_are_let_go_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    x, planned = np.where(np.isfinite(X), X, 1), arena.planned

    def early(sizes: list[int], lives: list[Life]) -> Any:
        return planned(sizes, [Life(life[0], life[0] + 1) for life in lives])

    monkeypatch.setattr(arena, "planned", early)
    assert difference(_several, x) is not None


def test_slices_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """All elements that a slice has lie in one place."""

    def f(x: Any) -> Any:
        y = ops.tanh(x) * 2.0
        e = ops.exp(y - ops.max(y, 1, keepdims=True))
        return ops.sum(y / ops.sum(e, 1, keepdims=True) * e, 1)

    x = np.where(np.isfinite(X), X, 1)
    assert difference(f, x) is None
    local = generating._local

    def nowhere(made: Any) -> Any:
        return {value: (at, (0,) * len(steps)) for value, (at, steps) in local(made).items()}

    monkeypatch.setattr(generating, "_local", nowhere)
    assert difference(f, x) is not None


def test_what_is_let_go_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results that lie in the block of the program."""

    def f(x: Any) -> Any:
        return ops.cumsum(x * 2.0, 0), ops.sum(ops.cumsum(x * 3.0, 1) * 2.0, 0)

    made = Joined([Part("f", program_of(f, X), (X,))])
    assert made.difference() is None
    for array in made.results()["f"]:
        for block in made.compiled._blocks:
            assert not any(np.may_share_memory(array, memory) for memory in block.memories)
    assert isinstance(made.compiled, c_backend.CompiledC)
