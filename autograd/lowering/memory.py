"""Memory of one call of a program in C, and of the threads that run it together."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np

from autograd.engine.tensor import Array
from autograd.lowering.generating import Generated
from autograd.lowering.nests import Value
from autograd.lowering.teams import Team
from autograd.program.arena import ALIGNED
from autograd.runtime.rooms import DType, Model, Room, new
from autograd.runtime.threads import get_num_threads, share


class Block:
    """Memory of one call: the block of values, that of slices, and the table of pointers."""

    def __init__(self, made: Generated) -> None:
        most = get_num_threads()
        loops = [len(run.stretches) for run in made.runs.values() if run.shared]
        self.team = Team(max(loops, default=0), most)
        self.piece = -(-made.scratch // ALIGNED) * ALIGNED
        self.pointers = (ctypes.c_void_p * max(len(made.positions), 1))()
        self.objects = (ctypes.c_int64 * (len(made.positions) + 1))()
        self.bad = ctypes.c_int64(0)
        self.p, self.b = ctypes.addressof(self.pointers), ctypes.addressof(self.bad)
        self.o = ctypes.addressof(self.objects)
        # What lies by itself anyway, where all is watched, may lie where arrays were before: to get
        # as much at once as nobody had takes long.
        size = 0 if made.watched else made.block
        memory, start, at = _memory(size + most * self.piece)
        self.memories = [memory]
        self.scratch = -(-(at + size) // ALIGNED) * ALIGNED
        self.flat: dict[int, Array] = {}
        self.arrays: dict[int, Array] = {}
        for value, offset in made.offsets.items():
            position, count = made.positions[value], prod(value.shape)
            if made.watched:
                offset = 0
                memory, start, at = _memory(made.nbytes(value))
                self.memories.append(memory)
            self.pointers[position] = at + offset
            flat = np.ndarray((count,), value.dtype, memory, start + offset)
            self.flat[position] = flat
            self.arrays[position] = seen(flat, value.shape, 0, strides_in_bytes(made, value))
        self.rooms = {position: _room(array) for position, array in self.arrays.items()}


def _memory(size: int) -> tuple[Array, int, int]:
    """New memory, where in it so many bytes begin that are aligned, and their address; with room
    behind them to align what follows."""
    memory = np.empty(size + 2 * ALIGNED, np.uint8)
    at: int = memory.ctypes.data
    start = -at % ALIGNED
    return memory, start, at + start


def run_together(run: Callable[..., None], block: Block) -> None:
    """Let threads run a function together, each with memory of its own."""
    members = min(block.team.most, get_num_threads())
    if members == 1:
        run(block.p, block.scratch, block.b, None, 0)
        return
    block.team.begin(members)
    share(
        [
            partial(run, block.p, block.scratch + i * block.piece, block.b, block.team.address, i)
            for i in range(members)
        ]
    )


def strides_in_bytes(made: Generated, value: Value) -> tuple[int, ...]:
    return tuple([step * value.dtype.itemsize for step in made.plan.strides[value]])


def _room(place: Array) -> Room:
    def room(shape: tuple[int, ...], dtype: DType, model: Model = None, /) -> Array:
        same = shape == place.shape and dtype == place.dtype
        return place if same else new(shape, dtype, model)

    return room


def seen(base: Array, shape: tuple[int, ...], start: int, strides: tuple[int, ...]) -> Array:
    """Another view of the memory of an array, from its begin on."""
    seen: Array = np.ndarray(shape, base.dtype, base.data, start, strides)
    return seen
