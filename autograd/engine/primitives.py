"""@primitive: a forward on arrays and one pullback per argument. Built-in and user ops alike.

    @primitive
    def cube(x):
        return x ** 3

    cube.defvjp(lambda g, out, x: g * 3 * x ** 2)

A rule gets the gradient `g` of the output, the output, and the arguments as the forward got them;
every array among these is a Tensor. It returns the gradient of its argument, a Tensor made by
primitives, so that it can be differentiated in turn. An op with several outputs returns a tuple;
its rules get tuples for g and the output.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container
from types import MethodType
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from autograd.engine.conforming import CLEAR, cleared, conformed, drifted, integers_as_floats
from autograd.engine.saving import LARGE, read_by, stand_in
from autograd.engine.tape import Output, Place, Record, Refusal, mode, no_grad
from autograd.engine.tensor import Tensor, wrap

Kind = Literal["elementwise", "reduction", "view", "contraction", "gather"]
Rule = Callable[..., Tensor]

registry: dict[str, Primitive] = {}


class Primitive:
    """A differentiable operation; calling it computes, and records where a gradient is wanted.

    `kind` says how the op moves data. Declaring it "elementwise" or "contraction" also says that
    arguments broadcast, so that gradients are summed back over broadcast axes without a warning.
    `analytic` says that the forward takes complex numbers, and is then complex differentiable.
    `ufunc` is what the forward of an operator comes to where its arrays are small.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        kind: Kind | None,
        differentiable: bool,
        expects: str,
        analytic: bool = False,
        ufunc: np.ufunc | None = None,
    ) -> None:
        functools.update_wrapper(self, forward)
        self.forward = forward
        self.name: str = getattr(forward, "__name__", type(forward).__name__)
        self.kind = kind
        self.differentiable = differentiable
        self.expects = expects
        self.analytic = analytic
        self.ufunc = ufunc
        self.rules = ()
        self.rule_for_each: Rule | None = None
        registry[f"{forward.__module__}.{self.name}"] = self

    def defvjp(self, *rules: Rule | None) -> Primitive:
        """Declare one pullback per positional argument; None where there is no gradient."""
        for position, rule in enumerate(rules):
            if rule is not None and not callable(rule):
                raise TypeError(
                    f"defvjp of '{self.name}': rule {position} is {type(rule).__name__}; "
                    "a function (g, out, *args) -> Tensor expected, or None"
                )
        self.rules = rules
        return self

    @property
    def rules(self) -> tuple[Rule | None, ...]:
        """The pullback of each positional argument; those past the end follow `rule_for_each`."""
        return self._rules

    @rules.setter
    def rules(self, rules: tuple[Rule | None, ...]) -> None:
        self._rules = tuple(rules)
        self._read_by: tuple[tuple[int, ...], ...] | None = None

    def defvjp_each(self, rule: Rule) -> Primitive:
        """Declare one pullback for all positional arguments, however many there are.

        The rule gets the argument's position first: (position, g, out, *args) -> Tensor.
        """
        self.rule_for_each = rule
        return self

    def __call__(self, *args: Any, **options: Any) -> Tensor:
        # Written for few interpreter steps: on small tensors they are what an op costs.
        arrays: list[Any] = []
        parents: list[Place | None] = []
        unclear = False
        for arg in args:
            if isinstance(arg, Tensor):
                arrays.append(arg.data)
                parents.append(arg._place)
            else:
                arrays.append(arg)
                parents.append(None)
                if type(arg) not in CLEAR:
                    unclear = True
        if unclear or (arrays and type(arrays[0]) is not np.ndarray):
            arrays = cleared(arrays, [self._takes_array(i) for i in range(len(arrays))])
        if options:
            self._refuse_tensors(options)
        saved = None
        here = mode.__dict__
        observer = here["observer"]
        forward = self.forward if observer is None else observer.computing(self)
        try:
            out = forward(*arrays, **options)
        except (ValueError, TypeError, IndexError) as error:
            raise self._located(error, arrays) from error
        if type(out) is not np.ndarray:
            if isinstance(out, Saved):
                out, saved = out.out, out.value
            if isinstance(out, tuple):
                several: Any = self._several(out, arrays, parents, options, saved)
                return several  # type: ignore[no-any-return]  # ops with one output are the rule
            out = np.asarray(out)
        dtype = out.dtype
        if arrays and dtype is not getattr(arrays[0], "dtype", None) and drifted(out, arrays):
            arrays = integers_as_floats(arrays)
            out = np.asarray(forward(*arrays, **options))
            dtype = out.dtype
        if observer is not None:
            observer.computed(self, arrays, options, out)
        if not (self.differentiable and here["recording"] and any(parents) and dtype.kind in "fc"):
            return wrap(out, None)
        record = Record(self, tuple(arrays), tuple(parents), options, out, saved, here["scope"])
        if observer is not None:
            observer.recorded(record)
        for array in arrays:
            if type(array) is np.ndarray and array.nbytes >= LARGE:
                self._let_go(record)
                break
        return wrap(out, record)

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
        """Deliver the gradients of those arguments of `record` that want one, checked.

        g is the gradient of the output; of several outputs, a dict of those that have one.
        """
        arrays, out, rules = record.arrays, record.out, self._rules
        assert arrays is not None
        here = mode.__dict__
        observer = here["observer"]
        # Without recording, a tensor is made only where a rule reads it: its shape and dtype are
        # those of the array. That saves half of what a rule costs beside the ops in it.
        usual = self.rule_for_each is None and record.saved is None and not isinstance(out, tuple)
        if usual and not here["recording"]:
            given, options = [g, out, *arrays], record.options
            read_by = self._read_by or self._reading()
        else:
            (given, options), read_by = self.given(record, g), ()
        for position, parent in enumerate(record.parents):
            if parent is None or (needed is not None and parent.serial not in needed):
                continue
            rule = rules[position] if position < len(rules) else self.rule(position)
            if rule is None:
                continue
            if read_by:
                for i in read_by[position]:
                    if i >= len(given):
                        break  # parameters that have defaults
                    if type(given[i]) is np.ndarray:
                        given[i] = wrap(given[i], None)
            pulled = rule(*given, **options) if options else rule(*given)
            array = arrays[position]
            if (
                type(pulled) is not Tensor
                or pulled.data.shape != array.shape
                or pulled.data.dtype is not array.dtype
            ):
                pulled = conformed(pulled, array, out, self.name, position, self.kind)
            if observer is not None:
                observer.pulled(record, position, given[0], pulled)
            deliver(parent, pulled)

    def given(self, record: Record, g: Any) -> tuple[list[Any], dict[str, Any]]:
        """What every rule of `record` gets: g, the output and the arguments; and the options."""
        arrays, parents, out, options = record.arrays, record.parents, record.out, record.options
        assert arrays is not None
        recording = mode.recording
        args = [
            wrap(a, p if recording else None) if isinstance(a, np.ndarray) else a
            for a, p in zip(arrays, parents, strict=True)
        ]
        result: Any
        if isinstance(out, tuple):
            zeros = (wrap(np.zeros_like(o), None) for o in out)
            g = _like(out, [g.get(i, zero) for i, zero in enumerate(zeros)])
            places = [Output(record, i) if recording else None for i in range(len(out))]
            result = _like(out, [wrap(o, place) for o, place in zip(out, places, strict=True)])
        else:
            result = wrap(out, record if recording else None)
        if record.saved is not None:
            options = options | {"saved": self._saved_for_rules(record.saved)}
        return [g, result, *args], options

    def rule(self, position: int) -> Rule | None:
        """The pullback of the argument at `position`; None where it has no gradient.

        Raises RuntimeError where none is declared.
        """
        if position < len(self._rules):
            return self._rules[position]
        if self.rule_for_each is not None:
            return functools.partial(self.rule_for_each, position)
        raise RuntimeError(
            f"'{self.name}' has no rule for argument {position}, and a gradient is wanted there: "
            f"declare it with {self.name}.defvjp (None for an argument without a gradient)"
        )

    def _several(
        self,
        outs: tuple[Any, ...],
        arrays: list[Any],
        parents: list[Place | None],
        options: dict[str, Any],
        saved: Any,
    ) -> Any:
        """The results of an op that has several, in the same kind of tuple."""
        results = _like(outs, [np.asarray(out) for out in outs])
        if mode.observer is not None:
            mode.observer.computed(self, arrays, options, results)
        if self.differentiable and mode.recording and any(parents):
            record = Record(self, tuple(arrays), tuple(parents), options, results, saved)
            if mode.observer is not None:
                mode.observer.recorded(record)
            places = [
                Output(record, i) if out.dtype.kind in "fc" else None
                for i, out in enumerate(results)
            ]
            tensors = [wrap(out, place) for out, place in zip(results, places, strict=True)]
        else:
            tensors = [wrap(out, None) for out in results]
        return _like(outs, tensors)

    def _takes_array(self, position: int) -> bool:
        if not self.differentiable:
            return True
        if position >= len(self.rules):
            return self.rule_for_each is not None
        return self.rules[position] is not None

    def _reading(self) -> tuple[tuple[int, ...], ...]:
        """What each rule reads; found when it is first asked for, which keeps the import short."""
        if self._read_by is None:
            self._read_by = tuple([() if rule is None else read_by(rule) for rule in self._rules])
        return self._read_by

    def _let_go(self, record: Record) -> None:
        """Let go of large computed arrays that no rule will read; given ones the user holds."""
        if self.rule_for_each is not None:
            return  # it may read any of them
        read: set[int] = set()
        for parent, parameters in zip(record.parents, self._reading(), strict=False):
            if parent is not None:
                read.update(parameters)
        assert record.arrays is not None
        record.arrays = tuple(
            stand_in(a.shape, a.dtype)
            if i + 2 not in read and isinstance(parent, Record) and a.nbytes >= LARGE
            else a
            for i, (a, parent) in enumerate(zip(record.arrays, record.parents, strict=True))
        )
        if 1 not in read and record.out.nbytes >= LARGE:
            record.out = stand_in(record.out.shape, record.out.dtype)

    def _saved_for_rules(self, saved: Any) -> Any:
        """What the forward saved, as constants; no derivative of it is known."""
        if isinstance(saved, tuple):
            return tuple([self._saved_for_rules(value) for value in saved])
        if not isinstance(saved, np.ndarray | np.floating):
            return saved
        saved = np.asarray(saved)
        refusal = None
        if mode.recording and saved.dtype.kind in "fc":
            refusal = Refusal(
                f"the derivative of a rule of '{self.name}' was asked for, and the rule reads what "
                "its forward saved, which has no derivative; make it another output of the op"
            )
        return wrap(saved, refusal)

    def _refuse_tensors(self, options: dict[str, Any]) -> None:
        for keyword, value in options.items():
            if isinstance(value, Tensor):
                raise TypeError(
                    f"{self.name}: the keyword argument '{keyword}' is a Tensor; only positional "
                    "arguments are differentiated: pass it by position, or detach().data"
                )

    def _located(self, error: Exception, arrays: list[Any]) -> Exception:
        given = ", ".join(_describe(a) for a in arrays)
        expects = self.expects
        if not expects and self.kind == "elementwise":
            expects = "shapes that broadcast together"
        hint = f"; expected {expects}" if expects else ""
        kinds = (np.linalg.LinAlgError, ValueError, TypeError, IndexError)
        kind = next(k for k in kinds if isinstance(error, k))
        return kind(f"{self.name}({given}): {error}{hint}")


