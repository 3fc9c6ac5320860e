"""jit: a function runs once, and from then on its program runs in its place."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from copy import deepcopy
from types import MethodType
from typing import Any, TypeVar, overload
from zlib import crc32

import numpy as np

from autograd.engine.modes import current
from autograd.engine.tensor import Array
from autograd.jitting.backends import BACKENDS, Backend
from autograd.jitting.capture import warn_user
from autograd.jitting.captured import Captured
from autograd.jitting.made import Made
from autograd.jitting.signatures import Leaves
from autograd.jitting.verifying import VerificationError, difference
from autograd.program.guards import DecidedOtherwiseError
from autograd.program.numbers import ChangedError
from autograd.program.program import Program
from autograd.runtime.trees import expect_function

_MOST = 16  # programs of one function
_SAME = 8  # calls with the same numbers before a program is compared with the function again
_AGAIN = 16  # plain calls after which it is tried again, and after twice as many
_KEYS = 256  # kinds of arguments of which it is known that they run plainly
_SELDOM = 32  # calls for which there is no program, of which one is made once there were too many
_TRIES = 3  # after which what cannot be captured runs plainly

F = TypeVar("F", bound=Callable[..., Any])


class JitWarning(UserWarning):
    """A jitted function runs plainly, or needs ever more programs."""


class _Kept:
    """A program, and what is to be compared with it before it is believed.

    Attributes:
        first: the program as it was captured; None where it is believed.
    """

    def __init__(self, made: Made, captured: Captured, verify: bool) -> None:
        self.made = made
        self.first: Program | None = captured.whole if verify else None
        self._calls = 0
        if verify:
            self._strides = self._strides_of(captured)
            self._inputs = self._digests(captured)

    def lay_otherwise(self, captured: Captured) -> bool:
        """Whether its inputs lay in memory in another way than those of another call, by which ops
        may choose how they compute."""
        return self._strides != self._strides_of(captured)

    def _strides_of(self, captured: Captured) -> list[tuple[int, ...]]:
        return [captured.given[i.slot].strides for i in self.made.arrays]

    def is_doubted(self) -> bool:
        """Whether it is still to be compared."""
        return self.first is not None

    def is_due(self, leaves: list[Any]) -> bool:
        """Whether it is to be compared now: it is called for the first time, or its inputs are
        others than when it was made, or have been the same for long."""
        if self.first is None:
            return False
        self._calls += 1
        if self._calls == 1 or self._calls > _SAME:
            return True
        return self._inputs != [*map(_digest, self.made.arrays_now(leaves))]

    def _digests(self, captured: Captured) -> list[int]:
        return [_digest(captured.given[i.slot]) for i in self.made.arrays]

    def was_right(self, captured: Captured) -> None:
        """It is believed, once its inputs have been others, or the same for long."""
        if self._inputs != self._digests(captured) or self._calls > _SAME:
            self.first = None


class Jitted:
    """A function whose programs run in its place; see `jit`.

    Args:
        plainly: asked before a program is made: whether the function shall run as it is instead.

    Attributes:
        program: the one that ran last; None before the first call.
        source: the text of it that runs, C or Python; "" before the first call.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        verify: bool = True,
        backend: Backend = "auto",
        plainly: Callable[[], bool] = lambda: False,
    ) -> None:
        functools.update_wrapper(self, f, updated=())
        self._f, self._verify, self._backend, self._plainly = f, verify, backend, plainly
        self._name = getattr(f, "__name__", type(f).__name__)
        self._programs: dict[Any, list[_Kept]] = {}
        self._recent: list[tuple[Any, _Kept]] = []  # the newest last
        self._plain: dict[Any, str] = {}  # why calls of these keys run plainly
        self._plain_calls: dict[Any, int] = {}
        self._tries: dict[Any, int] = {}
        self._lock = threading.RLock()
        self._discarded = self._missed = self._refusals = 0
        self.program: Program | None = None
        self.source = ""

    def __call__(self, *args: Any, **options: Any) -> Any:
        here = current()
        if here["observer"] is not None or here["watcher"] is not None or here["sweep_hooks"]:
            return self._f(*args, **options)  # whoever looks on sees the function itself
        leaves = Leaves(args, options)
        if leaves.hooked:
            return self._f(*args, **options)  # hooks are Python's to run
        key = here["recording"], leaves.key
        programs = sorted(self._programs.get(key, ()), key=_Kept.is_doubted)  # believed ones first
        failed = False
        for kept in programs:
            if not kept.made.fits(leaves):
                continue
            if kept.is_due(leaves.numeric):
                fitting = [k for k in programs if k.made.fits(leaves)]
                return self._compare(key, fitting, leaves, args, options)
            try:
                result = kept.made.run(leaves.numeric)
            except (ChangedError, DecidedOtherwiseError):
                continue
            except Exception:
                failed = True
                break
            self.program, self.source = kept.made.program, kept.made.source
            return result
        # If it has failed, the function raises that by its own lines, or catches it.
        if failed or self._plainly():
            return self._f(*args, **options)
        if key in self._plain:
            self._plain_calls[key] = calls = self._plain_calls.get(key, 0) + 1
            if calls < _AGAIN or calls & (calls - 1):  # ever more seldom it is tried again
                return self._f(*args, **options)
        if self._discarded or self._refusals >= _MOST:
            self._missed += 1
            if self._missed % _SELDOM:  # to make a program takes the time of many plain calls
                return self._f(*args, **options)
        return self._new(key, leaves, args, options)

    # --- making programs -----------------------------------------------------------------------

    def _new(self, key: Any, leaves: Leaves, args: Any, options: Any) -> Any:
        captured = Captured(self._f, self._name, (args, options), leaves, keep=self._verify)
        return self._keep(key, captured, leaves, args, options)

    def _keep(self, key: Any, captured: Captured, leaves: Leaves, args: Any, options: Any) -> Any:
        with self._lock:
            if captured.refusals:
                self._refused(key, captured.refusals)
                return captured.result
            self._plain.pop(key, None)
            made = Made(captured, self._backend)
            kept = _Kept(made, captured, self._verify)
            self._programs.setdefault(key, []).insert(0, kept)
            self._recent.append((key, kept))
            self.program, self.source = made.program, made.source
            if len(self._recent) > _MOST:
                self._discard()
        return self._result(captured, made, leaves, args, options)

    def _result(
        self, captured: Captured, made: Made, leaves: Leaves, args: Any, options: Any
    ) -> Any:
        """What a call gives that has been watched: that of the program, if it may differ in the
        last bits, so that all calls round alike. Where the program is not for these numbers, as C
        may not be for infinite ones, the function runs, as it does at other calls."""
        if not made.rounds_otherwise:
            return captured.result
        captured.put_back()
        try:
            return made.run(leaves.numeric)
        except Exception:
            return self._f(*args, **options)

    def _refused(self, key: Any, refusals: list[str]) -> None:
        """What cannot be captured is tried again, as a first call may differ from all others."""
        if len(self._tries) >= _KEYS:
            for counts in (self._tries, self._plain, self._plain_calls):
                counts.clear()
        self._tries[key] = self._tries.get(key, 0) + 1
        self._refusals += 1
        if self._tries[key] >= _TRIES or self._refusals == _MOST:
            self._run_plainly(key, "; ".join(refusals))

    def _run_plainly(self, key: Any, why: str) -> None:
        if key not in self._plain:
            self._plain[key] = why
            warn_user(
                f"jit({self._name}): no program can take the place of the function, which runs "
                f"plainly from now on: {why}",
                JitWarning,
            )

    def _forget(self, key: Any, which: _Kept) -> None:
        self._recent = [pair for pair in self._recent if pair[1] is not which]
        left = [kept for kept in self._programs.get(key, ()) if kept is not which]
        if left:
            self._programs[key] = left
        else:
            self._programs.pop(key, None)  # which holds objects among the arguments

    def _discard(self) -> None:
        self._forget(*self._recent[0])
        self._discarded += 1
        if self._discarded == 1:
            warn_user(
                f"jit({self._name}): more than {_MOST} programs were made of it, and the oldest is "
                "let go; Python's numbers among its arguments, shapes, or attributes change with "
                "every call: give numbers as arrays. From now on most calls for which there is no "
                "program run plainly",
                JitWarning,
            )

    def _compare(
        self, key: Any, fitting: list[_Kept], leaves: Leaves, args: Any, options: Any
    ) -> Any:
        """The first call with other numbers: the function runs once more, and is compared."""
        keep = any(kept.made.decides for kept in fitting)  # it may go a way of its own
        captured = Captured(self._f, self._name, (args, options), leaves, keep=keep)
        if captured.refusals:
            with self._lock:
                for kept in fitting:  # nor can those be what they were made of
                    self._forget(key, kept)
                self._refused(key, captured.refusals)
            return captured.result
        told = None
        for kept in fitting:
            first = kept.first  # which another thread may believe meanwhile
            if first is None:
                continue
            found = difference(first, captured.whole)
            if found is None:
                kept.was_right(captured)
                return self._result(captured, kept.made, leaves, args, options)
            if not (found.another_way or kept.lay_otherwise(captured)):
                # Else this call tells nothing about it.
                told = found.told
        if told is None:
            return self._keep(key, captured, leaves, args, options)
        captured.put_back()
        raise VerificationError(
            f"jit({self._name}): a part of the function stays as it was in the first call: {told}. "
            "What changes must be an argument, a tensor, or drawn by autograd.random; verify=False "
            "leaves this check out"
        )

    # --- what it is ----------------------------------------------------------------------------

    def report(self) -> str:
        """What programs there are, and why calls run plainly."""
        from autograd.jitting.reporting import report

        made = [kept.made for _, kept in self._recent]
        return report(self._name, made, self._plain, bool(self._tries))

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __deepcopy__(self, memo: dict[int, Any]) -> Jitted:
        f, plainly = deepcopy((self._f, self._plainly), memo)
        return Jitted(f, self._verify, self._backend, plainly)

    def __repr__(self) -> str:
        count = len(self._recent)
        plural = "" if count == 1 else "s"
        kinds = "kind" if len(self._plain) == 1 else "kinds"
        plain = f", plain for {len(self._plain)} {kinds} of arguments" if self._plain else ""
        return f"<jit of {self._name}: {count} program{plural}{plain}>"


