"""Draws a random program, step by step, running each on NumPy to see what comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from support.random_programs.names import Frozen, TieError, numpy_names
from support.random_programs.steps import KINDS, WEIGHTS, MisfitError

Array = NDArray[Any]
Shape = tuple[int, ...]
T = TypeVar("T")

MOST_USES = 6
_LARGEST = 18  # elements of a node
_BOUND = 4.0  # of a node's elements, which keeps third derivatives moderate
_SHAPES: list[Shape] = [(), (1,), (2,), (3,), (2, 3), (1, 3), (2, 1), (3, 2), (2, 2), (2, 1, 2)]
_NAMES = list(KINDS)
_CHANCES = np.cumsum(list(WEIGHTS.values())) / sum(WEIGHTS.values())


@dataclass(frozen=True)
class Step:
    """One statement of a program.

    Attributes:
        kind: its name in the table of kinds.
        lines: its source, without indentation of its own.
        reads: numbers of the nodes that it is computed from.
        outs: numbers of those that it computes.
        within: the steps that a checkpoint computes.
    """

    kind: str
    lines: tuple[str, ...]
    reads: tuple[int, ...]
    outs: tuple[int, ...]
    within: tuple[Step, ...] = ()

    @property
    def kinds(self) -> list[str]:
        return [self.kind, *(kind for step in self.within for kind in step.kinds)]


@dataclass
class Program:
    """Statements over numbered nodes, of which the first are the inputs.

    Attributes:
        inputs: where the derivatives are taken; node i is input i.
        constants: the arrays and untracked tensors (names with k) that the source names.
        heads: two nodes of one element that hang on several others.
        shapes: of every node that can be seen from outside a checkpoint.
        tracked: the nodes to which a gradient may flow.
        order: of the highest derivative that can be asked for.
    """

    seed: int
    inputs: list[Array]
    steps: list[Step]
    constants: dict[str, Array]
    heads: tuple[int, int]
    shapes: dict[int, Shape]
    tracked: set[int]
    order: int
    nudged: int | None = None  # the node to which the last input is added
    _code: Any = field(default=None, repr=False)

    @property
    def visible(self) -> list[int]:
        return sorted(self.shapes)

    def source(self) -> str:
        """The function from the inputs to every node outside checkpoints."""
        parameters = [f"n{i}" for i in range(len(self.inputs) - (self.nudged is not None))]
        body: list[str] = []
        for step in self.steps:
            body += step.lines
            if self.nudged in step.outs:
                body.append(f"n{self.nudged} = n{self.nudged} + nudge")
        if self.nudged is not None:
            parameters.append("nudge")
        results = ", ".join(f"n{i}" for i in self.visible)
        lines = [f"def program({', '.join(parameters)}):", *(f"    {line}" for line in body)]
        return "\n".join([*lines, f"    return {results}"])

    def on(
        self,
        names: dict[str, Any],
        lift: Callable[[Array], Any],
        lift_array: Callable[[Array], Any] = lambda array: array,
    ) -> Callable[..., Any]:
        """The function with names of a backend; `lift` makes its constants, which are tensors."""
        if self._code is None:
            self._code = compile(self.source(), f"<program {self.seed}>", "exec")
        scope = dict(names)
        for name, value in self.constants.items():
            scope[name] = lift(value) if name.startswith("k") else lift_array(value)
        exec(self._code, scope)
        program: Callable[..., Any] = scope["program"]
        return program

    def nudge(self, node: int) -> Program:
        """The same program with one more input, zero, that is added to a node."""
        zeros = np.zeros(self.shapes[node])
        parts = (self.seed, [*self.inputs, zeros], self.steps, self.constants, self.heads)
        return Program(*parts, self.shapes, self.tracked, self.order, node)

    def uses(self) -> dict[int, int]:
        """How many times each node is read."""
        counted = dict.fromkeys(self.shapes, 0)
        for step in self.steps:
            for i in step.reads:
                counted[i] = counted.get(i, 0) + 1
        return counted

    def __str__(self) -> str:
        """A program that a person can paste, and run beside this folder."""
        written = {f"n{i}": value for i, value in enumerate(self.inputs)}
        lines = [
            "import numpy as np",
            "from autograd import *",
            "from autograd import Tensor",
            "from support.random_programs.names import *",
            *(f"{name} = {_literal(name, c)}" for name, c in self.constants.items()),
            self.source(),
            *(f"{name} = {_literal('k', x, tracked=True)}" for name, x in written.items()),
        ]
        return "\n".join(lines)


def _literal(name: str, value: Array, tracked: bool = False) -> str:
    text = f"np.array({value.tolist()})"
    if not name.startswith("k"):
        return text
    return f"Tensor({text}{', requires_grad=True' if tracked else ''})"


def random_program(seed: int) -> Program:
    """Six to fourteen steps on one to three inputs."""
    rng = np.random.default_rng([seed, 7])
    shapes = [_SHAPES[i] for i in rng.integers(len(_SHAPES), size=rng.integers(1, 4))]
    builder = Builder(rng, [rng.uniform(-1.2, 1.2, shape) for shape in shapes])
    for _ in range(int(rng.integers(5, 12))):
        builder.step()
    heads = builder.heads()
    source = "\n".join(line for step in builder.steps for line in step.lines)
    named = set(re.findall(r"\b[ckm]\d+", source))
    return Program(
        seed,
        builder.inputs,
        builder.steps,
        {name: c for name, c in builder.constants.items() if name in named},
        heads,
        {i: builder.shape(i) for i in builder.seen},
        builder.tracked,
        builder.order,
    )


class Builder:
    """A program while it is drawn."""

    def __init__(self, rng: np.random.Generator, inputs: list[Array]) -> None:
        self.rng, self.inputs = rng, inputs
        self.steps: list[Step] = []
        self.constants: dict[str, Array] = {}
        self.order = 3
        self.depth = 0  # of checkpoints
        self._inner: list[int] = []  # what the innermost checkpoint was given, or has computed
        self.seen = list(range(len(inputs)))
        self.tracked = set(self.seen)
        self.values: dict[int, Array] = dict(enumerate(inputs))
        self.uses: dict[int, int] = {}
        self.favourite = 0
        self._scope = numpy_names(Frozen())
        self._scope.update({f"n{i}": x for i, x in enumerate(inputs)})
        self._fresh = len(inputs)
        self._kind = ""

    # --- what a step asks for --------------------------------------------------------------------

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def integer(self, n: int) -> int:
        return int(self.rng.integers(n))

    def choice(self, options: Sequence[T]) -> T:
        return options[int(self.rng.integers(len(options)))]

    def shape(self, i: int) -> Shape:
        return np.shape(self.values[i])

    def size(self, i: int) -> int:
        return int(np.size(self.values[i]))

    def pick(
        self, fits: Callable[[Shape], bool] = lambda shape: True, tracked: bool = False
    ) -> int:
        """A node whose shape fits; one is the favourite for a while, and is used often."""
        free = [i for i in self.seen if self.uses.get(i, 0) < MOST_USES and fits(self.shape(i))]
        if tracked or self.chance(0.8):
            free = [i for i in free if i in self.tracked] or ([] if tracked else free)
        if not free:
            raise MisfitError
        if self.depth and self.chance(0.7):
            free = [i for i in free if i in self._inner] or free
        if self.favourite in free and self.chance(0.5):
            return self.favourite
        return self.choice(free if self.chance(0.4) else free[-3:])

    def partner(self, x: int) -> int:
        """A node that broadcasts with x, perhaps x itself."""
        return self.pick(lambda shape: _broadcasts(shape, self.shape(x)))

    def axes(self, x: int) -> int | tuple[int, ...] | None:
        ndim = len(self.shape(x))
        drawn = self.integer(4)
        if drawn == 0:
            return None
        if drawn == 1 and ndim > 1:
            return (0, -1)
        return self.integer(ndim) - self.choice([0, ndim])

    def size_of_reduced(self, x: int, axes: Any) -> int:
        return int(np.size(np.sum(self.values[x], axis=axes)))

    def regrouped(self, shape: Shape) -> Shape:
        """Another shape of as many elements."""
        n = int(np.prod(shape))
        options = [(n,), (-1, 1), (1, n), (1, *shape), *((k, -1) for k in (2, 3) if n % k == 0)]
        return self.choice(options)

    def spread(self, text: str, x: int) -> str:
        """x with its elements drawn apart: std and norm have a corner where all are equal."""
        return f"({text} + {self.array(self.shape(x))})"

    def number(self) -> str:
        return self.choice(["2", "0.5", "-1.5", "3", "1"])

    def array(self, shape: Shape) -> str:
        return self._name("c", self.rng.uniform(-1.5, 1.5, shape))

    def constant(self, shape: Shape) -> str:
        return self._name("k", self.rng.uniform(-1.5, 1.5, shape))

    def mask(self, shape: Shape) -> str:
        mask = self.rng.random(shape) < 0.6
        if mask.ndim:
            mask.flat[0] = True  # an index that selects nothing would end the program
        return self._name("m", mask)

    def _name(self, letter: str, value: Array) -> str:
        name = f"{letter}{len(self.constants)}"
        self.constants[name] = self._scope[name] = np.asarray(value)
        return name

    # --- what a step adds ------------------------------------------------------------------------

    def line(self, form: str, outs: int = 1, held: bool = False, **operands: int | str) -> None:
        """A statement: `form` with numbers of nodes, or names, in place of its fields.
        `held` says that the result is a constant, whatever it is computed from.

        Raises MisfitError, and adds nothing, where the result is too large, or not finite.
        """
        names = {k: f"n{v}" if isinstance(v, int) else v for k, v in operands.items()}
        targets = tuple(range(self._fresh, self._fresh + outs))
        text = f"{', '.join(f'n{i}' for i in targets)} = {form.format(**names)}"
        reads = [
            int(name[1:])
            for k, name in names.items()
            for _ in range(form.count(f"{{{k}}}"))
            if name.startswith("n")
        ]
        if any(self.uses.get(i, 0) + reads.count(i) > MOST_USES for i in reads):
            raise MisfitError
        try:
            with np.errstate(all="raise"):
                exec(text, self._scope)
        except (ValueError, IndexError, FloatingPointError, np.linalg.LinAlgError, TieError):
            raise MisfitError from None
        results = {i: np.asarray(self._scope[f"n{i}"]) for i in targets}
        for value in results.values():
            if not 0 < value.size <= _LARGEST or np.abs(value).max() > _BOUND:
                raise MisfitError
        self._enter(Step(self._kind, (text,), tuple(reads), targets), results, held)

    def _enter(self, step: Step, results: dict[int, Array], held: bool = False) -> None:
        self.steps.append(step)
        self._fresh = max(self._fresh, max(step.outs) + 1)
        self.values.update(results)
        self.seen += step.outs
        self._inner += step.outs
        for i in step.reads:
            self.uses[i] = self.uses.get(i, 0) + 1
        if not held and any(i in self.tracked for i in step.reads):
            self.tracked.update(step.outs)

    def step(self) -> None:
        """One more step, of a kind that fits what there is."""
        if self.chance(0.25):
            self.favourite = self.choice(self.seen)
        for _ in range(20):
            self._kind = _NAMES[int(np.searchsorted(_CHANCES, self.rng.random()))]
            try:
                KINDS[self._kind](self)
                return
            except MisfitError:
                continue

    def inside(self, parameters: list[int], steps: int, outs: int) -> None:
        """Steps that a checkpoint computes; they see the nodes outside too."""
        before, seen, inner = len(self.steps), list(self.seen), self._inner
        self._inner = list(parameters)
        self.depth += 1
        name = f"inside{self._fresh}"
        for _ in range(steps):
            self.step()
        self.depth -= 1
        within = self.steps[before:]
        made = [i for i in self.seen if i not in seen]
        del self.steps[before:]
        self.seen, self._inner = seen, inner
        if not made:
            raise MisfitError
        results = tuple(made[-outs:])
        lines = [f"def {name}({', '.join(f'n{i}' for i in parameters)}):"]
        lines += [f"    {line}" for step in within for line in step.lines]
        returned = ", ".join(f"n{i}" for i in results)
        call = f"checkpoint({name})({', '.join(f'n{i}' for i in parameters)})"
        lines += [f"    return {returned}", f"{returned} = {call}"]
        reads = tuple(i for step in within for i in step.reads if i in seen)
        for i in reads:  # they were counted as they were drawn
            self.uses[i] -= 1
        tracked = set(self.tracked)
        self._enter(Step("checkpointed", tuple(lines), reads, results, tuple(within)), {})
        self.tracked = tracked

    def heads(self) -> tuple[int, int]:
        """Two weighted sums: of every node that nobody reads and each input, and of some nodes."""
        read = {i for step in self.steps for i in step.reads}
        ends = [i for i in self.seen if i not in read or i < len(self.inputs)]
        some = [i for i in self.seen if i in self.tracked and self.chance(0.3)] or [0]
        return self._weighted(ends), self._weighted(some)

    def _weighted(self, nodes: list[int]) -> int:
        terms = " + ".join(f"sum(n{i} * {self.array(self.shape(i))})" for i in nodes)
        text = f"n{self._fresh} = {terms}"
        exec(text, self._scope)
        number = self._fresh
        value = np.asarray(self._scope[f"n{number}"])
        self._enter(Step("head", (text,), tuple(nodes), (number,)), {number: value})
        return number


def _broadcasts(one: Shape, other: Shape) -> bool:
    return all(m == n or m == 1 or n == 1 for m, n in zip(one[::-1], other[::-1], strict=False))
