"""Loops that run in pieces where guards hold for some places only; and how loops are found."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import program_of
from autograd.lowering import scheduling
from autograd.lowering.c_backend import CompiledC
from autograd.lowering.checking import first_difference
from autograd.lowering.generating import generated
from autograd.lowering.indices import Affine, Axis
from autograd.lowering.nests import Guard
from autograd.lowering.pieces import bounds_within, pieces_of
from autograd.lowering.rows.table import row_of

Array = np.ndarray[Any, Any]


def run(f: Callable[..., Any], arguments: Sequence[Array]) -> list[Array]:
    """The results in C, after each call was looked at beside NumPy's."""
    program = program_of(f, *arguments)
    compiled = CompiledC(program)
    assert first_difference(compiled, CompiledC(program, watched=True), arguments) is None
    found = compiled.run(*arguments)
    return [found[slot] for slot in program.wanted()]


def joined(*arrays: Any) -> Any:
    return ag.concatenate([ag.sin(x) for x in arrays], axis=-1)


@pytest.mark.parametrize("seed", range(40))
def test_each_guard_holds_in_all_of_a_piece_or_in_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axis = Axis(int(rng.integers(40, 100)))
    step = int(rng.choice([-1, 1]))
    guards = [
        Guard(Affine(int(start), ((axis, step),)), int(size))
        for start, size in zip(rng.integers(-60, 100, 2), rng.integers(10, 90, 2), strict=True)
    ]
    pieces = pieces_of(axis, guards)
    assert [place for piece in pieces for place in range(*piece)] == list(range(axis.size))
    if len(pieces) == 1:
        return
    for guard in guards:
        for first, end in pieces:
            places = [guard.place.start + step * i for i in range(first, end)]
            assert len({0 <= place < guard.size for place in places}) == 1
            assert bounds_within(guard.place, {axis: (first, end)}) == (min(places), max(places))


def test_guards_that_make_no_pieces() -> None:
    axis, other = Axis(64), Axis(64)
    both = Guard(Affine(-8, ((axis, 1), (other, 1))), 64)
    stepped = Guard(Affine(-8, ((axis, 1),)), 32, 2)
    close = Guard(Affine(-3, ((axis, 1),)), 64)  # 3 places are no vector
    many = [Guard(Affine(-8 * k, ((axis, 1),)), 100) for k in range(1, 8)]
    for guards in ([both], [stepped], [close], [Guard(Affine(0, ((other, 1),)), 9)]):
        assert pieces_of(axis, guards) == [(0, 64)]
    assert len(pieces_of(axis, many)) == 8
    assert pieces_of(Axis(80), [*many, Guard(Affine(0, ()), 1)]) == [(0, 80)]


def test_arrays_beside_each_other_are_loops_of_their_own() -> None:
    shapes = [(6, 16), (6, 32), (6, 8)]
    arrays = [np.ones(shape, np.float32) for shape in shapes]
    source = generated(program_of(joined, *arrays), row_of).source
    text = source[source.index("static APART") : source.index("void run0")]
    assert "?" not in text
    for first, end in ((0, 16), (16, 48), (48, 56)):
        assert re.search(rf"long (i\d) = {first}; \1 < {end}; \1\+\+", text)


@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize("widths", [(8, 8), (16, 1, 17), (15, 32), (64, 64, 64, 64), (9,) * 8])
@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
def test_what_is_joined_is_right(widths: tuple[int, ...], dtype: Any) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(5, n)).astype(dtype) for n in widths]

    def turned(*arrays: Any) -> Any:
        y = joined(*arrays)
        return [ag.exp(y[:, ::-1]), ag.pad(ag.sin(y), ((0, 0), (9, 11))), ag.roll(y, 10, axis=1)]

    want = np.concatenate([np.sin(x) for x in arrays], axis=-1)
    exp, padded, rolled = run(turned, arrays)
    tolerance = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(exp, np.exp(want[:, ::-1]), rtol=tolerance)
    np.testing.assert_allclose(padded, np.pad(np.sin(want), ((0, 0), (9, 11))), rtol=tolerance)
    np.testing.assert_allclose(rolled, np.roll(want, 10, axis=1), rtol=tolerance)


def recurrence(steps: int) -> Callable[..., Any]:
    def f(h: Any, w: Any) -> Any:
        for _ in range(steps):
            h = ag.tanh(h @ w) + ag.sin(h)
        return h

    return f


def test_groups_are_found_without_asking_each_nest_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = [0]
    plain = scheduling._joining

    def counted(*given: Any) -> Any:
        asked[0] += 1
        return plain(*given)

    monkeypatch.setattr(scheduling, "_joining", counted)

    def questions(steps: int) -> int:
        asked[0] = 0
        h, w = np.ones((16, 32), np.float32), np.ones((32, 32), np.float32)
        generated(program_of(recurrence(steps), h, w), row_of)
        return asked[0]

    few, many = questions(10), questions(40)
    assert few > 0
    assert many <= 5 * few


def test_a_product_of_matrices_lies_as_its_result_does() -> None:
    """Whichever of its factors has more rows, what is computed of it reads lines."""
    x, w = np.ones((20, 16, 64), np.float32), np.ones((96, 64), np.float32)
    program = program_of(lambda x, w: ag.tanh(x @ w.T), x, w)
    made = generated(program, row_of)
    strides = [made.plan.strides[nest.value] for nest in made.plan.blocks]
    assert [lies[-1] for lies in strides] == [1]
