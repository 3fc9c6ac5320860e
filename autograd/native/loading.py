"""From a text of C to functions that can be called."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograd.native import cache, compilers, trial
from autograd.native.cache import Cache, CacheError
from autograd.native.compilers import Compiler, CompilingError
from autograd.native.opening import opened
from autograd.native.running import run

_FORMAT = 2  # of what a library is made of; another number and none of the old is found
_OFF = {"0", "no", "off", "false"}
_TRIAL = "trial.json"
_TRIAL_LIMIT = 60.0  # seconds
_WAIT_LIMIT = 30.0  # for another process; then both make it: that one may have met no end


_LIBRARY = tuple(
    [str(path) + os.sep for path in (Path(__file__).parents[1], Path(os.__file__).parent)]
)


def _users_place() -> tuple[str, int]:
    """The file and the line of the innermost code that is not this package's, nor Python's own; of
    the main thread, where this one has none, as one of several that compile side by side."""
    main = sys._current_frames().get(threading.main_thread().ident or 0)
    for start in (sys._getframe(1), main):
        frame = start
        while frame is not None:
            if not frame.f_code.co_filename.startswith((*_LIBRARY, "<")):
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
    return __file__, 1


class NativeWarning(UserWarning):
    """Something about compilers or their cache that a user may want to mend; each is said once."""


@dataclass(frozen=True)
class Library:
    """Functions made of a text of C.

    Calling one lets go of the interpreter's lock. They return nothing, and do not check what the
    addresses point to.

    Attributes:
        functions: by name.
        compiler: what made it, as a user would know it.
        path: of the file that was loaded; it may be gone.
        from_cache: it had been made before.
        key: the same for two of one text that were made by one compiler, in one way, for one
            processor; None where it is not kept.
    """

    functions: Mapping[str, Callable[..., None]]
    compiler: str
    path: Path
    from_cache: bool
    key: str | None = None

    def __getitem__(self, name: str) -> Callable[..., None]:
        return self.functions[name]


@dataclass(frozen=True)
class _Request:
    text: str = field(repr=False)
    functions: tuple[tuple[str, tuple[type[Any], ...]], ...]
    trials: str
    flags: tuple[str, ...]
    environment: tuple[str | None, ...]


class _UnusableError(CompilingError):
    """The compiler cannot make the simplest library: another one may."""


def library(
    text: str,
    functions: Mapping[str, Sequence[type[Any]]],
    *,
    trials: Mapping[str, Sequence[float]] | None = None,
    flags: Sequence[str] = (),
    only_kept: bool = False,
) -> Library | str:
    """Functions made of a text of C, or the reason why there are none.

    The first compiler that works makes a library of it, which is loaded and called in a process of
    its own before this one loads it, and kept for the next time. The same text gives the same
    library again. What is wrong with a compiler or the cache is told by a `NativeWarning`, once.

    The environment variable PULLBACK_JIT turns it off by 0, no, off or false. PULLBACK_CACHE names
    the folder of what is kept, and CC the compiler.

    Args:
        text: a translation unit.
        functions: for each name that is to be called the types of its arguments: `c_void_p` or a
            pointer, or a number of ctypes.
        trials: for each function that is to be called at first in a process of its own its
            arguments there: for a pointer the size in bytes of the zeros that it points to, for a
            number its value. Functions without arguments are called anyway.
        flags: more flags for the compiler.
        only_kept: whether nothing is to be compiled; if the cache has no such library, there is
            none.

    Raises:
        ValueError: a name is none in C, or `trials` does not fit `functions`.

    Example:
        >>> from ctypes import c_double, c_void_p
        >>> text = "void twice(double *x, double by) { x[0] *= 2 * by; }"
        >>> made = library(text, {"twice": (c_void_p, c_double)}, trials={"twice": (8, 1.0)})
        >>> if isinstance(made, Library):
        ...     x = (c_double * 1)(3.0)
        ...     made["twice"](x, 1.0)
        ...     assert x[0] == 6.0
    """
    if off := {os.environ.get("PULLBACK_JIT", "").strip().lower()} & _OFF:
        return f"the environment variable PULLBACK_JIT is {off.pop()}, which turns C off"
    types = {name: tuple(arguments) for name, arguments in functions.items()}
    request = _Request(
        text,
        tuple(types.items()),
        json.dumps(_trials(types, trials or {})),
        tuple(flags),
        tuple(os.environ.get(name) for name in ("CC", "PATH", "PULLBACK_CACHE")),
    )
    if only_kept:
        return _shop.kept(request) or "it has not been compiled before"
    return _shop.get(request)


def _trials(
    types: Mapping[str, tuple[type[Any], ...]], trials: Mapping[str, Sequence[float]]
) -> dict[str, list[tuple[float, str | None]]]:
    """Calls as `trial` reads them."""
    for name in [*types, *trials]:
        if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) is None or name not in types:
            known = ", ".join(types) or "none"
            raise ValueError(f"{name!r} is no function of the library; those are: {known}")
    calls = {}
    for name, arguments in types.items():
        values = tuple(trials.get(name, ()))
        if name not in trials and arguments:
            continue
        if len(values) != len(arguments):
            raise ValueError(
                f"{name} is to be tried with {len(values)} arguments, and has {len(arguments)}"
            )
        calls[name] = [(v, _number(t)) for v, t in zip(values, arguments, strict=True)]
    return calls


def _number(kind: type[Any]) -> str | None:
    """The name in ctypes of a type of numbers; None for pointers."""
    return kind.__name__ if kind.__name__ in _NUMBERS else None


_NUMBERS = {
    *(f"c_{sign}{name}" for sign in ("", "u") for name in ("byte", "short", "int", "long")),
    *["c_longlong", "c_ulonglong", "c_bool", "c_float", "c_double"],
}


class _Shop:
    """What this process has made: libraries stay loaded, and failures are not tried again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[_Request, threading.Lock] = {}
        self._made: dict[_Request, Library | str] = {}
        self._flags: dict[Compiler, tuple[str, ...]] = {}  # that work
        self._unusable: dict[Compiler, _UnusableError] = {}
        self._said: set[str] = set()  # of what was told already, what it is about

    def get(self, request: _Request) -> Library | str:
        made = self._made.get(request)
        if made is not None:
            return made
        with self._lock:
            lock = self._locks.setdefault(request, threading.Lock())
        told: dict[str, str] = {}
        with lock:  # others make other libraries at the same time
            made = self._made.get(request)
            if made is None:
                made = self._made[request] = self._make(request, told)
                self._locks.pop(request, None)
        for about, line in told.items():
            self._say(about, line)
        return made

    def kept(self, request: _Request) -> Library | None:
        """The library that `get` would find in the cache; it tells nothing."""
        made = self._made.get(request)
        if made is None:
            with suppress(CacheError):
                folder = Cache(cache.chosen_folder())
                for compiler in compilers.found([]):
                    made = _kept(folder, _key(compiler, request), compiler, request, {})
                    break
        if not isinstance(made, Library):
            return None
        with self._lock:
            return self._made.setdefault(request, made)  # type: ignore[return-value]

    def _say(self, about: str, line: str) -> None:
        with self._lock:
            known = about in self._said
            self._said.add(about)
        if not known:
            warnings.warn_explicit(line, NativeWarning, *_users_place())

    def _make(self, request: _Request, told: dict[str, str]) -> Library | str:
        folder: Cache | str
        try:
            folder = Cache(cache.chosen_folder())
        except CacheError as error:
            folder = str(error)
        passed_over: list[str] = []
        for compiler in compilers.found(passed_over):
            try:
                made = self._with(compiler, request, folder, told)
            except _UnusableError as error:
                self._unusable[compiler] = error
                passed_over.append(str(error))
            except CompilingError as error:
                reason = "; ".join([*passed_over, str(error)])
                _tell(told, f"a program runs in NumPy, not in C: {reason}")
                return reason
            else:
                for why in passed_over:
                    _tell(told, f"a compiler is passed over: {why}")
                return made
        why = f" ({'; '.join(passed_over)})" if passed_over else ""
        reason = f"no C compiler was found that works{why}; {compilers.ADVICE}"
        _tell(told, f"programs run in NumPy, not in C: {reason}")
        return reason

    def _with(
        self, compiler: Compiler, request: _Request, folder: Cache | str, told: dict[str, str]
    ) -> Library:
        if isinstance(folder, str):
            made = self._aside(compiler, request, folder)
            _tell(told, f"each process compiles anew: {folder}")
            return made
        key = _key(compiler, request)
        kept = _kept(folder, key, compiler, request, told)
        if kept is None:
            with folder.alone(key, _WAIT_LIMIT):
                kept = _kept(folder, key, compiler, request, told)
                return kept or self._build(compiler, request, folder, key, told)
        return kept

    def _build(
        self, compiler: Compiler, request: _Request, folder: Cache, key: str, told: dict[str, str]
    ) -> Library:
        """In the cache, and where that fails, as it does on a full disk, in the system's folder."""
        try:
            return self._build_in(folder, compiler, request, key)
        except (OSError, CacheError, CompilingError) as error:
            if isinstance(error, CompilingError) and error.late:
                raise
            failed = str(error)
        made = self._aside(compiler, request, failed)
        folder.forget_zig()  # a reason, where it is damaged
        about = f"nothing new is kept in the cache {str(folder.folder)!r}"
        told[about] = f"{about}: {failed}"  # once, whatever the file
        return made

    def _aside(self, compiler: Compiler, request: _Request, failed: str) -> Library:
        try:
            with cache.temporary() as place:
                return self._build_in(place, compiler, request, None)
        except (OSError, CacheError) as error:
            why = f"there is no folder to compile in ({failed}; {error})"
            raise CompilingError(why) from None

    def _build_in(
        self, place: Cache, compiler: Compiler, request: _Request, key: str | None
    ) -> Library:
        """A library, which is kept where there is a key."""
        if compiler in self._unusable:
            raise self._unusable[compiler]
        with place.working() as work:
            if compiler not in self._flags:
                self._flags[compiler] = _flags(compiler, work)
            flags = (*self._flags[compiler], *request.flags)
            try:
                made = compilers.compile_in(
                    work, request.text, compiler, flags, compilers.COMPILE_LIMIT
                )
            except CompilingError as error:
                if error.late:  # once is enough; the next program finds another, or none
                    self._unusable[compiler] = _UnusableError(str(error))
                raise
            content = made.read_bytes()
            names = [name for name, _ in request.functions]
            _try(made, compiler, names, json.loads(request.trials))
            path = made if key is None else place.keep(made, content, key)
            return replace(_load(path, content, compiler, request, key), from_cache=False)


