"""Threads that run one function of C together, and what of it each of them does.

To wake a thread takes as long as some loops do, and so does waiting for one that the system has not
let run yet. So a function that has enough to share is handed to others once, with all of its loops,
and within it nobody is told what to do: each loop is in parts, of which whoever is there takes one
after the other. A thread that comes late finds what has been done, and does what has not; the next
loop begins when all parts of the one before it are done. Which thread does a part changes nothing
of what it computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autograd.engine.tensor import Array
from autograd.lowering.partial import slices_of_part
from autograd.lowering.plans import Group, Plan

# Operations, of which one thread does 60 to 100 in a nanosecond. Where a loop is shared, processors
# have to tell each other twice, and to read what is in the other's cache: some 300 ns. Another
# thread, which is woken once for a whole function, begins after 40,000.
_SHARED, _WOKEN = 1 << 16, 1 << 24
_HEAD = 16  # numbers before those of the first loop, so that each loop has lines of the cache alone
_PARTS = 2  # of a loop, a thread: what one does that began late, others do


class Stretch(NamedTuple):
    """Loops that are done by one thread, or one loop that is shared.

    Attributes:
        groups: what runs.
        slices: how many there are to share; 1 where they are not.
        together: how many of those come one after the other, by one thread.
    """

    groups: list[Group]
    slices: int = 1
    together: int = 1


class Run(NamedTuple):
    """A function of C that runs groups.

    Attributes:
        name: of the function.
        stretches: what it runs, one after the other.
        shared: whether it is worth waking other threads.
    """

    name: str
    stretches: list[Stretch]
    shared: bool


def run_of(number: int, groups: Sequence[Group], plan: Plan) -> Run:
    """The function for groups, the `number`-th one of a program."""
    stretches: list[Stretch] = []
    shared = 0
    for group in groups:
        work = plan.work(group)
        if group.size > 1 and work >= _SHARED:
            shared += work
            together = max([slices_of_part(nest) for nest in group.nests])
            stretches.append(Stretch([group], group.size, together))
        elif stretches and stretches[-1].slices == 1:
            stretches[-1].groups.append(group)
        else:
            stretches.append(Stretch([group]))
    if shared < _WOKEN:
        return Run(f"run{number}", [Stretch([*groups])], False)
    return Run(f"run{number}", stretches, True)


class Team:
    """What threads tell each other, for the functions of one program.

    Args:
        loops: the most that one of the functions has.
        most: threads that may be members.

    Attributes:
        address: of what C reads and writes.
    """

    def __init__(self, loops: int, most: int) -> None:
        self.most = most
        self._parts = most * _PARTS
        self._stride = -(-(1 + self._parts) // _HEAD) * _HEAD
        memory = np.zeros((loops + 2) * max(self._stride, _HEAD), np.int32)
        start = -(memory.ctypes.data // memory.itemsize) % _HEAD
        self._numbers: Array = memory[start : start + _HEAD + loops * self._stride]
        self.address: int = self._numbers.ctypes.data

    def begin(self, members: int) -> None:
        """Nothing has been done of a function that so many are to run."""
        self._numbers.fill(0)
        self._numbers[:3] = members, members * _PARTS, self._stride


TEXT = f"""
#if defined(__unix__) || defined(__APPLE__)
#include <sched.h>
#define let_others_run() sched_yield()
#else
#define let_others_run()
#endif
#if defined(__x86_64__) || defined(__i386__)
#define wait_a_little() __builtin_ia32_pause()
#else
#define wait_a_little()
#endif

/* Of a loop, so many slices of which stay together, in how many parts it is shared. */
static inline long parts_of(const int *team, long slices, long together) {{
    const long pieces = (slices + together - 1) / together;
    return pieces < team[1] ? pieces : team[1];
}}

/* Numbers of a loop: how many parts are done, and for each of them whether it has been taken. */
static inline int *numbers_of(int *team, long loop) {{
    return team + {_HEAD} + loop * team[2];
}}

/* Whether there is a part of a loop that nobody has taken, and if so, where it begins and ends. A
   member first takes those that are its own in each loop, whose memory may still be in its cache.
   Without a team the loop is one part. */
static bool takes_part(int *team, long me, long loop, long slices, long together, long *turn,
                       long *begin, long *end) {{
    if (!team) {{
        *begin = 0, *end = slices;
        return !(*turn)++;
    }}
    const long parts = parts_of(team, slices, together);
    const long pieces = (slices + together - 1) / together;
    int *taken = numbers_of(team, loop) + 1;
    while (*turn < parts) {{
        const long part = (me * parts / team[0] + (*turn)++) % parts;
        if (__atomic_load_n(taken + part, __ATOMIC_RELAXED)) continue;
        if (__atomic_exchange_n(taken + part, 1, __ATOMIC_ACQUIRE)) continue;
        *begin = pieces * part / parts * together;
        *end = pieces * (part + 1) / parts * together;
        if (*end > slices) *end = slices;
        return true;
    }}
    return false;
}}

static void part_is_done(int *team, long loop) {{
    if (team) __atomic_fetch_add(numbers_of(team, loop), 1, __ATOMIC_RELEASE);
}}

static void wait_for_parts(int *team, long loop, long slices, long together) {{
    if (!team) return;
    const long parts = parts_of(team, slices, together);
    for (long i = 0; __atomic_load_n(numbers_of(team, loop), __ATOMIC_ACQUIRE) < parts; i++)
        if (i < 512) wait_a_little();
        else let_others_run();
}}
"""


def shared_text(loop: int, stretch: Stretch, calls: Sequence[str]) -> list[str]:
    """Lines of a function that threads run together: its `loop`-th stretch.

    Args:
        calls: lines that do its slices from `begin` to `end`.
    """
    size = f"{stretch.slices}, {stretch.together}"
    taken = f"takes_part(team, me, {loop}, {size}, &turn, &begin, &end)"
    return [
        f"for (long turn = 0, begin, end; {taken};) {{",
        *[f"    {line}" for line in calls],
        f"    part_is_done(team, {loop});",
        "}",
        f"wait_for_parts(team, {loop}, {size});",
    ]
