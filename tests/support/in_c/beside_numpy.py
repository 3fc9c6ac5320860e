"""What C gives beside what NumPy's forward gives, by rules that the engine's own check has no part
in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from support.in_c.joining import Joined, Part

import autograd as ag
from autograd.program.running import execute

Array = np.ndarray[Any, Any]

_ULPS = 8
# By the size of the arguments, because what is added may cancel.
_OF_ARGUMENTS = {"logaddexp", "logaddexp2"}
# Which of two zeros is the larger NumPy does not say; and no logarithm has a say in that of 0.
_EITHER_ZERO = {"maximum", "minimum", "fmax", "fmin", "clip", "xlogy", "gather_first_max"}


def beside_numpy(parts: Sequence[Part]) -> tuple[Joined, list[tuple[Part, Array, Array]]]:
    """The parts in C, in which the engine's own check finds no difference, and each result with
    that of NumPy, of one shape and dtype."""
    made = Joined(parts)
    assert made.difference() is None, made.difference()
    results = made.results()
    found = []
    for part in parts:
        for got, want in zip(results[part.name], by_numpy(part), strict=True):
            assert (got.dtype, got.shape) == (want.dtype, want.shape), part.name
            found.append((part, got, want))
    return made, found


def expect_alike(parts: Sequence[Part]) -> Joined:
    """C gives what NumPy gives, by the engine's own check and by `told`."""
    made = Joined(parts)
    assert made.difference() is None, made.difference()
    results = made.results()
    for part in parts:
        wrong = told(part, results[part.name])
        assert wrong is None, wrong
    return made


def expect_same_bytes(made: Joined) -> None:
    """Whatever the number of threads, and at each call; earlier results stay what they were."""
    before, all_results = ag.get_num_threads(), []
    try:
        for count in (1, 2, 3, 5, 5):
            ag.set_num_threads(count)
            all_results.append(made.results())
    finally:
        ag.set_num_threads(before)
    taken = [{name: [a.tobytes() for a in found] for name, found in r.items()} for r in all_results]
    made.compiled.run(*[np.asarray(array * 2) for array in made.given])
    assert all(bytes_ == taken[0] for bytes_ in taken)
    for results, bytes_ in zip(all_results, taken, strict=True):
        for name, found in results.items():
            assert [a.tobytes() for a in found] == bytes_[name], name


def by_numpy(part: Part) -> list[Array]:
    """The results of a part, run call by call on NumPy."""
    held = {slot: constant.array for slot, constant in part.program.constants.items()}
    held |= zip([i.slot for i in part.program.inputs], part.given, strict=True)
    with np.errstate(all="ignore"):
        execute(part.program, held)
    return [np.asarray(held[slot]) for slot in part.program.wanted()]


def told(part: Part, made: Sequence[Array]) -> str | None:
    """In words, what C gave otherwise; None if it gave the same."""
    for number, (got, want) in enumerate(zip(made, by_numpy(part), strict=True)):
        if (got.dtype, got.shape) != (want.dtype, want.shape):
            return f"{part.name}: {got.dtype} {got.shape}, {want.dtype} {want.shape} expected"
        if not _same(got, want, part):
            return f"{part.name}: result {number} is {_differing(got, want)} expected"
    return None


def _same(got: Array, want: Array, part: Part) -> bool:
    if got.dtype.kind != "f":
        return bool(np.array_equal(got, want))
    kinds = {call.op.kind for call in part.program.calls}
    names = {call.op.name for call in part.program.calls}
    adds = bool(kinds & {"reduction", "contraction"}) or bool(names & {"fold_windows", "scatter"})
    with np.errstate(all="ignore"):
        same = (got == want) | (np.isnan(got) & np.isnan(want))
        # A zero has the sign that NumPy gives it; that of a sum may hang on the order.
        if not adds and not names & _EITHER_ZERO:
            same &= np.isnan(got) | (np.signbit(got) == np.signbit(want))
        if same.all():
            return True
        scale = np.maximum(np.abs(got), np.abs(want))
        own = any(call.op.lowering for call in part.program.calls)
        if adds or own or names & _OF_ARGUMENTS:
            finite = [np.abs(a[np.isfinite(a)].astype(float)) for a in part.given]
            scale = scale + max([a.max(initial=0.0) for a in finite])
        if adds:
            terms = max(a.size for a in part.given) / max(got.size, 1)
            scale = scale * max(terms, 1.0) * scale[np.isfinite(scale)].max(initial=1.0)
        elif kinds <= {"view", "gather"}:
            return False
        gap = np.abs(got.astype(float) - want.astype(float))
        near = gap <= _ULPS * np.finfo(got.dtype).eps * scale
        return bool((same | near).all())


def _differing(got: Array, want: Array) -> str:
    """The first elements that differ, and how many do."""
    other = ~((got == want) | ((got != got) & (want != want)))
    if got.dtype.kind == "f":
        other |= np.signbit(got) != np.signbit(want)
    places = np.argwhere(other)[:3]
    pairs = [f"{got[tuple(p)]!r} at {p.tolist()}, {want[tuple(p)]!r}" for p in places]
    return f"in {other.sum()} places {'; '.join(pairs)}"