@overload
def primitive(forward: Callable[..., Any], /) -> Primitive: ...
@overload
def primitive(
    *,
    kind: Kind | None = None,
    differentiable: bool = True,
    expects: str = "",
    analytic: bool = False,
    ufunc: np.ufunc | None = None,
) -> Callable[[Callable[..., Any]], Primitive]: ...
def primitive(
    forward: Callable[..., Any] | None = None,
    *,
    kind: Kind | None = None,
    differentiable: bool = True,
    expects: str = "",
    analytic: bool = False,
    ufunc: np.ufunc | None = None,
) -> Any:
    """Make a primitive of a function of arrays; declare its rules with `.defvjp`.

    Args:
        forward: positional arguments may be tensors and reach it as arrays; keyword arguments are
            options and reach it, and every rule, as they are.
        kind: see `Primitive`.
        differentiable: False for an op whose result is a constant (comparisons, argmax).
        expects: what to say of the arguments when the forward refuses them.
        analytic: whether the forward also takes complex numbers and has a complex derivative
            wherever it has a real one; checks are exact to rounding then (the complex step).
        ufunc: of two arguments, what the forward comes to where the arrays are small; an operator
            of Tensor then calls it without the forward.
    """
    if forward is not None:
        return Primitive(forward, kind, differentiable, expects, analytic, ufunc)
    return lambda function: Primitive(function, kind, differentiable, expects, analytic, ufunc)


