"""Calls of forwards as lines of Python, and the names of what these must find."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.program.program import Call, Value, values_in
from autograd.program.running import given_by

_LITERALS = (int, float, bool, type(None), str)


class CallText:
    """Lines of a function in which the array of slot 3 is r3.

    Args:
        space: what the lines find beside, to which is added what they need.
    """

    def __init__(self, space: dict[str, Any]) -> None:
        self.space = space
        space |= {"A": np.ndarray, "given_by": given_by}

    def hold(self, letter: str, value: Any) -> str:
        """A name for what the lines must find."""
        name = f"{letter}{len(self.space)}"
        self.space[name] = value
        return name

    def text(self, value: Any) -> str:
        """An argument or option."""
        if isinstance(value, Value):
            return f"r{value.slot}"
        if type(value) in _LITERALS and value == value and value not in (np.inf, -np.inf):
            return repr(value)
        if any(True for _ in values_in(value)):
            if type(value) in (tuple, list):
                parts = "".join(f"{self.text(part)}, " for part in value)
                return f"({parts})" if type(value) is tuple else f"[{parts}]"
            if type(value) is slice:
                bounds = (value.start, value.stop, value.step)
                return f"slice({', '.join(map(self.text, bounds))})"
            if type(value) is dict:
                return f"{{{', '.join(f'{k!r}: {self.text(v)}' for k, v in value.items())}}}"
        return self.hold("o", value)

    def arguments(self, call: Call) -> str:
        """All arguments and options of a call."""
        options = [f"{name}={self.text(value)}" for name, value in call.options.items()]
        return ", ".join([*map(self.text, call.inputs), *options])

    def called(self, call: Call, forward: Any, given: str, checked: bool = False) -> list[str]:
        """Lines that call a forward, and give r and the number of each slot that the call gives.

        Args:
            given: the arguments.
            checked: whether what the forward gives may have another dtype than the op.
        """
        name, own = self.hold("f", forward), self.hold("c", call)
        slot = call.outputs[0]
        if call.several is None and call.saved is None and not checked:
            return [
                f"r{slot} = {name}({given})",
                f"if r{slot}.__class__ is not A: (r{slot},) = given_by({own}, r{slot}, ())",
            ]
        outs = "".join(f"r{s}, " for s in call.gives())
        arrays = "".join(f"r{v.slot}, " for v in call.inputs if isinstance(v, Value))
        return [f"({outs}) = given_by({own}, {name}({given}), ({arrays}))"]


def is_mixed(call: Call, slots: Any) -> bool:
    """Whether integers meet floats, so that what the forward gives may be narrowed."""
    found = [slots[slot] for slot in call.reads()]
    kinds = {slot.dtype.kind for slot in found if not slot.weak}
    return not kinds.isdisjoint("biu") and not kinds.isdisjoint("f")
