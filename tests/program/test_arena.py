"""Where values lie in one block of memory, and to whom a block belongs."""

from __future__ import annotations

import numpy as np
import pytest

from autograd.program.arena import Arenas, Life, planned
from autograd.runtime.rooms import Room


def most_at_once(sizes: list[int], lives: list[Life]) -> int:
    times = range(max(life.end for life in lives))
    return max(
        sum(size for size, life in zip(sizes, lives, strict=True) if life.begin <= t < life.end)
        for t in times
    )


@pytest.mark.parametrize("seed", range(30))
def test_who_lives_at_one_time_has_no_byte_in_common(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 80))
    sizes = rng.integers(1, 5000, count).tolist()
    begins, lengths = rng.integers(0, 60, count), rng.geometric(0.2, count)
    lives = [Life(int(b), int(b + n)) for b, n in zip(begins, lengths, strict=True)]
    offsets, total = planned(sizes, lives)
    parts = list(zip(offsets, sizes, lives, strict=True))
    for i, (offset, size, life) in enumerate(parts):
        assert offset % 64 == 0
        assert 0 <= offset <= offset + size <= total
        for other, its_size, its_life in parts[:i]:
            apart_in_time = life.end <= its_life.begin or its_life.end <= life.begin
            assert apart_in_time or offset + size <= other or other + its_size <= offset
    rounded = [-(-size // 64) * 64 for size in sizes]
    most = most_at_once(rounded, lives)
    assert most <= total <= min(sum(rounded), 1.35 * most)


def test_a_chain_takes_two_places() -> None:
    lives = [Life(n, n + 2) for n in range(100)]
    assert planned([6400] * 100, lives)[1] == 2 * 6400


def test_nothing_is_planned() -> None:
    assert planned([], []) == ([], 0)


def rooms_of(arenas: Arenas) -> list[Room]:
    """The rooms of a call that has ended, whose values are 4000 and 8000 bytes."""
    rooms = arenas.take()
    for room, size in zip(rooms, (1000, 2000), strict=False):
        room((size,), np.dtype(np.float32))
    arenas.give_back(rooms)
    return rooms


def test_a_block_belongs_to_one_call_until_it_has_ended() -> None:
    arenas = Arenas([Life(0, 2), Life(1, 3)])
    assert arenas.size is None
    rooms_of(arenas)
    assert arenas.size == 4032 + 8000
    first, second = arenas.take(), arenas.take()
    a, b = (rooms[0]((1000,), np.dtype(np.float32)) for rooms in (first, second))
    assert not np.shares_memory(a, b)
    assert not np.shares_memory(a, first[1]((2000,), np.dtype(np.float32)))
    arenas.give_back(first)
    assert arenas.take() is first


def test_what_two_first_calls_at_once_ask_for_is_planned_once() -> None:
    arenas = Arenas([Life(0, 2)])
    first, second = arenas.take(), arenas.take()
    for rooms in (first, second):
        rooms[0]((100,), np.dtype(np.float32))
        arenas.give_back(rooms)
    a = arenas.take()[0]((100,), np.dtype(np.float32))
    assert a.ctypes.data % 64 == 0
    assert arenas.take()[0]((100,), np.dtype(np.float32)).base is not a.base


def test_a_place_gives_the_order_of_memory_that_it_is_asked_for() -> None:
    arenas = Arenas([Life(0, 1), None])
    rooms = arenas.take()
    rooms[0]((20, 30), np.dtype(np.float64))
    arenas.give_back(rooms)
    place, outside = arenas.take()
    dtype = np.dtype(np.float64)
    x, y = np.ones((20, 30)), np.ones((30, 20)).T
    assert place((20, 30), dtype).strides == x.strides
    assert place((20, 30), dtype, y).strides == y.strides
    assert place((20, 30), dtype, (y, np.ones(30))).strides == (y + np.ones(30)).strides
    assert place((20, 30), dtype, (x, y)).strides == (x + y).strides
    own = place((20, 30), dtype)
    assert np.shares_memory(own, place((20, 30), dtype, y))
    assert not np.shares_memory(own, place((21, 30), dtype))  # larger than what was planned
    assert not np.shares_memory(own, outside((20, 30), dtype))
    for step in range(1, 40):  # as many orders as one likes
        wide = np.ones((20, 30 * step))[:, ::step]
        assert np.shares_memory(own, place((20, 30), dtype, wide))
