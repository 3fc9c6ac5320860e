"""@primitive: a forward on arrays and one pullback per argument. Built-in and user ops alike.

A rule gets the gradient `g` of the output, the output, and the arguments as the forward got them;
every array among these is a Tensor. It returns the gradient of its argument, a Tensor made by
primitives, so that it can be differentiated in turn. An op with several outputs returns a tuple;
its rules get tuples for g and the output.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Sequence
from itertools import count
from types import MethodType
from typing import Any, Literal, NamedTuple, get_args, overload
from weakref import WeakValueDictionary

import numpy as np

from autograd.engine.conforming import CLEAR, NUMBERS, conformed, like
from autograd.engine.keeping import LARGE, Dropped
from autograd.engine.modes import current, mode
from autograd.engine.needs import needs
from autograd.engine.rules import Keeps, Rules
from autograd.engine.tape import Output, Place, Record, Refusal
from autograd.engine.tensor import Tensor, empty, wrap

Kind = Literal["elementwise", "reduction", "view", "contraction", "gather"]
_DOUBLE = np.dtype(np.float64)

registry: WeakValueDictionary[str, Primitive] = WeakValueDictionary()  # of those there are
_next_number = count(2).__next__


class Primitive(Rules):
    """A differentiable operation, and how it is called and pulled; see `primitive`."""

    # What a call looks up lies in slots: it is found there faster than among all the rest.
    __slots__ = ("clear", "differentiable", "ufunc")

    def __init__(
        self,
        forward: Callable[..., Any],
        kind: Kind | None = None,
        broadcasts: bool = False,
        differentiable: bool = True,
        expects: str = "",
        analytic: bool = False,
        ufunc: np.ufunc | None = None,
        lowering: str = "",
        name: str = "",
    ) -> None:
        if kind is not None and kind not in get_args(Kind):
            raise ValueError(f"primitive: kind {kind!r} given, one of {get_args(Kind)} expected")
        if not callable(forward):
            raise TypeError(f"primitive: {forward!r} given, a function of arrays expected")
        functools.update_wrapper(self, forward)
        named = forward.func if isinstance(forward, functools.partial) else forward
        self.__module__ = getattr(named, "__module__", None) or type(named).__module__
        plain = getattr(named, "__name__", type(named).__qualname__)  # all that old ufuncs have
        self.__qualname__ = getattr(named, "__qualname__", plain)
        super().__init__(forward, name or self.__qualname__.rpartition(".")[2])
        self.kind, self.broadcasts = kind, broadcasts
        self.clear = NUMBERS if broadcasts else CLEAR
        self.differentiable, self.analytic = differentiable, analytic
        self.expects = expects
        self.ufunc, self.lowering = ufunc, lowering
        key = f"{self.__module__}.{self.__qualname__}"
        registry[f"{key}#{_next_number()}" if key in registry else key] = self

    def __reduce__(self) -> str:
        """An op is pickled as a function is: by where it stands."""
        return self.__qualname__

    def __call__(self, *args: Any, **options: Any) -> Tensor:
        # Written for few interpreter steps: on small tensors they are what an op costs.
        here = current()
        observer, watcher = here["observer"], here["watcher"]
        if watcher is not None:
            args = watcher.all_given(args)
        arrays: list[Any] = []
        parents: list[Place | None] = []
        array: Any = None  # of the last tensor among the arguments
        tracked = unclear = False
        clear = self.clear
        for arg in args:
            if type(arg) is Tensor or isinstance(arg, Tensor):
                array = arg._array
                arrays.append(array)
                place = arg._place
                parents.append(place)
                if place is not None:
                    tracked = True
            else:
                if type(arg) not in clear and not self._is_plain(arg, len(parents)):
                    unclear = True
                arrays.append(arg)
                parents.append(None)
        for value in options.values():
            if type(value) not in CLEAR and not self._is_plain(value, self._optional):
                unclear = True
        if unclear or array is None:
            args, options = needs.clear(self, args, options)
            arrays = [arg._array if isinstance(arg, Tensor) else arg for arg in args]
            parents = [arg._place if isinstance(arg, Tensor) else None for arg in args]
            tracked = any(parents)
        saved = None
        large = array is not None and array.nbytes >= LARGE
        forward: Callable[..., Any] = self.forward
        if observer is not None:
            forward = observer.computing(self)
        elif self.ufunc is not None and not (options or large or array is None):
            forward = self.ufunc
        try:
            out = forward(*arrays, **options) if options else forward(*arrays)
        except (ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise needs.explain_forward(self, error, arrays, parents) from error
        if type(out) is not np.ndarray:
            scalar = isinstance(out, np.generic)
            if not scalar and isinstance(out, Saved):
                out, saved = out.out, out.value
            if not scalar and isinstance(out, tuple):
                several: Any = self._several(out, arrays, parents, options, saved)
                return several  # type: ignore[no-any-return]  # most ops have one output
            out = np.asarray(out) if scalar else needs.as_array(self, out)
        dtype = out.dtype
        if array is None or dtype is not array.dtype:
            out, saved = needs.settle(self, out, saved, arrays)
        if observer is not None:
            observer.computed(self, arrays, options, out)
        result = empty(Tensor)  # as `wrap` does, without its call
        result._array = out
        result._grad = result._place = None
        wanted = tracked and self.differentiable and here["recording"]
        if wanted and (dtype is _DOUBLE or dtype.kind in "fc"):
            if len(parents) > self._optional and any(parents[self._optional :]):
                needs.refuse_options(self, parents)
            record = Record(self, arrays, parents, options, out, saved, here["scope"])
            if observer is not None:
                observer.recorded(record)
            if self._keeps is not None and (large or out.nbytes >= LARGE):
                self._drop(record, self._keeps)
            result._place = record
        return result

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind as a function does, so that a primitive can be a method of Tensor."""
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def pull(
        self,
        record: Record,
        g: Any,
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None:
        """Deliver the gradients of those arguments of `record` that want one, checked. Of several
        outputs, g is a dict of those gradients that there are."""
        arrays, rules = record.arrays, self._rules
        assert arrays is not None
        here = current()
        observer = here["observer"]
        given, options = self.given(record, g)
        for position, parent in enumerate(record.parents):
            if parent is None or (needed is not None and parent.serial not in needed):
                continue
            rule = rules[position] if position < len(rules) else self.rule(position)
            if rule is None:
                continue
            try:
                pulled = rule(*given, **options) if options else rule(*given)
            except Exception as error:
                needs.explain_rule(self, error, rule, position, given, options)
                raise
            array = arrays[position]
            if (
                type(pulled) is not Tensor
                or pulled._array.shape != array.shape
                or pulled._array.dtype is not array.dtype
            ):
                pulled = conformed(pulled, record, position, self.broadcasts)
            if pulled._place is not None and not here["recording"]:
                pulled = pulled.detach()  # a rule gave a tensor that it closes over
            if observer is not None:
                observer.pulled(record, position, given[0], pulled)
            deliver(parent, pulled)

    def given(self, record: Record, g: Any) -> tuple[list[Any], dict[str, Any]]:
        """What every rule of `record` gets: g, the output and the arguments; and the options.

        Arrays that some rule reads are tensors, on the tape while the sweep is recorded. Others
        stay arrays, which saves half of what a rule costs, or are `Dropped` then.
        """
        out, options, parents, reads = record.out, record.options, record.parents, self._reads
        assert record.arrays is not None
        recording = current()["recording"]
        given = [g, out, *record.arrays]
        for i in range(1, len(given)) if reads is None or recording else reads:
            array = given[i] if i < len(given) else None  # some arguments have defaults
            if type(array) is np.ndarray:
                if reads is None or i in reads:
                    given[i] = tensor = empty(Tensor)
                    tensor._array, tensor._grad = array, None
                    tensor._place = (record if i == 1 else parents[i - 2]) if recording else None
                elif recording:  # an array has no history
                    given[i] = self._dropped(array, i - 1)
        if isinstance(out, tuple):
            places = [Output(record, i) if recording else None for i in range(len(out))]
            zeros = (wrap(np.zeros_like(o), None) for o in out)
            given[0] = like(out, [g.get(i, zero) for i, zero in enumerate(zeros)])
            given[1] = like(out, [wrap(o, place) for o, place in zip(out, places, strict=True)])
        if record.saved is not None:
            options = options | {"saved": self._saved_for_rules(record.saved, parents)}
        return given, options

    def _is_plain(self, value: Any, position: int) -> bool:
        """Whether it is a tuple, of axes or an index, where no array stands, without tensors."""
        plain = type(value) is tuple and position >= self._optional
        return plain and CLEAR.issuperset(map(type, value))

    def _several(
        self,
        outs: tuple[Any, ...],
        arrays: list[Any],
        parents: list[Place | None],
        options: dict[str, Any],
        saved: Any,
    ) -> Any:
        """The results of an op that has several, in the same kind of tuple."""
        results = like(outs, [needs.as_array(self, out) for out in outs])
        results, saved = needs.settle(self, results, saved, arrays)
        if mode.observer is not None:
            mode.observer.computed(self, arrays, options, results)
        places: list[Place | None] = [None] * len(results)
        if self.differentiable and mode.recording and any(parents):
            record = Record(self, arrays, parents, options, results, saved)
            if mode.observer is not None:
                mode.observer.recorded(record)
            places = [
                Output(record, i) if out.dtype.kind in "fc" else None
                for i, out in enumerate(results)
            ]
        return like(outs, [wrap(out, at) for out, at in zip(results, places, strict=True)])

    def _drop(self, record: Record, keeps: Keeps) -> None:
        """Drop large computed arrays that no rule will read; given ones the user holds."""
        kept = {i for at, keep in zip(record.parents, keeps, strict=False) if at for i in keep}
        assert record.arrays is not None
        record.arrays = [
            self._dropped(a, i + 1)
            if i + 2 not in kept and isinstance(parent, Record) and a.nbytes >= LARGE
            else a
            for i, (a, parent) in enumerate(zip(record.arrays, record.parents, strict=True))
        ]
        if 1 not in kept and record.out.nbytes >= LARGE:
            record.out = self._dropped(record.out, 0)

    def _dropped(self, array: Any, number: int) -> Dropped:
        name = [*self.parameters(), *["an argument"] * number][number]
        return Dropped(array.shape, array.dtype, f"'{name}' of '{self.name}'")

    def _saved_for_rules(self, saved: Any, parents: Sequence[Place | None]) -> Any:
        """What the forward saved, as constants; no derivative of it is known."""
        if isinstance(saved, tuple):
            return tuple([self._saved_for_rules(value, parents) for value in saved])
        if not isinstance(saved, np.ndarray | np.inexact):
            return saved
        saved, refusal = np.asarray(saved), None
        if mode.recording and saved.dtype.kind in "fc":
            refusal = Refusal(
                f"the derivative of a rule of '{self.name}' was asked for, and the rule reads what "
                "its forward saved, which has no derivative; make it another output of the op",
                parents,
            )
        return wrap(saved, refusal)


@overload
def primitive(forward: Callable[..., Any], /) -> Primitive: ...
@overload
def primitive(
    *,
    kind: Kind | None = None,
    broadcasts: bool = False,
    differentiable: bool = True,
    expects: str = "",
    analytic: bool = False,
    ufunc: np.ufunc | None = None,
    lowering: str = "",
    name: str = "",
) -> Callable[[Callable[..., Any]], Primitive]: ...
def primitive(forward: Callable[..., Any] | None = None, /, **declared: Any) -> Any:
    """Make a primitive of a function of arrays; declare its rules with `.defvjp`.

    Args:
        forward: positional arguments may be tensors and reach it as arrays; keyword arguments are
            options and reach it, and every rule, as they are.
        kind: how the op moves data: "elementwise", "reduction", "view", "contraction" or "gather".
        broadcasts: whether arguments broadcast, so that gradients are summed back over broadcast
            axes without a warning.
        differentiable: False for an op whose result is a constant (comparisons, argmax).
        expects: what to say of the arguments when the forward refuses them.
        analytic: whether the forward also takes complex numbers and has a complex derivative
            wherever it has a real one; checks are exact to rounding then (the complex step).
        ufunc: what is called instead where all arrays are small and no options are given.
        lowering: an elementwise forward as a line of C: see autograd.lowering.rows.elementwise.
        name: what messages call it; by default the forward's own name.

    Raises ValueError for an unknown kind, TypeError for what is no function.
    """
    if forward is not None:
        return Primitive(forward, **declared)
    return lambda function: Primitive(function, **declared)


class Saved(NamedTuple):
    """What a forward returns that keeps a value for its rules; they get it as `saved`.

    Arrays in the value reach the rules as tensors that refuse to be differentiated.
    """

    out: Any
    value: Any
