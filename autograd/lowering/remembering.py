"""Which programs in C have been compared with NumPy already, call by call, and were right.

What the check of a program finds hangs on the calls, the text of C and what made a library of it,
and on what NumPy and this package compute. A note in the cache, beside the library, has all of that
in its key. Nothing is noted of calls that are not ours alone: of ops of somebody else's, whose
forwards may be others tomorrow, and of functions and other objects among the options.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from autograd.engine.primitives import registry
from autograd.lowering.c_backend import CompiledC
from autograd.native import cache
from autograd.native.cache import digest
from autograd.program.program import Call, Program, Value
from autograd.runtime.draws import DRAWS

_FORMAT = 1  # of what a key is made of; another number and none of the old is known
_BEGUN = time.time()
_PACKAGE = Path(__file__).parents[1]


class _UnknownError(Exception):
    """Something may be another tomorrow by the same name."""


def is_known(compiled: CompiledC) -> bool:
    """Whether a program was found right before."""
    with suppress(cache.CacheError, OSError):
        key = key_of(compiled)
        return key is not None and cache.Cache(cache.chosen_folder()).has_note(key)
    return False


def note(compiled: CompiledC) -> None:
    """Remember that a program was found right, where programs are kept."""
    with suppress(cache.CacheError, OSError):
        if (key := key_of(compiled)) is not None:
            cache.Cache(cache.chosen_folder()).note(key)


def key_of(compiled: CompiledC) -> str | None:
    """All that the check of a program hangs on, but for the numbers that it is run on; None where
    that cannot be said."""
    sources = sources_digest()
    if compiled.key is None or sources is None:
        return None
    parts = [_FORMAT, compiled.key, sources, np.__version__, sys.version]
    try:
        parts.append(_of_program(compiled.program))
    except _UnknownError:
        return None
    return digest(json.dumps(parts).encode())


@functools.cache
def sources_digest() -> str | None:
    """One of all files of this package, as they were when it was loaded; None where there are none,
    or one may have been written since."""
    try:
        files = sorted(_PACKAGE.rglob("*.py"))
        if max((file.stat().st_mtime for file in files), default=_BEGUN) >= _BEGUN:
            return None
        contents = [[str(file.relative_to(_PACKAGE)), digest(file.read_bytes())] for file in files]
    except OSError:
        return None
    return digest(json.dumps(contents).encode())


def _of_program(program: Program) -> Any:
    slots = [
        [number, slot.dtype.str, slot.shape, slot.weak] for number, slot in program.slots.items()
    ]
    constants = [[slot, _plain(c.array)] for slot, c in program.constants.items()]
    inputs = [i.slot for i in program.inputs]
    calls = [_of_call(call) for call in program.calls]
    return [slots, constants, inputs, calls, program.wanted()]


def _of_call(call: Call) -> Any:
    op, name = call.op, f"{call.op.__module__}.{call.op.__qualname__}"
    if not name.startswith("autograd.") or registry.get(name) is not op:
        raise _UnknownError
    # What is drawn is given to both sides; the source of it is an object.
    options = {} if op in DRAWS else dict(call.options)
    ends = [call.outputs, _plain(call.several), _plain(call.saved)]
    return [name, _plain(call.inputs), _plain(options), *ends]


def _plain(value: Any) -> Any:
    """The same text for two values between which no op could tell.

    Raises _UnknownError where there may be none.
    """
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind is Value:
        return [name, value.slot, value.constant]
    if value is None or value is Ellipsis or kind in (bool, int, str):
        return [name, repr(value)]
    if kind is float:
        return [name, value.hex()]
    if kind is complex:
        return [name, value.real.hex(), value.imag.hex()]
    if isinstance(value, np.dtype):
        return [name, np.lib.format.dtype_to_descr(value)]
    if isinstance(value, np.generic):
        return [name, value.tobytes().hex()]
    if kind is np.ndarray and not value.dtype.hasobject:
        return [
            name,
            value.dtype.str,
            value.shape,
            digest(np.ascontiguousarray(value).tobytes()),
        ]
    if kind is slice:
        return [name, *map(_plain, (value.start, value.stop, value.step))]
    if isinstance(value, type) and value.__module__ in ("numpy", "builtins"):
        return ["type", value.__module__, value.__qualname__]
    if kind is dict:
        return [name, *[[_plain(k), _plain(v)] for k, v in value.items()]]
    if kind in (tuple, list):
        return [name, *_each(value)]
    raise _UnknownError


def _each(values: Iterable[Any]) -> list[Any]:
    return [_plain(value) for value in values]