def _tell(told: dict[str, str], line: str) -> None:
    told[line] = line


_shop = _Shop()


def _after_fork() -> None:
    """The threads that make libraries are not in the child; what they hold is held for ever."""
    _shop._lock, _shop._locks = threading.Lock(), {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _key(compiler: Compiler, request: _Request) -> str:
    """All that the bytes of a library depend on, and what was tried of it."""
    parts = [
        *[str(_FORMAT), request.text, request.trials, str(compiler), compiler.build],
        *[repr(compilers.command_line(compiler, request.flags)), repr(compilers.native_flags())],
        *[repr([name for name, _ in request.functions]), compilers.machine()],
    ]
    return cache.digest(json.dumps(parts).encode())


def _kept(
    folder: Cache, key: str, compiler: Compiler, request: _Request, told: dict[str, str]
) -> Library | None:
    try:
        found = folder.find(key)
        return found and _load(*found, compiler, request, key)
    except CacheError as error:
        _tell(told, f"a library was made anew: {error}")
    except (OSError, AttributeError):
        pass  # removed meanwhile, by a process that needed room; or nothing is loaded from there
    return None


def _load(
    path: Path, content: bytes, compiler: Compiler, request: _Request, key: str | None
) -> Library:
    loaded = opened(path, content)
    functions = {}
    for name, types in request.functions:
        function = getattr(loaded, name)
        function.argtypes, function.restype = types, None
        functions[name] = function
    return Library(functions, str(compiler), path, True, key)


_PROBE = """\
#include <math.h>
#include <stddef.h>
#include <stdint.h>
void pullback_probe(float *x, double *y, int64_t *z) {
    for (size_t i = 0; i < 64; i++) x[i] = x[i] > 1 ? expf(x[i]) : x[i] * x[i] + 1;
    for (size_t i = 0; i < 64; i++) y[i] = sqrt(y[i]) + x[i] * y[i];
    for (size_t i = 0; i < 64; i++) z[i] = z[i] * 3 + (y[i] > 0);
}
"""


def _flags(compiler: Compiler, work: Path) -> tuple[str, ...]:
    """The best flags for this processor with which a small library is made, loads and runs.

    Raises:
        _UnusableError: there are none.
    """
    calls = {"pullback_probe": [(256, None), (512, None), (512, None)]}
    first: CompilingError | None = None
    for flags in compilers.native_flags():
        try:
            made = compilers.compile_in(work, _PROBE, compiler, flags, compilers.PROBE_LIMIT)
            _try(made, compiler, list(calls), calls)
            return flags
        except CompilingError as error:
            first = first or error
            if error.late:
                break
    raise _UnusableError(str(first), first is not None and first.late)


def _try(made: Path, compiler: Compiler, names: list[str], calls: Mapping[str, Any]) -> None:
    """Load and call a library in a process of its own.

    Raises:
        CompilingError: something went wrong there, which would have done so here.
        OSError: what is to be tried could not be written.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        raise CompilingError("there is no Python here to try a library before it is loaded")
    cache.new_file(made.parent / _TRIAL, json.dumps([made.name, names, calls]).encode())
    script = str(Path(trial.__file__).resolve())
    command = [sys.executable, "-I", "-S", script, _TRIAL, str(int(_TRIAL_LIMIT) + 5)]
    ended = run(command, _TRIAL_LIMIT, made.parent)
    failure = ended.failure
    if not failure and trial.TRIED not in ended.printed:
        failure = "ended before all was tried"
    if failure:
        what = f"what {compiler} made, tried in another process, {failure}"
        raise CompilingError(what, ended.late)
