"""Names for everything a formula mentions, and the namespace in which the formulas run."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.engine.tape import Leaf, Output, Place, Record
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.explanation.expressions import Name

Key = tuple[int, int]  # of a place: the serial number, and which of several outputs

# What a program may mention without its being an op or a tensor.
_DTYPES = [
    *("float16", "float32", "float64", "complex64", "complex128", "uint8", "uint16", "uint32"),
    *("uint64", "int8", "int16", "int32", "int64"),
]
_BUILTINS = ["bool", "complex", "dict", "float", "inf", "int", "nan", "slice", "str", "Ellipsis"]


class Filled:
    """Makes constant tensors of one number: what the sweep starts from, and what nobody used."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self._number = name, number

    def __call__(self, shape: tuple[int, ...], dtype: DTypeLike = np.float64) -> Tensor:
        return wrap(np.full(shape, self._number, dtype), None)


ones, zeros = Filled("ones", 1), Filled("zeros", 0)


class Names:
    """One name for each leaf, output of a record, constant and op.

    Leaves are x1, x2 ... unless named, outputs v1, v2 ..., constants c1, c2 ...; the gradient of x1
    is d_x1.

    Args:
        places: leaves and records, oldest first.
        arrays: of a record, its arguments.
        given: names that the caller wishes, each of a tensor or an array. Those that do not occur
            are left out. What no name may hold, as the points of a state dict, becomes "_".

    Raises:
        TypeError: a name is no text, or not that of a tensor or an array.
        ValueError: two given names would be one.
    """

    def __init__(self, places: Iterable[Place], given: Mapping[str, Any] | None) -> None:
        self.leaves: dict[str, Leaf] = {}
        self.constants: dict[str, tuple[Any, str]] = {}  # with a note on where it comes from
        self._names: dict[Key, str] = {}
        self._constant_names: dict[tuple[int, bool], str] = {}
        self._ops: dict[int, tuple[str, Any]] = {}
        self._temporaries: set[str] = set()
        self._taken: set[str] = {*keyword.kwlist, *_DTYPES, *_BUILTINS}
        self._counts: dict[str, int] = {}
        self._wished = self._wishes(given or {})
        for place in places:
            if isinstance(place, Leaf):
                self._name(place, "x")
                self.leaves[self._names[_key(place)]] = place
            elif isinstance(place, Record):
                several = isinstance(place.out, tuple)
                for index in range(len(place.out) if several else 1):
                    self._name((place.serial, index), "v")
        self._wished = {k: v for k, v in self._wished.items() if isinstance(k, str)}

    # --- tensors -------------------------------------------------------------------------------

    def of(self, place: Place) -> str:
        """The name of a leaf or of an output."""
        return self._names[_key(place)]

    def outputs(self, record: Record) -> list[str]:
        """The names of all outputs of a record."""
        count = len(record.out) if isinstance(record.out, tuple) else 1
        return [self._names[record.serial, index] for index in range(count)]

    def constant(self, value: Any, note: str = "", plain: bool = False) -> str:
        """The name of an array, or of an object, that stands for itself.

        `plain` is for an array within a tuple or an option, where ops take no tensors.
        """
        key = (id(value), plain or not isinstance(value, np.ndarray))
        if key not in self._constant_names:
            wished = self._wished.get(f"constant {id(value)}")
            name = wished if wished and wished not in self.constants else self._next("c")
            self._constant_names[key] = name
            self.constants[name] = (value, note)
        return self._constant_names[key]

    def value(self, value: Any) -> Any:
        """An argument or option with names in place of its arrays, at any depth."""
        if isinstance(value, tuple):
            return tuple(self.value(part) for part in value)
        if isinstance(value, list):
            return [self.value(part) for part in value]
        if isinstance(value, dict):
            return {name: self.value(part) for name, part in value.items()}
        if isinstance(value, slice):
            return slice(self.value(value.start), self.value(value.stop), self.value(value.step))
        if isinstance(value, Tensor):
            value = value.data
        if isinstance(value, np.ndarray):
            return Name(self.constant(value, plain=True), value.shape)
        if isinstance(value, np.number | np.bool_):
            return value.item()
        if value is None or isinstance(value, bool | int | float | complex | str | type(...)):
            return value
        dtype = _dtype_name(value)
        return Name(self.constant(value) if dtype is None else dtype)

    def temporary(self, number: int) -> str:
        """The name of the number-th part that a rule names."""
        name = f"t{number}"
        while name in self._taken and name not in self._temporaries:
            name += "_"
        self._taken.add(name)
        self._temporaries.add(name)
        return name

    # --- ops -----------------------------------------------------------------------------------

    def op(self, op: Any) -> str:
        """The name of an op, its own unless that is taken or no name."""
        if id(op) not in self._ops:
            name = _identifier(op.name, "op")
            while name in self._taken:
                name += "_"
            self._taken.add(name)
            self._ops[id(op)] = (name, op)
        return self._ops[id(op)][0]

    def namespace(self, leaves: Mapping[str, Array]) -> dict[str, Any]:
        """Ops, constants and these leaves under their names, for exec."""
        plain = {name for (_, is_plain), name in self._constant_names.items() if is_plain}
        made: dict[str, Any] = {name: getattr(np, name) for name in _DTYPES}
        made |= {"inf": np.inf, "nan": np.nan}
        made |= dict(self._ops.values())
        for name, (value, _) in self.constants.items():
            made[name] = value if name in plain else wrap(value, None)
        return made | {name: wrap(array, None) for name, array in leaves.items()}

    # --- finding names -------------------------------------------------------------------------

    def _wishes(self, given: Mapping[str, Any]) -> dict[Any, str]:
        wishes: dict[Any, str] = {}
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
            array = tensor.data if isinstance(tensor, Tensor) else tensor
            wishes[f"constant {id(array)}" if place is None else _key(place)] = name
        self._taken |= gradients
        return wishes

    def _name(self, place: Place | Key, letter: str) -> None:
        key = place if isinstance(place, tuple) else _key(place)
        if key not in self._names:
            self._names[key] = self._wished.get(key) or self._next(letter)

    def _next(self, letter: str) -> str:
        while True:
            number = self._counts[letter] = self._counts.get(letter, 0) + 1
            name = f"{letter}{number}"
            if not {name, f"d_{name}"} & self._taken:
                self._taken |= {name, f"d_{name}"}
                return name


def _key(place: Place) -> Key:
    if isinstance(place, Output):
        return place.record.serial, place.index
    return place.serial, 0


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
