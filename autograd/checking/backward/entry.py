"""check_backward: a backward pass written by hand, run as it is, beside the tape."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from autograd.checking.backward.holders import Differences, Holders, copied, plain, whole
from autograd.checking.backward.judging import judged
from autograd.checking.backward.naming import arguments_for, cotangent_names
from autograd.checking.backward.report import BackwardReport
from autograd.checking.backward.results import Hand
from autograd.checking.backward.running import Run, bound, parts_of
from autograd.checking.backward.statements import Statement, Statements
from autograd.checking.backward.tracing import Call, Entry, Tracer, is_numeric
from autograd.checking.backward.versions import Versions
from autograd.engine.tensor import Array, Tensor

Outputs = list[tuple[str | None, Tensor]]
Named = list[tuple[str | None, Any]]


def check_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    /,
    *args: Any,
    cotangent: Any = None,
    inputs: Callable[..., Any] | Sequence[Any] | None = None,
) -> BackwardReport:
    """Run a backward pass written in NumPy as it is, and name the first line that is wrong.

        check_backward(affine_forward, affine_backward, x, w, b)
        check_backward(net.forward, net.backward, x)

    The forward is run twice: on tensors, for the tape, and on arrays, for the backward. It may be
    the published one, in NumPy, whose arrays may be filled element by element; or one written with
    autograd. What the two assign to their variables is caught, in functions that they call as well,
    and what the backward has is paired by name: `dX`, `d_X`, `grad_X`, `X_grad`, `self.dX` and
    `grads["X"]` are gradients of `X`. A name that a loop assigns several times is paired by its
    numbers where these are right, otherwise in order: the first in the backward with the last in
    the forward. An array that is changed in place counts as what it was last, or as the version
    that is right. Variables in other layouts, (D, N) for (N, D), are recognised where a transpose
    explains all. What a backward returns, at any depth, or leaves on its object, is judged; its
    other variables say where a mistake was made. A result whose name says nothing is taken for the
    gradient that it is, or that its order or shape allows it to be; the report names results that
    were not judged, and what no gradient was found of. Statements that share a line are told apart
    from Python 3.11 on.

    Before a backward is called wrong, its results are held against central differences of the
    forward on arrays. Where these say that the tape is wrong, as the forward took a number out of a
    tensor, `float(t)` or `math.exp(t)`, or wrote tensors into an array, they take its place.

    Objects, lists, dicts and globals that the two use are as before afterwards, and so are random
    numbers. Trace functions, of debuggers and coverage, are set aside while they run.

    Args:
        forward: a function or a method of the arguments; returns the loss or the output, alone or
            before a cache, or keeps the output on its object.
        backward: a function or a method; gets the gradient of the output, the cache, arguments
            and results of the forward, as the names of its arguments say. None where `forward`
            returns gradients beside the loss.
        args: of the forward: arrays, or lists, tuples and dicts of them.
        cotangent: the gradient of the output, a list of several; by default 1 for one number, and
            random numbers otherwise.
        inputs: the arguments of `backward`, where names do not tell them: a list, or a function of
            the gradient of the output and of what the forward returned, that returns one.

    Raises:
        TypeError: it cannot be told what an argument of the backward is.
        ValueError: the forward returns no tensor that hangs on its arguments, or nothing of the
            backward could be paired; the message has the names of both.
        RuntimeError: the forward does not run on tensors, or gives other numbers on them, and is
            too large for differences.
    """
    if not callable(forward) or not (backward is None or callable(backward)):
        raise TypeError(
            "check_backward: two functions expected, the forward and the backward, then the "
            f"arguments of the forward; {type(forward).__name__} and {type(backward).__name__} "
            "given"
        )
    both = backward is None or backward == forward
    holders = Holders(forward, backward)
    for argument in args:
        holders.given(argument)
    run = Run(forward, args, holders, both)
    names = cotangent_names(backward, run.names) if backward is not None and not both else []
    outputs = [] if run.failure else run.outputs(names)
    numbers = _Numbers(forward, None if both else backward, args, holders)
    returned = run.returned
    if not outputs:
        returned, outputs = numbers.outputs(names)
        run.failure = run.failure or RuntimeError(_NO_TENSOR)
    if not outputs:
        raise ValueError(_NO_TENSOR) from run.failure
    cotangents = _cotangents(outputs, cotangent)
    taken: dict[int, Array] = {}  # by their places in what was returned
    for (_, tensor), g in zip(outputs, cotangents, strict=True):
        at = next((i for i, part in enumerate(whole(returned)) if part is tensor), None)
        taken |= {} if at is None else {at: g}
    named = [(name, g) for (name, _), g in zip(outputs, cotangents, strict=True)]
    hand = numbers.run(outputs, named, set(taken), inputs)
    run.failure = numbers.differs or run.failure
    known = bool(taken) and (run.returned is not None or run.failure is not None)
    differences = Differences(forward, args, holders, taken) if known else None
    loss = run.without_tape() if run.failure else Tensor(0.0)
    if not run.failure and outputs[0][1].size == len(outputs) == 1 and np.all(cotangents[0] == 1):
        loss = outputs[0][1]
    elif not run.failure:
        for (_, tensor), g in zip(outputs, cotangents, strict=True):
            loss = loss + (tensor * g).sum()
    return judged(run, loss, hand, differences, partial(_lost, forward, args, holders, both))


_NO_TENSOR = (
    "check_backward: forward returned no tensor that was computed from its arguments; the output "
    "or the loss expected, alone or first of several"
)


def _lost(forward: Any, args: tuple[Any, ...], holders: Holders, both: bool) -> list[str]:
    """Where the forward loses gradients, as debug mode tells."""
    from autograd.profiling import LostGradientWarning, debug

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # It checks more than that.
        with suppress(ArithmeticError, RuntimeError, ValueError), debug():
            Run(forward, args, holders, both)
    found = [w for w in caught if issubclass(w.category, LostGradientWarning)]
    return list(dict.fromkeys(f"{w.filename}:{w.lineno}: {w.message}" for w in found))


class _Numbers:
    """The forward and the backward run on arrays."""

    def __init__(
        self, forward: Any, backward: Any, args: tuple[Any, ...], holders: Holders
    ) -> None:
        self._forward, self._backward, self._args = forward, backward, args
        self._holders, self._statements = holders, Statements()
        self.differs: RuntimeError | None = None

    def outputs(self, names: list[str]) -> tuple[Any, Outputs]:
        """What the forward returns on arrays, with the results that gradients start from as
        tensors, and those; the first that is a number where names do not tell."""
        with self._holders.kept():
            tracer = Tracer(self._statements, _ignore, self._forward)
            value = plain(tracer.run(self._forward, *copied(self._args)))
        parts = parts_of(value, tracer.last[1])
        found = [(i, n) for i, (n, p) in enumerate(parts) if is_numeric(p)]
        chosen = [(i, n) for i, n in found if n in names] or found[:1]
        returned = whole(value)
        for at, _ in chosen:
            returned[at] = Tensor(np.array(returned[at], np.float64))
        return returned, [(name, returned[at]) for at, name in chosen]

    def run(self, outputs: Outputs, cotangents: Named, taken: set[int], inputs: Any) -> Hand:
        """What the backward does; the places `taken` of what the forward returns are outputs."""
        versions = Versions()
        with self._holders.kept():
            args = copied(self._args)
            visit = versions.visit if self._backward is None else _ignore
            tracer = Tracer(self._statements, visit, self._forward)
            versions.made, versions.owners = tracer.made, tracer.owners
            value = plain(tracer.run(self._forward, *args))
            last, names = tracer.last
            if self._backward is None:
                gradients = value[1:] if isinstance(value, tuple | list) else None
                return Hand(versions, gradients, names[1:], last, both=True)
            parts = parts_of(value, names)
            self.differs = _other_numbers(outputs, parts)
            keywords: dict[str, Any] = {}
            if inputs is None:
                given, variables = bound(self._forward, args), plain(tracer.locals)
                keywords = arguments_for(self._backward, given, cotangents, parts, variables, taken)
            elif callable(inputs):
                gs = tuple([g for _, g in cotangents])
                inputs = inputs(gs[0] if len(gs) == 1 else gs, value)
            if isinstance(inputs, dict):
                keywords, inputs = inputs, None
            several = inputs if isinstance(inputs, tuple | list) else [inputs]
            positional = () if inputs is None else tuple(several)
            tracer = Tracer(self._statements, versions.visit, self._backward)
            versions.made = tracer.made
            try:
                result = plain(tracer.run(self._backward, *positional, **keywords))
            except Exception as error:
                _note(error, self._backward, positional, keywords)
                raise
            last, names = tracer.last
            known = {**(bound(self._backward, positional) if positional else {}), **keywords}
            arrive = {n for n, v in known.items() for _, g in cotangents if v is g and g.size > 1}
            return Hand(versions, copied(result), names, last, arrive=frozenset(arrive))


def _ignore(call: Call, statement: Statement, entries: list[Entry]) -> None:
    pass


def _other_numbers(outputs: Outputs, parts: Named) -> RuntimeError | None:
    """What is to be said where the forward gives other numbers on tensors than on arrays."""
    for name, tensor in outputs:
        found = [np.asarray(p) for n, p in parts if is_numeric(p) and (n == name or name is None)]
        near = [p for p in found if p.shape == tensor.shape]
        if near and not any(np.allclose(p, tensor.data, 1e-3, 1e-5, True) for p in near):
            error = max(float(np.abs(p - tensor.data).max()) for p in near)
            return RuntimeError(
                f"check_backward: forward gives other numbers on tensors than on arrays, by up to "
                f"{error:.3g}: it may write into a view, or draw random numbers that are not put "
                "back; give one that computes the same with new arrays"
            )
    return None


def _cotangents(outputs: Outputs, given: Any) -> list[Array]:
    rng = np.random.default_rng(0)
    several = given if len(outputs) > 1 and given is not None else [given] * len(outputs)
    found: list[Array] = []
    for (name, tensor), one in zip(outputs, several, strict=True):
        random = np.ones(tensor.shape) if tensor.size == 1 else rng.standard_normal(tensor.shape)
        one = random if one is None else one
        array = np.array(one.data if isinstance(one, Tensor) else one, tensor.dtype)
        if array.shape != tensor.shape:
            raise ValueError(
                f"check_backward: a cotangent of shape {array.shape} given for "
                f"{name or 'an output'} of shape {tensor.shape}; the two must be equal"
            )
        found.append(array)
    return found


def _note(error: Exception, backward: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Say what the backward was given, below its own error."""
    words = [*map(_said, given), *(f"{name}={_said(value)}" for name, value in named.items())]
    name = getattr(backward, "__name__", "backward")
    note = f"check_backward: called {name}({', '.join(words)}); inputs= says otherwise"
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:  # Python 3.10
        error.args = (f"{error}\n{note}",)


def _said(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    several = f" of {len(value)}" if isinstance(value, tuple | list) else ""
    return type(value).__name__ + several
