"""What was compared and right is not compared again, where nothing is other than it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, jit, ops, primitive, program_of
from autograd.jitting import backends
from autograd.jitting.verifying import VerificationError
from autograd.lowering import remembering
from autograd.lowering.c_backend import CompiledC
from autograd.lowering.rows.elementwise import Elementwise
from autograd.lowering.rows.table import ROWS
from autograd.native import NativeWarning, cache, compilers, loading

pytestmark = pytest.mark.usefixtures("in_c")

X = np.arange(12.0).reshape(3, 4)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[int]]:
    """One for each comparison of C with NumPy, in a cache of its own and with known sources."""
    found: list[int] = []
    compare = backends.first_difference

    def counted(*args: Any) -> str | None:
        found.append(1)
        return compare(*args)

    monkeypatch.setattr(backends, "first_difference", counted)
    monkeypatch.setattr(remembering, "sources_digest", lambda: "these")
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    yield found
    loading._shop._made.clear()


def anew() -> None:
    """As another process, which has nothing but the cache."""
    loading._shop._made.clear()


def _scaled(scale: float = 2.0) -> Callable[[Any], Any]:
    return lambda x: ops.tanh(x * scale) + 1.0


def run(f: Callable[..., Any], *xs: Any) -> Any:
    """A jitted function of its own, called twice."""
    jitted: Any = jit(f, backend="c")
    made = [jitted(*map(Tensor, xs)).data for _ in range(2)][1]
    np.testing.assert_allclose(made, f(*map(Tensor, xs)).data, 1e-6, 1e-6)
    assert "run0" in jitted.source
    return jitted


def test_a_program_is_compared_once(compared: list[int]) -> None:
    for count in range(3):
        run(_scaled(), X + count)
        assert len(compared) == 1
        anew()


def test_where_the_cache_is_gone_it_is_compared_again(
    compared: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(_scaled(), X)
    anew()
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "other"))
    run(_scaled(), X)
    assert len(compared) == 2
    anew()
    (note,) = (tmp_path / "other").glob("*.note")
    note.unlink()
    run(_scaled(), X)
    assert len(compared) == 3


def _other_machine(patch: pytest.MonkeyPatch) -> None:
    machine = compilers.machine()
    patch.setattr(compilers, "machine", lambda: machine + " other")


OTHERS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "sources": lambda patch: patch.setattr(remembering, "sources_digest", lambda: "others"),
    "NumPy": lambda patch: patch.setattr(np, "__version__", "9.9"),
    "Python": lambda patch: patch.setattr("sys.version", "9.9"),
    "processor": _other_machine,
}


@pytest.mark.parametrize("name", OTHERS)
def test_all_that_it_hangs_on_is_looked_at(
    name: str, compared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(_scaled(), X)
    anew()
    with monkeypatch.context() as patch:
        OTHERS[name](patch)
        run(_scaled(), X)
        assert len(compared) == 2
        anew()
        run(_scaled(), X)
        assert len(compared) == 2
    anew()
    run(_scaled(), X)
    assert len(compared) == 2


def test_sources_that_are_not_known_are_none(
    compared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "sources_digest", lambda: None)
    for count in (1, 2):
        run(_scaled(), X)
        assert len(compared) == count
        anew()


TABLE = np.arange(4.0)
PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "scale": _scaled(3.0),
    "the next number": _scaled(float(np.nextafter(2.0, 3.0))),
    "another function": lambda x: ops.sinh(x * 2.0) + 1.0,
    "an array": lambda x: ops.tanh(x * 2.0) + TABLE,
    "another array": lambda x: ops.tanh(x * 2.0) + 2 * TABLE,
    "an axis": lambda x: ops.sum(ops.tanh(x * 2.0), 0),
    "another axis": lambda x: ops.sum(ops.tanh(x * 2.0), 1),
    "an index": lambda x: ops.tanh(x * 2.0)[1:],
    "another index": lambda x: ops.tanh(x * 2.0)[:2],
    "one number": lambda x: ops.tanh(x * 2.0)[np.array([0, 1])],
    "of the same shape": lambda x: ops.tanh(x * 2.0)[np.array([1, 0])],
    "in float32": lambda x: ops.astype(ops.tanh(x * 2.0), np.float32),
}


@pytest.mark.slow
def test_other_programs_are_compared(compared: list[int]) -> None:
    run(_scaled(), X)
    run(_scaled(), X.astype(np.float32))
    run(_scaled(), X[:2])
    for count, f in enumerate(PROGRAMS.values(), 4):
        run(f, X)
        assert len(compared) == count
    anew()
    for f in PROGRAMS.values():
        run(f, X)
    assert len(compared) == 3 + len(PROGRAMS)


def _and_sums(axis: int) -> Callable[..., Any]:
    return lambda x, y: (ops.tanh(x), ops.cumsum(y, axis))  # NumPy takes those


ALIKE_IN_C: dict[str, list[tuple[Callable[..., Any], Any]]] = {
    "another axis": [(_and_sums(0), X), (_and_sums(1), X)],
    "another dtype": [(_and_sums(0), X), (_and_sums(0), X.astype(np.int64))],
    "another shape": [(_and_sums(0), X), (_and_sums(0), X.reshape(2, 6))],
    "another result": [
        (lambda x, y: (z := ops.tanh(x) + y, ops.cumsum(z, 0)), X),
        (lambda x, y: ops.cumsum(ops.tanh(x) + y, 0), X),
    ],
}


@pytest.mark.usefixtures("compared")
@pytest.mark.parametrize("name", ALIKE_IN_C)
def test_programs_of_one_library_have_notes_of_their_own(name: str) -> None:
    one, other = [CompiledC(program_of(f, X, y)) for f, y in ALIKE_IN_C[name]]
    assert one.key == other.key
    notes = [remembering.key_of(compiled) for compiled in (one, one, other)]
    assert None not in notes
    assert notes[0] == notes[1] != notes[2]


def test_what_is_wrong_is_found_each_time(
    compared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(_scaled(), X)  # the same calls as another text, which is right
    anew()
    monkeypatch.setitem(ROWS, ops.tanh, Elementwise("tanh(x) * 1.0001"))
    for count in (2, 3, 4):  # from the second on, there is a library of it
        with pytest.raises(VerificationError, match="does not compute what NumPy does"):
            jit(_scaled(), backend="c")(Tensor(X))
        assert len(compared) == count
        anew()
    with pytest.warns(NativeWarning, match="NumPy runs the program"):
        jit(_scaled())(Tensor(X))
    assert len(compared) == 5


@primitive(lowering="2.0 * x")
def doubled(x: Any) -> Any:
    return 2.0 * x


def test_ops_of_others_are_compared_each_time(compared: list[int]) -> None:
    """Their forwards may be others tomorrow."""
    for count in (1, 2):
        run(lambda x: doubled(x) + 1.0, X)
        assert len(compared) == count
        anew()


def test_what_is_drawn_may_be_in_it(compared: list[int]) -> None:
    for count in range(3):
        source = ag.random.Generator(count)
        f: Any = jit(lambda x, s=source: x * 2.0 + s.normal(x.shape), backend="c")
        first = f(Tensor(X)).data
        assert not np.array_equal(first, f(Tensor(X)).data)
        assert len(compared) == 1
        anew()


@pytest.mark.skipif(os.name == "nt", reason="owners and modes of POSIX")
def test_notes_that_others_may_have_put_there_are_none(compared: list[int], tmp_path: Path) -> None:
    run(_scaled(), X)
    for change in (
        lambda note: note.chmod(0o666),
        lambda note: note.write_bytes(b"something else\n"),
        lambda note: (note.unlink(), note.symlink_to(tmp_path / "elsewhere")),
    ):
        anew()
        (note,) = (tmp_path / "cache").glob("*.note")
        content = note.read_bytes()
        (tmp_path / "elsewhere").write_bytes(content)
        change(note)
        before = len(compared)
        run(_scaled(), X)
        assert len(compared) == before + 1


def test_a_cache_that_takes_no_notes_is_borne(
    compared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.Cache, "note", full)
    for count in (1, 2):
        run(_scaled(), X)
        assert len(compared) == count
        anew()


def test_sources_are_those_that_were_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "_BEGUN", float("inf"))
    digest = remembering.sources_digest.__wrapped__
    known = digest()
    assert known is not None
    assert known == digest()
    monkeypatch.setattr(remembering, "_BEGUN", 0.0)  # before they were written
    assert digest() is None
    monkeypatch.setattr(remembering, "_PACKAGE", Path(os.sep, "nowhere"))
    monkeypatch.setattr(remembering, "_BEGUN", float("inf"))
    assert digest() is None
