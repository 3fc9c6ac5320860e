# ruff: noqa: E501 - lines of source are quoted whole
"""What was judged of the mutants that no test notices: tests/engine_mutants.py."""

from __future__ import annotations

from typing import NamedTuple


class Judged(NamedTuple):
    """A mutant, by the words of its Key, and why it survives.

    `equivalent` where no test could notice it: it does the same, or the same more slowly.
    """

    file: str
    where: str
    before: str
    after: str
    equivalent: bool
    reason: str
    nth: int = 0


_ORDER = "rules are tried until none has anything to say, and come to the same in either order"

JUDGED: list[Judged] = [
    Judged(
        "autograd/program/board.py",
        "",
        "times_one, minus_minus,",
        "minus_minus, times_one,",
        equivalent=True,
        reason=_ORDER,
    ),
    Judged(
        "autograd/program/board.py",
        "",
        "transposed_twice, reshaped_twice,",
        "reshaped_twice, transposed_twice,",
        equivalent=True,
        reason=_ORDER,
    ),
    Judged(
        "autograd/program/board.py",
        "",
        "reshaped_twice, summed_and_reshaped,",
        "summed_and_reshaped, reshaped_twice,",
        equivalent=True,
        reason=_ORDER,
    ),
    Judged(
        "autograd/program/board.py",
        "",
        "summed_and_reshaped, broadcast_by_itself,",
        "broadcast_by_itself, summed_and_reshaped,",
        equivalent=True,
        reason=_ORDER,
    ),
    Judged(
        "autograd/program/folding.py",
        "folded",
        "marks = [numbers.setdefault(mark, len(numbers)) for mark, _ in places]",
        "marks = [numbers.setdefault(len(numbers), mark) for mark, _ in places]",
        equivalent=True,
        reason="marks themselves are compared in the place of their numbers, only slower",
    ),
    Judged(
        "autograd/program/passes.py",
        "_alike_constants",
        "key = array.shape, array.dtype.str, array.tobytes(), note, filled",
        "key = array.shape, array.dtype.str, array.tobytes(), filled, note",
        equivalent=True,
        reason="the same key in another order",
    ),
    Judged(
        "autograd/program/program.py",
        "Program.with_calls",
        "call if part == call.part else replace(call, part=part)",
        "call if False else replace(call, part=part)",
        equivalent=True,
        reason="an equal call is made for one that stays, only slower",
    ),
    Judged(
        "autograd/engine/keeping.py",
        "",
        '_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or")',
        '_BINARY = ("add", "sub", "truediv", "mul", "floordiv", "mod", "pow", "matmul", "and", "or")',
        equivalent=True,
        reason="the same names in another order",
    ),
    Judged(
        "autograd/engine/primitives.py",
        "Primitive.__call__",
        "forward = self.ufunc",
        "pass",
        equivalent=True,
        reason="the forward comes to what the ufunc computes, only slower",
    ),
    Judged(
        "autograd/engine/primitives.py",
        "Primitive.__call__",
        "large = array is not None and array.nbytes >= LARGE",
        "large = array is not None",
        equivalent=True,
        reason=(
            "small arrays go the way of large ones: the forward comes to what the ufunc "
            "computes, and what is dropped is asked for its size again; only slower"
        ),
    ),
    Judged(
        "autograd/engine/primitives.py",
        "Primitive.__call__",
        "out = forward(*arrays, **options) if options else forward(*arrays)",
        "out = forward(*arrays, **options) if True else forward(*arrays)",
        equivalent=True,
        reason="no options are passed on as none, only slower",
    ),
    Judged(
        "autograd/engine/sweep.py",
        "sweep.deliver",
        "total = pending[serial] = needs.add(waiting, g)",
        "total = pending[serial] = needs.add(g, waiting)",
        equivalent=True,
        reason="the sum of two numbers is the same to the bit, whichever comes first",
    ),
    Judged(
        "autograd/engine/tensor.py",
        "Tensor",
        "__hash__ = object.__hash__",
        "pass",
        equivalent=True,
        reason=(
            "only an __eq__ in the body of a class takes its __hash__ away, and Tensor's is "
            "attached later; it says what holds, to readers and type checkers"
        ),
    ),
    Judged(
        "autograd/engine/tensor.py",
        "Tensor.accumulate_grad",
        "self.grad = needs.copy(g) if before is None else needs.add(before, g)",
        "self.grad = needs.copy(g) if before is None else needs.add(g, before)",
        equivalent=True,
        reason="the sum of two numbers is the same to the bit, whichever comes first",
    ),
    Judged(
        "autograd/transforms/variables.py",
        "Variables.gradients",
        "wanted = {place.serial: i for i, place in enumerate(places) if place is not None}",
        "wanted = {place.serial: i for i, place in enumerate(places) if True}",
        equivalent=True,
        reason="variables always have places; the condition tells the type checker",
    ),
    Judged(
        "autograd/transforms/derivatives.py",
        "_jvp",
        "dummies = [variables.leaf(np.zeros_like(array_within(out))) for out in outs]",
        "dummies = [variables.leaf(np.ones_like(array_within(out))) for out in outs]",
        equivalent=True,
        reason="a vjp is linear in its cotangent, so its derivative is the same at every one",
    ),
    Judged(
        "autograd/transforms/derivatives.py",
        "_stacked",
        "return wrap(np.zeros(shape + variable.shape, variable.dtype), None)",
        "return wrap(np.ones(shape + variable.shape, variable.dtype), None)",
        equivalent=True,
        reason="there are no rows where the result has no elements, and then this has none either",
    ),
    Judged(
        "autograd/engine/tensor.py",
        "",
        'Array: TypeAlias = "NDArray[Any]"',
        'Array: TypeAlias = "other"',
        equivalent=True,
        reason="a name for type checkers, in quotes, which nothing evaluates as the program runs",
    ),
    Judged(
        "autograd/transforms/derivatives.py",
        "_jvp",
        "pulled = variables.gradients(roots, retain_graph=True)",
        "pulled = variables.gradients(roots, retain_graph=False)",
        equivalent=True,
        reason=(
            "the cotangents are variables, so the sweep is recorded, and a recorded sweep keeps "
            "the graph whatever is asked; it says what is relied on"
        ),
    ),
    Judged(
        "autograd/transforms/variables.py",
        "",
        "NUMBERS = (Tensor, np.ndarray, np.generic, int, float, complex)",
        "NUMBERS = (Tensor, np.ndarray, np.generic, float, int, complex)",
        equivalent=True,
        reason="the same types in another order",
    ),
]