def custom_vjp(function: Callable[..., Any]) -> Primitive:
    """Make one op of a function of tensors, whose gradient is then declared with `.defvjp`.

    The function is a composition of other ops; its own gradient is not taken. For gradients that
    are clipped, passed straight through, or computed in a stabler form.
    """

    @functools.wraps(function)
    def forward(*arrays: Any, **options: Any) -> Any:
        with no_grad():
            tensors = [wrap(a, None) if isinstance(a, np.ndarray) else a for a in arrays]
            return _plain(function(*tensors, **options))

    return Primitive(forward, None, True, "")


class Saved(NamedTuple):
    """What a forward returns that keeps a value for its rules; they get it as `saved`.

    `out` is an array or a tuple of arrays. Arrays among the values reach the rules as tensors that
    refuse to be differentiated.
    """

    out: Any
    value: Any


def on_arrays(rule: Callable[..., Any]) -> Rule:
    """Make a rule of a function of arrays. Its gradient refuses to be differentiated again."""

    def lifted(g: Any, out: Any, *args: Any, **options: Any) -> Tensor:
        plain = [_plain(arg) for arg in (g, out, *args)]
        result = np.asarray(rule(*plain, **{name: _plain(v) for name, v in options.items()}))
        if not mode.recording:
            return wrap(result, None)
        code = getattr(rule, "__code__", None)
        where = f" ({code.co_filename}, line {code.co_firstlineno})" if code else ""
        reason = (
            f"the derivative of a rule on arrays{where} was asked for; for second derivatives "
            "write it in primitives, without on_arrays"
        )
        return wrap(result, Refusal(reason))

    return lifted


def _like(several: tuple[Any, ...], parts: list[Any]) -> Any:
    """The parts in a tuple of the same kind, with the same names if it has any."""
    return type(several)(*parts) if hasattr(several, "_fields") else tuple(parts)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return _like(value, [_plain(part) for part in value])
    return value.data if isinstance(value, Tensor) else value


def _describe(arg: Any) -> str:
    return f"{arg.dtype} {arg.shape}" if isinstance(arg, np.ndarray) else repr(arg)
