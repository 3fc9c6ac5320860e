"""The derivation of a tape: its program in lines with names, forward and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from autograd.engine.tensor import Array, Tensor
from autograd.explanation.naming import Names
from autograd.program.expressions import At, Key, Line, Made, Name, Statement, short
from autograd.program.folding import Folded, Loop, folded
from autograd.program.lines import lines_of
from autograd.program.passes import simplified, without_dead_calls
from autograd.program.printing import to_statement
from autograd.program.program import Value
from autograd.program.running import bound, execute
from autograd.program.taping import program_of_tape


@dataclass(frozen=True)
class Step:
    """A call: what it computed, and the statements of its pullback."""

    number: int
    op: str
    scope: tuple[str, ...]
    forward: Statement
    backward: list[Statement] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """A statement, or the head of a loop, as it stands in the text.

    Attributes:
        statement: None where a loop begins.
        head: "for t in range(200):" where one begins.
        inside: whether it is in a loop.
        scope: the modules within which it was called.
        of: in the backward part, the statement that it is the pullback of.
        again: whether it computes again what the forward part has computed.
    """

    statement: Statement | None
    head: str = ""
    inside: bool = False
    scope: tuple[str, ...] = ()
    of: Statement | None = None
    again: bool = False


class Derivation:
    """The lines from the leaves to `root`, and back, named.

    Args:
        root: a tensor of one element, on a tape that was not freed.
        given: names for tensors and arrays; see Names.
        with_values: whether each value is described by its numbers too.
        as_run: whether to show what ran, or the same as on a board.
        fold: whether what repeats is a loop.

    Attributes:
        forward, backward: the text, row by row.
        rooms: lines that make room for what loops compute.
    """

    def __init__(
        self,
        root: Tensor,
        given: Mapping[str, Any] | None,
        with_values: bool,
        as_run: bool,
        fold: bool,
    ) -> None:
        taped = program_of_tape(root)
        names = self.names = Names(taped, given)
        last = {delivery.to: Value(delivery.gradient) for delivery in taped.program.deliveries}
        named = [last[slot] for slot in names.wished() if slot in last]  # these must be there
        program = replace(taped.program, result=(*taped.program.result, named))
        program = without_dead_calls(program, parts=True)
        if not as_run:
            program = simplified(program, keep=taped.forward)
        self.taped = replace(taped, program=program)
        self._program, self._numbers = self.taped.program, {}
        if with_values:
            self._numbers = bound(self._program, [])
            self._numbers |= {slot: kept.array for slot, kept in taped.kept.items()}
            with np.errstate(all="ignore"):
                execute(self._program, self._numbers)
        self._lines = lines_of(self._program, as_run, names.wished(), taped.forward)
        self._folded = folded(self._program, self._lines) if fold else Folded(list(self._lines))
        names.members, names.families = self._folded.members, self._folded.constants
        self.forward, self.backward = self._rows()
        self.rooms = names.rooms()

    def value(self, slot: int) -> str:
        """The numbers of a value, in short; "" where they are not asked for."""
        return short(self._numbers[slot]) if slot in self._numbers else ""

    def describe(self, name: str, array: Array, value: bool = True) -> Made:
        """What a name is bound to."""
        said = short(array) if self._numbers and value else ""
        return Made(name, str(array.dtype), array.shape, said)

    def leaves(self) -> dict[str, Array]:
        """The arrays of the leaves, by their names, as the tape saw them."""
        return {
            self.names(Key("v", i.slot)): self.taped.leaves[i.slot] for i in self._program.inputs
        }

    @cached_property
    def steps(self) -> list[Step]:
        """One for each call of the forward part, oldest first; none is in a loop."""
        steps: dict[int, Step] = {}
        for line in self._lines:
            statement = self._statement(line)
            if line.of is None:
                step = Step(len(steps), line.expression.op.name, line.scope, statement)
                steps[line.slots[0]] = step
            elif line.of >= 0:
                steps[self._program.calls[line.of].outputs[0]].backward.append(statement)
        return list(steps.values())

    @property
    def seed(self) -> Statement | None:
        """The statement that the backward part starts with; None where nothing reads it."""
        return next((self._statement(line) for line in self._lines if line.of == -1), None)

    def _statement(self, line: Line) -> Statement:
        return to_statement(self._program, line, self.names, self.value)

    def _rows(self) -> tuple[list[Row], list[Row]]:
        """Rows in their order; those of the backward part begin with the first of a pullback."""
        parts: tuple[list[Row], list[Row]] = ([], [])
        back, made = False, dict[Any, Statement]()
        for item in self._folded.items:
            lines = item.lines if isinstance(item, Loop) else (item,)
            back = back or any(line.of is not None or line.again for line in lines)
            rows = parts[back]
            if isinstance(item, Loop):
                for line in lines:  # in the order in which they are made
                    for key in line.keys:
                        self.names(key)
                for member, key in item.before.items():
                    name = f"{self.names(Key('v', member.family))}".partition("[")[0]
                    rows.append(self._alias(f"{name}[{member.number}]", key, lines[0].scope))
                rows.append(Row(None, _head(item), False, lines[0].scope))
            for line in lines:
                statement = self._statement(line)
                if line.of is None:
                    made[line.keys[0]] = statement
                of = self._of(line, item, made)
                inside = isinstance(item, Loop)
                rows.append(Row(statement, "", inside, line.scope, of, line.again))
            if isinstance(item, Loop):
                keys = [key for line in lines for key in line.keys]
                families = {key.family for key in keys if isinstance(key, At) and key.letter == "v"}
                rows.extend(self._wished("v", families.__contains__))
        swept = {key.slot for line in self._lines for key in line.keys if key.letter == "d"}
        parts[1].extend(self._wished("d", lambda family: True, swept.__contains__))
        return parts

    def _wished(
        self,
        letter: str,
        of: Callable[[int], bool],
        there: Callable[[int], bool] = lambda slot: True,
    ) -> list[Row]:
        """Lines that give the caller's names to what loops have made, of some families."""
        rows = []
        for slot, name in self.names.wished().items():
            member = self.names.members.get(slot)
            if member is not None and of(member.family) and there(slot):
                own = name if letter == "v" else f"d_{name}"
                rows.append(self._alias(own, Key(letter, slot), ()))
        return rows

    def _alias(self, name: str, key: Key, scope: tuple[str, ...]) -> Row:
        """A line that gives a value another name."""
        kind = self._program.slots[key.slot]
        made = Made(name, str(kind.dtype), kind.shape, self.value(key.slot))
        return Row(Statement((made,), Name(self.names(key), kind.shape)), scope=scope)

    def _of(self, line: Line, item: Any, made: Mapping[Any, Statement]) -> Statement | None:
        """The statement of which a line is the pullback; in a loop, if that is in one too."""
        if line.of is None or line.of < 0:
            return None
        slot = self._program.calls[line.of].outputs[0]
        member = self.names.members.get(slot)
        if isinstance(item, Loop):
            if member is None:
                return None
            return made.get(At("v", member.family, 1, member.number - item.start))
        found = made.get(Key("v", slot))
        if found is None and member is not None:  # made in a loop, swept outside of one
            own = next(x for x in self._lines if x.of is None and slot in x.slots)
            found = self._statement(own)
        return found


def _head(loop: Loop) -> str:
    if loop.step > 0:
        start = "" if loop.start == 0 else f"{loop.start}, "
        return f"for t in range({start}{loop.start + loop.count}):"
    low = loop.start - loop.count + 1
    return f"for t in reversed(range({'' if low == 0 else f'{low}, '}{loop.start + 1})):"
