"""What an op's pullbacks are, and what each of them reads."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeVar

from autograd.engine.tensor import Tensor

Rule = Callable[..., Tensor]
Keeps = tuple[tuple[int, ...], ...]  # of each rule, the positions of what it reads
Op = TypeVar("Op", bound="Rules")
CO_VARARGS = 4  # a flag of code objects, as in inspect, which is slow to import


class Rules:
    """The declared pullbacks of an op that has a forward and a name."""

    __slots__ = ("__dict__", "__weakref__", "_keeps", "_optional", "_reads", "_rules", "forward")

    def __init__(self, forward: Callable[..., Any], name: str) -> None:
        self.forward = forward
        self.name = name
        self.rule_for_each: Rule | None = None
        self._declared: tuple[tuple[Rule | None, ...], Keeps | None] = ((), None)
        self.rules = ()

    def defvjp(self: Op, *rules: Rule | None, keeps: Sequence[str] | None = None) -> Op:
        """Declare one pullback per positional argument; None where there is no gradient.

        Args:
            rules: functions (g, out, *args, **options) -> the gradient of their argument.
            keeps: for each rule, what it reads the numbers of: "out" and names of the forward's
                parameters, with spaces between. The rest a record may drop, and a rule gets it as
                a `Dropped`, which has a shape and a dtype. By default a record keeps everything.

        Raises TypeError where a rule is no function, ValueError where there are more rules than
        arguments or `keeps` is not one for each.
        """
        if len(rules) > (most := self._most_arguments()):
            raise ValueError(
                f"defvjp of '{self.name}': {len(rules)} rules for {most:.0f} positional arguments, "
                f"{', '.join(self.parameters()[1:])}; one for each expected"
            )
        for position, rule in enumerate(rules):
            if rule is not None and not callable(rule):
                raise TypeError(
                    f"defvjp of '{self.name}': rule {position} is {type(rule).__name__}; "
                    "a function (g, out, *args) -> Tensor expected, or None"
                )
        if keeps is not None and (isinstance(keeps, str) or len(keeps) != len(rules)):
            given = repr(keeps) if isinstance(keeps, str) else f"{len(keeps)} entries"
            raise ValueError(
                f"defvjp of '{self.name}': keeps has {given} for {len(rules)} rules; a list with "
                "a string for each expected"
            )
        read = None if keeps is None else tuple([self._positions(names) for names in keeps])
        self._declared = rules, read
        self.rules = rules
        return self

    @property
    def rules(self) -> tuple[Rule | None, ...]:
        """The pullback of each positional argument; those past the end follow `rule_for_each`.

        Settable: rules put in the places of those that were declared keep everything.
        """
        return self._rules

    @rules.setter
    def rules(self, rules: Sequence[Rule | None]) -> None:
        self._rules = tuple(rules)
        declared, keeps = self._declared
        both = self._rules and self.rule_for_each  # who keeps what cannot be told then
        self._keeps = keeps if self._rules == declared and not both else None
        self._reads = None if self._keeps is None else {i for k in self._keeps for i in k}
        # From here on arguments have no rule.
        self._optional = 1 + max((i for i, r in enumerate(self._rules) if r), default=98)

    def defvjp_each(self: Op, rule: Rule, keeps: tuple[()] | None = None) -> Op:
        """Declare one pullback for all positional arguments, however many there are.

        The rule gets the argument's position first: (position, g, out, *args) -> Tensor. `keeps` is
        () where it reads the numbers of none of them, nor of the output.
        """
        self.rule_for_each, self._declared = rule, (self._rules, keeps)
        self.rules = self._rules
        return self

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
            f"give its detach(), or declare it with {self.name}.defvjp (None where there is none)"
        )

    def parameters(self) -> list[str]:
        """The names of what rules get after g."""
        if (code := self._code()) is not None:
            return ["out", *code.co_varnames[: code.co_argcount]]
        if count := getattr(self.forward, "nin", 0):  # a ufunc; NumPy tells names from 2.4 on
            return ["out", *(["x"] if count == 1 else [f"x{i + 1}" for i in range(count)])]
        from inspect import signature  # slow to import, and seldom needed

        return ["out", *signature(self.forward).parameters]

    def _code(self) -> Any:
        inner: Any = self.forward
        while hasattr(inner, "__wrapped__"):
            inner = inner.__wrapped__
        return inner.__code__ if isinstance(inner, FunctionType) else None

    def _most_arguments(self) -> float:
        code = self._code()
        return float("inf") if code is None or code.co_flags & CO_VARARGS else code.co_argcount

    def _positions(self, names: str) -> tuple[int, ...]:
        """Where among what a rule gets the things of these names stand; g, at 0, is not named."""
        parameters = self.parameters()
        for name in names.split():
            if name not in parameters:
                raise ValueError(
                    f"defvjp of '{self.name}': keeps names '{name}', one of "
                    f"{', '.join(parameters)} expected"
                )
        return tuple([1 + parameters.index(name) for name in names.split()])
