"""What a jitted function has become, in words and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from autograd.jitting.made import Made
from autograd.program.costs import cost_of
from autograd.program.program import Program


def report(name: str, programs: Iterable[Made], plain: Mapping[Any, str], tried: bool) -> str:
    """A few lines for each program, and for what runs plainly; whether anything was tried."""
    lines = [f"jit of {name}"]
    for number, made in enumerate(programs, 1):
        lines += [f"program {number}", *(f"  {line}" for line in _of_program(made))]
    if plain:
        lines += [f"runs plainly: {why}" for why in dict.fromkeys(plain.values())]
    if len(lines) == 1:
        lines.append("no call could become a program yet" if tried else "not called yet")
    return "\n".join(lines)


def _of_program(made: Made) -> Iterable[str]:
    program = made.program
    names = Counter(call.op.name for call in program.calls)
    common = ", ".join(f"{name} {count}" for name, count in names.most_common(5))
    yield f"{len(program.calls)} calls ({common})" if program.calls else "no calls"
    arguments = sum(i.is_argument for i in program.inputs)
    read = len(program.inputs) - arguments
    yield f"{arguments} arguments, {read} read from outside, {len(program.effects)} left there"
    yield _price(program)
    yield from made.fused()


def _price(program: Program) -> str:
    costs = [cost_of(call, program.slots) for call in program.calls]
    moved = sum(c.read + c.written for c in costs)
    flops = sum(c.flops or 0 for c in costs)
    unknown = sum(c.flops is None for c in costs)
    more = f", beside {unknown} calls whose FLOP are not known" if unknown else ""
    return f"{_scaled(moved, 'B')} moved between calls, {_scaled(flops, 'FLOP')}{more}"


def _scaled(number: float, unit: str) -> str:
    for prefix in ("", "k", "M"):
        if number < 1000:
            return f"{number:.3g} {prefix}{unit}"
        number /= 1000
    return f"{number:.3g} G{unit}"
