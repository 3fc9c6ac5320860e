"""Names for everything a derivation mentions, and the namespace in which its text runs."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd.engine.tensor import Array, Tensor, wrap
from autograd.program.expressions import At, Key, Name
from autograd.program.folding import Member
from autograd.program.taping import Taped, key_of

# What a text may mention without its being an op or a tensor.
_DTYPES = [
    *("float16", "float32", "float64", "complex64", "complex128", "uint8", "uint16", "uint32"),
    *("uint64", "int8", "int16", "int32", "int64"),
]
_BUILTINS = [
    *("bool", "complex", "dict", "float", "inf", "int", "nan", "slice", "str", "Ellipsis"),
    *("range", "reversed", "t"),
]


class Names:
    """One name for each leaf, value, constant and op.

    Leaves are x1, x2 ... unless named, values v1, v2 ..., constants c1, c2 ..., parts of rules t1,
    t2 ...; the gradient of x1 is d_x1. What a loop makes at step t is v1[t].

    Args:
        given: names that the caller wishes, each of a tensor or an array. Those that do not occur
            are left out. What no name may hold, as the points of a state dict, becomes "_".

    Raises:
        TypeError: a name is no text, or not that of a tensor or an array.
        ValueError: two given names would be one.
    """

    def __init__(self, taped: Taped, given: Mapping[str, Any] | None) -> None:
        self._taped, self._program = taped, taped.program
        self._taken: set[str] = {*keyword.kwlist, *_DTYPES, *_BUILTINS}
        self._counts: dict[str, int] = {}
        self._ops: dict[int, tuple[str, Any]] = {}
        self._objects: dict[int, tuple[str, Any]] = {}
        self._names: dict[Key, str] = {}
        self._rooms: dict[tuple[str, int], None] = {}
        self.members: dict[int, Member] = {}
        self.families: dict[int, dict[int, int]] = {}  # of constants, by the step
        self._wished = self._wishes(given or {})
        for i in self._program.inputs:
            self(Key("v", i.slot))

    def __call__(self, key: Key | At) -> str:
        """The name of a key; in a loop, told by the step."""
        if isinstance(key, At):
            if not key.letter:
                return _place(key)
            self._rooms.setdefault((key.letter, key.family))
            return f"{self._base(key.letter, key.family)}[{_place(key)}]"
        member = self.members.get(key.slot)
        if member is not None:
            self._rooms.setdefault((key.letter, member.family))
            return f"{self._base(key.letter, member.family)}[{member.number}]"
        return self._base(key.letter, key.slot)

    def bind(self, key: Key, slot: int) -> None: ...

    def wished(self) -> dict[int, str]:
        """The names that the caller has for values."""
        return dict(self._wished)

    def _base(self, letter: str, slot: int) -> str:
        if letter == "d":
            return f"d_{self._base('v', slot)}"
        constant = slot in self._program.constants or slot in self._taped.kept
        key = Key(letter, slot)
        if key not in self._names:
            wished = None if slot in self.members else self._wished.get(slot)
            if wished is not None and wished not in self._names.values():
                self._names[key] = wished
            elif letter == "t":
                self._names[key] = self._next("t")
            else:
                leaf = any(i.slot == slot for i in self._program.inputs)
                self._names[key] = self._next("x" if leaf else "c" if constant else "v")
        return self._names[key]

    def value(self, value: Any) -> Any:
        """An argument or option that is no key, as it stands in the text."""
        if isinstance(value, np.number | np.bool_):
            return value.item()
        if value is None or isinstance(value, bool | int | float | complex | str | type(...)):
            return value
        dtype = _dtype_name(value)
        if dtype is not None:
            return Name(dtype)
        if id(value) not in self._objects:
            self._objects[id(value)] = self._next("c"), value
        return Name(self._objects[id(value)][0])

    def op(self, op: Any) -> str:
        """The name of an op, its own unless that is taken or no name."""
        if id(op) not in self._ops:
            name = _identifier(op.name, "op")
            while name in self._taken:
                name += "_"
            self._taken.add(name)
            self._ops[id(op)] = (name, op)
        return self._ops[id(op)][0]

    def constants(self) -> dict[str, tuple[int, Array, str, bool]]:
        """Those that were named: slot, array, a note on where it comes from, and whether it stands
        for a plain array. One of a family is named with its step."""
        kept = {**self._program.constants, **self._taped.kept}
        found = {}
        for key in list(self._names):
            base, plain = self._names[key], key.letter == "p"
            family = self.families.get(key.slot)
            slots = (
                {base: key.slot}
                if family is None
                else {f"{base}[{n}]": s for n, s in family.items()}
            )
            for name, slot in slots.items():
                if slot in kept and key.letter in "vp":
                    array, note, _ = kept[slot]
                    found[name] = slot, array, note, plain
        return found

    def namespace(self, leaves: Mapping[str, Array]) -> dict[str, Any]:
        """Ops, constants and these leaves under their names, for exec."""
        made: dict[str, Any] = {name: getattr(np, name) for name in _DTYPES}
        made |= {"inf": np.inf, "nan": np.nan}
        made |= dict(self._ops.values()) | dict(self._objects.values())
        for name, (_, array, _, plain) in self.constants().items():
            value = array if plain else wrap(array, None)
            base, _, index = name.partition("[")
            if index:
                made.setdefault(base, {})[int(index[:-1])] = value
            else:
                made[name] = value
        return made | {name: wrap(array, None) for name, array in leaves.items()}

    def rooms(self) -> list[str]:
        """The names of what is told by the step, but constants."""
        rooms = [r for r in self._rooms if r[1] not in self._program.constants]
        return [self._base(letter, family) for letter, family in rooms]

    # --- finding names -------------------------------------------------------------------------

    def _wishes(self, given: Mapping[str, Any]) -> dict[int, str]:
        arrays = {id(c.array): slot for slot, c in self._program.constants.items()}
        wishes: dict[int, str] = {}
        gradients: set[str] = set()
        for text, tensor in given.items():
            if not isinstance(text, str) or not isinstance(tensor, Tensor | np.ndarray):
                raise TypeError(
                    f"names: {text!r} for {type(tensor).__name__} given, a text for each Tensor or "
                    "array expected: names={'W': W}"
                )
            name = _identifier(text, "p")
            if {name, f"d_{name}"} & (self._taken | gradients) or name in gradients:
                raise ValueError(
                    f"names: {text!r} would be {name} in the program, and its gradient d_{name}, "
                    "one of which another name or Python has taken; give it another"
                )
            self._taken.add(name)
            gradients.add(f"d_{name}")
            place = tensor._place if isinstance(tensor, Tensor) else None
            if place is None:
                array = tensor.data if isinstance(tensor, Tensor) else tensor
                slot = arrays.get(id(array))
            else:
                slot = self._taped.slots.get(key_of(place))
            if slot is not None:
                wishes[slot] = name
        self._taken |= gradients
        return wishes

    def _next(self, letter: str) -> str:
        while True:
            number = self._counts[letter] = self._counts.get(letter, 0) + 1
            name = f"{letter}{number}"
            if not {name, f"d_{name}"} & self._taken:
                self._taken |= {name, f"d_{name}"}
                return name


def _place(at: At) -> str:
    slope, offset = at.slope, at.offset
    if slope < 0 and offset:
        return f"{offset} - {'' if slope == -1 else f'{-slope} * '}t"
    steps = {1: "t", -1: "-t"}.get(slope, f"{slope} * t")
    return steps if not offset else f"{steps} {'+' if offset > 0 else '-'} {abs(offset)}"


def _identifier(text: str, prefix: str) -> str:
    # Python itself reads names in this normal form, and would look for that one.
    name = re.sub(r"\W", "_", unicodedata.normalize("NFKC", text))
    if not name.isidentifier():
        name = prefix + name
    return name + "_" if keyword.iskeyword(name) else name


def _dtype_name(value: Any) -> str | None:
    """The name that a dtype has in the namespace; None for what is none."""
    if isinstance(value, type) and not issubclass(value, np.generic):
        return value.__name__ if value in (bool, int, float, complex) else None
    if isinstance(value, np.dtype | type):
        name = np.dtype(value).name
        return name if name in _DTYPES or name == "bool" else None
    return None
