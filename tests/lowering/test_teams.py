"""Threads that run one function of C together: each part of a loop is done by one of them, once."""

from __future__ import annotations

import ctypes
import itertools
import threading
from typing import Any

import numpy as np
import pytest
from support.in_c.together import share_all, shared_loops

import autograd as ag
from autograd import Tensor, native, program_of
from autograd.lowering.c_backend import CompiledC
from autograd.lowering.teams import TEXT, Team
from autograd.runtime import threads
from nn import functional as F

pytestmark = pytest.mark.usefixtures("in_c")

# Loops one after the other, each of which adds to the slices it is given; a member leaves as soon
# as it finds nothing to do in a loop, or waits for the others.
DRIVER = """
#include <stdbool.h>
#include <stdint.h>
TEAMS
void loops(int *team, int64_t *seen, int64_t me, int64_t count, int64_t slices, int64_t together) {
    for (long loop = 0; loop < count; loop++) {
        for (long turn = 0, begin, end;
             takes_part(team, me, loop, slices, together, &turn, &begin, &end);) {
            if (begin % together || (end % together && end != slices)) seen[0] = -1000;
            for (long s = begin; s < end; s++) {
                /* All before have been here, and so nobody is too early. */
                if (seen[s] != loop) seen[s] = -1000;
                seen[s]++;
            }
            part_is_done(team, loop);
        }
        wait_for_parts(team, loop, slices, together);
    }
}
void one(int *team, int64_t me, int64_t loop, int64_t slices, int64_t together, int64_t *part) {
    long turn = 0, begin = -1, end = -1;
    part[0] = takes_part(team, me, loop, slices, together, &turn, &begin, &end);
    part[1] = begin, part[2] = end;
}
""".replace("TEAMS", TEXT)
_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_int64


@pytest.fixture
def driver(in_c: None) -> native.Library:
    functions = {
        "loops": (_POINTER, _POINTER, *(_NUMBER,) * 4),
        "one": (_POINTER, *(_NUMBER,) * 4, _POINTER),
    }
    made = native.library(DRIVER, functions)
    assert isinstance(made, native.Library), made
    return made


@pytest.mark.parametrize("members", [1, 2, 3, 7, 40])
@pytest.mark.parametrize(("slices", "together"), [(1, 1), (2, 1), (5, 2), (64, 1), (100, 16)])
def test_each_slice_is_done_once_in_each_loop_after_those_before(
    driver: native.Library, members: int, slices: int, together: int
) -> None:
    count = 300 if members < 7 else 20
    team = Team(count, members)
    for some in {members, -(-members // 2)}:  # of which not all need to be there
        team.begin(some)
        seen = np.zeros(slices, np.int64)
        at = seen.ctypes.data
        crowd = [
            threading.Thread(
                target=driver["loops"], args=(team.address, at, me, count, slices, together)
            )
            for me in range(some)
        ]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        np.testing.assert_array_equal(seen, count)


def test_one_does_all_where_the_others_never_come(driver: native.Library) -> None:
    team = Team(30, 3)
    team.begin(3)
    seen = np.zeros(11, np.int64)
    driver["loops"](team.address, seen.ctypes.data, 1, 30, 11, 2)
    np.testing.assert_array_equal(seen, 30)
    driver["loops"](team.address, seen.ctypes.data, 0, 30, 11, 2)  # who comes late
    np.testing.assert_array_equal(seen, 30)


def test_members_begin_with_parts_of_their_own(driver: native.Library) -> None:
    team = Team(2, 2)
    team.begin(2)
    taken = []
    for me, _ in itertools.product((0, 1), range(3)):
        part = np.zeros(3, np.int64)
        driver["one"](team.address, me, 1, 8, 1, part.ctypes.data)
        taken.append(tuple(part))
    assert taken == [(1, 0, 2), (1, 2, 4), (1, 4, 6), (1, 6, 8), (0, -1, -1), (0, -1, -1)]
    part = np.zeros(3, np.int64)
    driver["one"](team.address, 1, 0, 8, 1, part.ctypes.data)
    assert tuple(part) == (1, 4, 6)  # of another loop, of which nothing has been taken


def test_without_a_team_a_loop_is_one_part(driver: native.Library) -> None:
    seen = np.zeros(11, np.int64)
    driver["loops"](None, seen.ctypes.data, 0, 4, 11, 2)
    np.testing.assert_array_equal(seen, 4)


def network(x: Tensor, w: Tensor) -> Any:
    def loss(w: Tensor) -> Tensor:
        return (ag.tanh(F.conv2d(F.relu(x), w, padding=1)) ** 2).mean()

    return ag.grad(loss)(w)


def test_threads_are_woken_once_for_many_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    share_all(monkeypatch)
    x, w = np.ones((4, 3, 8, 8), np.float32), np.ones((5, 3, 3, 3), np.float32)
    compiled = CompiledC(program_of(network, x, w))
    assert len(shared_loops(compiled)) > 2
    handed: list[int] = []
    share = threads.share
    monkeypatch.setattr(
        "autograd.lowering.memory.share", lambda tasks: (handed.append(len(tasks)), share(tasks))
    )
    before = ag.get_num_threads()
    try:
        for count in (1, 3, 2):
            ag.set_num_threads(count)
            compiled.run(x, w)
    finally:
        ag.set_num_threads(before)
    runs = sum(run.shared for run in compiled.generated.runs.values())
    assert handed == [3] * runs + [2] * runs


def test_small_programs_wake_nobody() -> None:
    x, w = np.ones((4, 3, 8, 8), np.float32), np.ones((5, 3, 3, 3), np.float32)
    assert not shared_loops(CompiledC(program_of(network, x, w)))
