"""Modes that decorate what makes attributes of functions, with brackets and without."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from support.leaves import records

import autograd as ag
from autograd import no_grad
from autograd.engine.modes import mode


class Decorated:
    @no_grad()
    @property
    def value(self) -> bool:
        """What it says."""
        return records()

    @no_grad
    @value.setter
    def value(self, into: list[bool]) -> None:
        into.append(records())

    @no_grad()
    @staticmethod
    def static() -> bool:
        return records()

    @no_grad()
    @classmethod
    def of_class(cls) -> tuple[str, bool]:
        return cls.__name__, records()

    @no_grad
    @functools.cached_property
    def cached(self) -> bool:
        return records()

    def method(self, more: int) -> tuple[int, bool]:
        return more, records()

    partial = no_grad(functools.partialmethod(method, 3))

    @no_grad
    def bare(self) -> bool:
        return records()

    @no_grad
    def steps(self) -> Iterator[bool]:
        """Steps."""
        yield records()


class Derived(Decorated):
    pass


def test_what_makes_attributes_of_functions_is_decorated_as_these() -> None:
    it: Any = Derived()
    into: list[bool] = []
    it.value = into
    assert (it.value, into, vars(Decorated)["value"].__doc__) == (False, [False], "What it says.")
    assert (Derived.static(), it.static()) == (False, False)
    assert Derived.of_class() == it.of_class() == ("Derived", False)
    assert (it.cached, vars(it)) == (False, {"cached": False})
    assert it.partial() == (3, False)
    assert (it.bare(), it.steps.__doc__) == (False, "Steps.")
    assert [(inside, records()) for inside in it.steps()] == [(False, True)]
    with no_grad():
        assert ag.enable_grad(records)()
        assert not records()


@pytest.mark.parametrize("mode_of", [no_grad, ag.enable_grad, ag.debug, ag.profile])
def test_a_mode_decorates_without_brackets_or_refuses(mode_of: Any) -> None:
    def seen() -> tuple[bool, bool]:
        return records(), mode.observer is not None

    def steps() -> Iterator[tuple[bool, bool]]:
        yield seen()

    with mode_of():
        inside = seen()
    assert mode_of(seen)() == mode_of()(seen)() == inside
    assert list(mode_of(steps)()) == [inside]
    assert seen() == (True, False)
    for wrong in (Decorated, 3, "f", [seen]):
        for decorate in (mode_of, mode_of()):
            with pytest.raises(TypeError, match=f"{mode_of.__name__}: .* given to decorate"):
                decorate(wrong)
