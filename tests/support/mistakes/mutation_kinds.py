"""Kinds of mistakes in a pullback: each takes the right gradient and gives what one would get.

A kind is a function of one call of a rule, so it can be planted in any op. Where the mistake cannot
be made (a transposition needs two equal axes), it gives None.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FACTOR = "factor"
LEARNING_RATE = 0.003
UNKNOWN = "unknown"  # the right answer where the numbers say nothing of how they came about


class Call(NamedTuple):
    """One call of a rule.

    Attributes:
        right: the gradient, summed to the shape of the argument.
        raw: what the rule returned, perhaps before it is summed over broadcast axes.
        g, out: the gradient that arrived, and the output.
        arguments: all of them; that at `position` is the one whose gradient is asked for.
        pull: the right rule of the argument at a position, called with another g and other
            arguments; None where it refuses them.
    """

    right: Array
    raw: Array
    g: Array
    out: Array
    arguments: tuple[Any, ...]
    position: int
    pull: Callable[[int, Array, tuple[Any, ...]], Array | None]

    @property
    def argument(self) -> Array:
        return np.asarray(self.arguments[self.position])

    @property
    def summed(self) -> tuple[int, ...]:
        """The axes of the output over which the argument was broadcast, if it was."""
        if self.right.ndim > self.out.ndim or not _broadcasts(self.right.shape, self.out.shape):
            return ()
        extra = self.out.ndim - self.right.ndim
        return tuple(
            a
            for a, n in enumerate(self.out.shape)
            if n > 1 and (a < extra or self.right.shape[a - extra] != n)
        )

    @property
    def other(self) -> int | None:
        """The position of another argument of the same shape."""
        for i, argument in enumerate(self.arguments):
            if i == self.position or not isinstance(argument, np.ndarray):
                continue
            if argument.shape == self.right.shape and argument.dtype.kind == "f":
                return i
        return None


Change = Callable[[Call], Array | None]


class Kind(NamedTuple):
    """A kind of mistake.

    Attributes:
        name: what was done.
        change: the gradient that comes of it.
        answers: which first words of a diagnosis are right.
        linear: whether it is linear in the gradient that arrived. gradcheck adds up the columns of
            a Jacobian, and of these only linear mistakes leave the sum recognisable.
    """

    name: str
    change: Change
    answers: frozenset[str]
    linear: bool = True


def _kind(name: str, change: Change, *answers: str, linear: bool = True) -> Kind:
    return Kind(name, change, frozenset(answers), linear)


def _times(factor: float) -> Change:
    return lambda call: call.right * factor


def _by_batch(divide: bool) -> Change:
    def change(call: Call) -> Array | None:
        if not call.out.ndim or len(call.out) < 2:
            return None
        return call.right / len(call.out) if divide else call.right * len(call.out)

    return change


def _transposed(call: Call) -> Array | None:
    right = call.right
    return right.T if right.ndim > 1 and right.T.shape == right.shape else None


def _permuted(call: Call) -> Array | None:
    right = call.right
    if right.ndim < 3 or len(set(right.shape[-3:])) > 1:
        return None
    return np.moveaxis(right, -1, -3)


def _flipped(call: Call) -> Array | None:
    return np.flip(call.right, -1) if call.right.ndim else None


def _rolled(axis: int, by: int) -> Change:
    def change(call: Call) -> Array | None:
        if call.right.ndim < 1 + (axis == 0) or call.right.shape[axis] <= by:
            return None
        return np.roll(call.right, by, axis)

    return change


def _one_slice(call: Call) -> Array | None:
    """What is left of the sum where only the last of the repeated copies is looked at."""
    if not call.summed or call.raw.shape != call.out.shape:
        return None
    part = call.raw
    for axis in call.summed:
        part = part.take([-1], axis)
    rest = tuple(a for a, n in enumerate(part.shape) if n == 1)
    return np.asarray(part.sum(axis=rest)).reshape(call.right.shape)


def _mean_over_copies(call: Call) -> Array | None:
    if not call.summed:
        return None
    return np.asarray(call.right / prod(call.out.shape[a] for a in call.summed))


def _other_axis(call: Call) -> Array | None:
    """The sum over the other axis of a square."""
    raw = call.raw
    if len(call.summed) != 1 or raw.ndim != 2 or raw.shape[0] != raw.shape[1]:
        return None
    if raw.shape != call.out.shape:
        return None  # the rule has summed it already
    return np.asarray(raw.sum(axis=1 - call.summed[0])).reshape(call.right.shape)


def _along_another_axis(call: Call) -> Array | None:
    """The rule of a reduction, or of a running sum, along the axis before the one given."""
    arguments, ndim = list(call.arguments), call.right.ndim
    if len(arguments) != 2 or not isinstance(arguments[1], int) or ndim < 2:
        return None
    if call.out.size > call.right.size:
        return None  # the number is a width, not an axis
    arguments[1] = (arguments[1] - 1) % ndim
    changed = call.pull(call.position, call.g, tuple(arguments))
    return changed if changed is not None and changed.shape == call.right.shape else None


def _without_upstream(call: Call) -> Array | None:
    if (call.g == 1).all():
        return None
    return call.pull(call.position, np.ones_like(call.g), call.arguments)


def _handed_on(call: Call) -> Array | None:
    """The gradient of the output, summed over broadcast axes, and no local derivative."""
    if not _broadcasts(call.right.shape, call.g.shape):
        return None
    return _summed_to(call.g, call.right.shape)


def _own_argument_too(call: Call) -> Array | None:
    return call.right * call.argument


def _of_the_other(call: Call) -> Array | None:
    return None if call.other is None else call.pull(call.other, call.g, call.arguments)


def _exchanged(call: Call) -> Array | None:
    i, j = call.position, call.other
    if j is None:
        return None
    arguments = list(call.arguments)
    arguments[i], arguments[j] = arguments[j], arguments[i]
    return call.pull(i, call.g, tuple(arguments))


def _offset(call: Call) -> Array | None:
    return call.right + 0.1 * np.abs(call.right).max() if call.right.size > 2 else None


def _edited(where: Callable[[Call], Any], factor: float) -> Change:
    """Right but on a part of the elements, where it is multiplied by a factor."""

    def change(call: Call) -> Array | None:
        part = where(call)
        if part is None:
            return None
        wrong = np.array(call.right)
        wrong[part] *= factor
        return wrong

    return change


def _last_row(call: Call) -> Any:
    many = call.right.size > 4  # one number of three that is wrong is no pattern
    return -1 if many and call.right.ndim and len(call.right) > 2 else None


def _one_element(call: Call) -> Any:
    """The largest one of many."""
    if call.right.size < 6:
        return None
    return np.unravel_index(int(np.abs(call.right).argmax()), call.right.shape)


def _border(call: Call) -> Any:
    if call.right.ndim != 2 or min(call.right.shape) < 4:
        return None  # narrower arrays are nearly all border
    border = np.ones(call.right.shape, bool)
    border[1:-1, 1:-1] = False
    return border


def _negative_arguments(call: Call) -> Any:
    mask = call.argument < 0
    return mask if mask.sum() > 3 and (~mask).sum() > 3 else None


def _magnitude(call: Call) -> Array | None:
    negative = call.right < 0
    return np.abs(call.right) if negative.sum() > 3 and (~negative).sum() > 3 else None


def _clipped(call: Call) -> Array | None:
    most = np.abs(call.right).max(initial=0) / 2
    return np.clip(call.right, -most, most) if call.right.size > 5 else None


def _noise(call: Call, size: float) -> Array:
    """The same noise for the same gradient."""
    rng = np.random.default_rng(crc32(np.ascontiguousarray(call.right).tobytes()))
    scale = np.sqrt(np.mean(np.square(call.right, dtype=np.float64)))
    return np.asarray(size * scale * rng.standard_normal(call.right.shape))


def _only_noise(call: Call) -> Array | None:
    return _noise(call, 1.0) if call.right.size > 2 else None


def _half_precision(call: Call) -> Array | None:
    """As by a rule that passes through float16, scaled to fit its range."""
    top = 1.1 * np.abs(call.right).max(initial=0)
    return (call.right / top).astype(np.float16) * top if top and call.right.size > 2 else None


def _not_a_number(call: Call) -> Array | None:
    wrong = np.array(call.right)
    wrong[(0,) * wrong.ndim] = np.nan
    return wrong if wrong.size else None


KINDS = (
    _kind("wrong sign", _times(-1.0), FACTOR),
    _kind("twice", _times(2.0), FACTOR, "accumulated twice"),
    _kind("half", _times(0.5), FACTOR),
    _kind("times the batch size", _by_batch(divide=False), FACTOR, "sum for mean"),
    _kind("divided by the batch size", _by_batch(divide=True), FACTOR, "mean for sum"),
    _kind("times a learning rate", _times(LEARNING_RATE), FACTOR),
    _kind("times 1.01", _times(1.01), FACTOR),
    _kind("times 1.00001", _times(1.00001), FACTOR),
    _kind("times 1 + 1e-10", _times(1 + 1e-10), FACTOR),
    _kind("transposed", _transposed, "transposed"),
    _kind("axes permuted", _permuted, "transposed"),
    _kind("flipped", _flipped, "flipped"),
    _kind("rolled by one", _rolled(-1, 1), "rolled"),
    _kind("rows rolled by two", _rolled(0, 2), "rolled"),
    _kind("one slice for the sum", _one_slice, "not summed"),
    _kind("mean over the copies", _mean_over_copies, "mean for sum", FACTOR),
    _kind("summed over the other axis", _other_axis, "wrong axis"),
    _kind("along another axis", _along_another_axis, "wrong axis"),
    _kind("upstream forgotten", _without_upstream, "upstream forgotten", linear=False),
    # Where the derivative is a sign or a mask, it is wrong only on a part without it.
    _kind("handed on", _handed_on, "local factor forgotten", "subset"),
    _kind("one factor too many", _own_argument_too, "local factor forgotten"),
    _kind("gradient of the other argument", _of_the_other, "arguments swapped"),
    _kind("arguments exchanged", _exchanged, "arguments swapped"),
    _kind("offset", _offset, "offset", linear=False),
    _kind("last row zero", _edited(_last_row, 0.0), "subset"),
    _kind("last row negative", _edited(_last_row, -1.0), "subset"),
    _kind("border zero", _edited(_border, 0.0), "subset"),
    _kind("one element twice", _edited(_one_element, 2.0), "subset", linear=False),
    _kind("zero where x < 0", _edited(_negative_arguments, 0.0), "subset"),
    _kind("magnitude", _magnitude, "subset", linear=False),
    _kind("clipped", _clipped, UNKNOWN, "subset", linear=False),
    _kind("zero", lambda call: np.zeros_like(call.right), "detached"),
    _kind("in half precision", _half_precision, UNKNOWN, linear=False),
    _kind("noise of 0.1 %", lambda call: call.right + _noise(call, 1e-3), UNKNOWN, linear=False),
    _kind("only noise", _only_noise, UNKNOWN, linear=False),
    _kind("NaN in one place", _not_a_number, UNKNOWN, linear=False),
)


def _broadcasts(short: tuple[int, ...], long: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(short, long) == long
    except ValueError:
        return False


def _summed_to(g: Array, shape: tuple[int, ...]) -> Array:
    extra = g.ndim - len(shape)
    axes = tuple(a for a in range(g.ndim) if a < extra or shape[a - extra] != g.shape[a])
    return np.asarray(g.sum(axis=axes)).reshape(shape)