def _digest(array: Array) -> int:
    return crc32(np.ascontiguousarray(array).tobytes())


@overload
def jit(f: F, /, *, verify: bool = True, backend: Backend = "auto") -> F: ...
@overload
def jit(*, verify: bool = True, backend: Backend = "auto") -> Callable[[F], F]: ...
def jit(f: Any = None, /, *, verify: bool = True, backend: Backend = "auto") -> Any:
    """f, which runs as a program from its second call on.

    The first call watches f, and makes a program of what it computes: all ops, those of a backward
    pass and of an optimizer's step among them. Later calls with arguments of the same structure,
    shapes and dtypes run the program. A whole step of a training can be one function:

        @jit
        def step(x, y):
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

    f takes and returns trees (lists, tuples, dicts) of tensors, arrays and Python values. Arrays
    reach it as tensors. Tensors that it reads from outside (parameters, buffers) are read anew at
    each call; what it leaves in them, in their `.grad` and in optimizers it leaves at each call, at
    its end; random numbers of autograd.random are drawn anew. Python values among the arguments,
    in the closure and the globals of f, and attributes of modules are guards: where one is another,
    another program is made, of which at most 16 are kept; and so it is with the truth of a tensor
    (`if loss > 1`), and with masks. Give numbers that change with every call as arrays.

    What else Python does (print, append, a number in some other object that changes later) happens
    when a program is made, not when it runs; and so do numbers that Python takes out of an array of
    NumPy's, `float(table[0])`. Numbers of a tensor (float, item, .data) would stay as they were in
    the first call: that is an error, which names the line. What cannot be in a program (hooks,
    random numbers of NumPy or Python, an iterator that is advanced) makes f run plainly, with a
    warning that says why.

    Args:
        f: the function; without it, a decorator is returned.
        verify: whether each program is compared with f: call by call when it is made, and once
            more, as a whole, at the second call and at the first with other numbers, or at the
            ninth where there is none.
        backend: what runs programs: "c", C made of them where a compiler is found, and NumPy for
            ops that have none; "numpy"; or "auto", which is "c" where there is a compiler. Without
            one "c" is NumPy too, and a `NativeWarning` says why, once. C gives no warnings of
            floating point, as of a division by zero.

    Raises:
        TypeError: f is no function.
        ValueError: another backend.
        FrozenError: in a call: f asks for the numbers of a tensor. Nothing has changed then.
        VerificationError: in a call: the program is not what f computes, or a part of f, NumPy's
            random numbers say, would stay as it was. Nothing has changed then.

    >>> from autograd import Tensor, exp, jit
    >>> f = jit(lambda x: exp(x) * 2)
    >>> f(Tensor([0.0, 0.0]))
    Tensor([2., 2.])
    >>> f
    <jit of <lambda>: 1 program>
    """
    if backend not in BACKENDS:
        raise ValueError(f"jit: backend {backend!r} given, one of {BACKENDS} expected")
    if f is None:
        return functools.partial(jit, verify=verify, backend=backend)
    expect_function("jit", f)
    return Jitted(f, verify, backend)
