"""A program gives what the function gave: the same bytes, and for other numbers too."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support.shares import some
from support.specs.running import assert_close, call, dot, like, recorded, variables
from support.specs.sampling import Sample
from support.specs.specs import SPECS, Spec
from support.tracing import moved, program_of_second, second_derivatives, step_of

import autograd as ag
import nn
from autograd import Tensor, primitive
from autograd.engine.modes import mode
from autograd.engine.primitives import Saved
from autograd.program.numpy_backend import compiled
from autograd.program.program import Call, Input, Program, Slot, Value
from autograd.program.running import run
from autograd.program.taping import key_of, program_of_tape
from autograd.program.watching import Trace, program_of, watching
from autograd.runtime.trees import flatten

Array = np.ndarray[Any, Any]


def expect_same(program: Program, f: Callable[..., Any], xs: Sequence[Array]) -> None:
    """The program's result is that of f as it is watched, to the last bit, by either way of running
    it; and that of f, whose sweep adds in place where nobody watches: in another order of memory,
    so that a later sum may round otherwise."""
    trace = Trace()
    given = [trace.argument(x, "x") for x in xs]
    with watching(trace):
        wanted = flatten(f(*given))[0]
    for a, b in zip(wanted, flatten(f(*xs))[0], strict=True):
        if isinstance(b, Tensor):
            assert_close(a.data, b.data, 1e-13)
    for result in (run(program, xs), compiled(program)(xs)):
        got = flatten(result)[0]
        assert len(got) == len(wanted)
        for a, b in zip(got, wanted, strict=True):
            if isinstance(b, Tensor):
                assert (a.dtype, a.shape) == (b.dtype, b.shape)
                assert np.array_equal(a, b.data, equal_nan=a.dtype.kind in "fc")
            else:
                assert a == b


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.op.name)
def test_programs_of_every_op_and_its_rules(spec: Spec, rng: np.random.Generator) -> None:
    expect_programs(spec, rng, some(spec.draw()))


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.op.name)
def test_programs_of_every_sample(spec: Spec, rng: np.random.Generator) -> None:
    expect_programs(spec, rng, spec.draw())


def expect_programs(spec: Spec, rng: np.random.Generator, samples: Sequence[Sample]) -> None:
    for sample in samples:
        wanted = variables(spec, sample.args) if spec.op.differentiable else []
        step = step_of(spec, sample, wanted, rng)
        xs = [np.array(sample.args[i], copy=True) for i in wanted]
        program = program_of(step, *xs)
        expect_same(program, step, xs)
        others = moved(xs, rng)
        try:
            step(*others)
        except (ValueError, np.linalg.LinAlgError):
            continue  # they are none of this op's
        expect_same(program, step, others)


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "spec", [s for s in SPECS if s.op.differentiable], ids=lambda spec: spec.op.name
)
def test_programs_of_tapes_have_the_gradients(
    spec: Spec, whole: bool, rng: np.random.Generator
) -> None:
    for sample in spec.draw() if whole else some(spec.draw()):
        leaves, args = recorded(sample.args, variables(spec, sample.args))
        if not leaves:
            continue
        outs = call(spec, args, sample.options)
        loss = dot(like(rng, [o.data for o in outs]), outs)
        program = program_of_tape(loss).program
        value, gradients = run(program)
        assert np.array_equal(value, loss.data, equal_nan=True)
        loss.backward()
        for number, gradient in gradients.items():
            tensor = program.inputs[number].tensor
            assert tensor is not None
            assert tensor.grad is not None
            assert_close(gradient, tensor.grad.data, 1e-15)


def expect_random_program(seed: int) -> None:
    """Gradients and second derivatives of a random program, at its inputs and beside them."""
    drawn, run_nodes, head, second = second_derivatives(seed)
    xs = [np.array(x) for x in drawn.inputs]
    program = program_of_second(second, xs)
    if program is None:
        return
    expect_same(program, second, xs)
    expect_same(program, second, [x * (1 + 1e-5) for x in xs])
    if "hooked" not in drawn.source():  # hooks are not run by the program of a tape
        leaves = [Tensor(x, requires_grad=True) for x in xs]
        loss = run_nodes(*leaves)[head]
        if loss.requires_grad:
            taped = program_of_tape(loss).program
            _, gradients = run(taped)
            loss.backward()
            for number, gradient in gradients.items():
                tensor = taped.inputs[number].tensor
                if any(tensor is own for own in leaves):  # a transform's variables are gone
                    assert tensor is not None
                    assert tensor.grad is not None
                    assert_close(gradient, tensor.grad.data, 1e-13)


@pytest.mark.parametrize("chunk", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_random_programs(chunk: int) -> None:
    for seed in range(chunk * 15, chunk * 15 + 15):
        expect_random_program(seed)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(20))
def test_more_random_programs(chunk: int) -> None:
    for seed in range(chunk * 100, chunk * 100 + 100):
        expect_random_program(seed)


# --- what functions read and leave --------------------------------------------------------------


def test_parameters_are_read_anew_and_effects_are_told(rng: np.random.Generator) -> None:
    model = nn.Linear(3, 2, rng=rng)

    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        return loss

    x, y = rng.random((4, 3)).astype(np.float32), rng.random((4, 2)).astype(np.float32)
    program = program_of(step, x, y)
    assert [i.name for i in program.inputs[:2]] == ["x", "y"]
    assert {id(i.tensor) for i in program.inputs[2:]} == {id(p) for p in model.parameters()}
    assert sorted(effect.kind for effect in program.effects) == ["grad", "grad"]
    for parameter in model.parameters():
        parameter.data, parameter.grad = parameter.data * 0.5, None
    value = run(program, [x, y])
    assert np.array_equal(value, step(Tensor(x), Tensor(y)).data)


def test_what_is_kept_behind_a_detach_is_a_constant_of_the_call(rng: np.random.Generator) -> None:
    def f(x: Tensor) -> Tensor:
        y = ag.exp(x)
        return (y * y.detach()).sum()

    program = program_of(lambda x: f(Tensor(x, requires_grad=True)), rng.random(3))
    (multiply,) = [call for call in program.calls if call.op is ag.multiply]
    assert multiply.inputs[0].slot == multiply.inputs[1].slot
    assert [value.constant for value in multiply.inputs] == [False, True]


def test_two_tensors_of_one_array_are_two_inputs(rng: np.random.Generator) -> None:
    shared = rng.random(3)
    a, b = Tensor(shared, requires_grad=True), Tensor(shared, requires_grad=True)
    program = program_of_tape((a * b + a).sum()).program
    assert len(program.inputs) == 2
    multiply = program.calls[0]
    assert multiply.inputs[0].slot != multiply.inputs[1].slot
    other = program_of(lambda x: (x * b + a).sum(), shared)
    assert len(other.inputs) == 3
    b.data = np.zeros(3)
    assert np.array_equal(run(other, [shared]), shared.sum())


def test_an_op_that_gives_what_it_got(rng: np.random.Generator) -> None:
    same = primitive(lambda x: x)
    same.defvjp(lambda g, out, x: g)
    program = program_of(lambda x: (same(x), same(same(x)) * x), rng.random(3))
    program.check()
    x = rng.random(3)
    once, product = run(program, [x])
    assert np.array_equal(once, x)
    assert np.array_equal(product, x * x)


def test_what_forwards_save_is_computed_anew(rng: np.random.Generator) -> None:
    @primitive
    def scaled(x: Array) -> Saved:
        return Saved(x * 3, (x.max(), [x + 1]))  # type: ignore[arg-type]

    scaled.defvjp(lambda g, out, x, saved: g * saved[0])

    def step(x: Tensor) -> Any:
        leaf = Tensor(x, requires_grad=True)
        scaled(leaf).sum().backward()
        return leaf.grad

    program = program_of(step, rng.random(3))
    expect_same(program, step, [rng.random(3)])


def test_checkpoints_are_what_they_compute(rng: np.random.Generator) -> None:
    w = Tensor(rng.random(3), requires_grad=True)
    x = Tensor(rng.random(3), requires_grad=True)
    inner = ag.checkpoint(lambda x: ag.exp(x * w).sum())
    loss = inner(x) + inner(x * x)
    taped = program_of_tape(loss)
    names = [call.op.name for call in taped.program.calls]
    assert names.count("exp") == 4  # twice in the forward part, twice again
    _, gradients = run(taped.program)
    loss.backward()
    for number, gradient in gradients.items():
        tensor = taped.program.inputs[number].tensor
        assert tensor is not None
        assert tensor.grad is not None
        assert_close(gradient, tensor.grad.data, 1e-15)


def test_places_are_found_in_the_program(rng: np.random.Generator) -> None:
    x = Tensor(rng.random((2, 2)), requires_grad=True)
    q, r = ag.qr(x)
    loss = (q * r).sum()
    taped = program_of_tape(loss)
    for tensor in (x, q, r, loss):
        assert tensor._place is not None
        slot = taped.slots[key_of(tensor._place)]
        assert taped.program.slots[slot] == Slot(tensor.shape, tensor.dtype)
    assert taped.program.calls[0].outputs == tuple(
        taped.slots[key_of(t._place)]  # type: ignore[arg-type]
        for t in (q, r)
    )


def test_nothing_is_touched_by_the_program_of_a_tape(rng: np.random.Generator) -> None:
    x = Tensor(rng.random(3), requires_grad=True)
    y = ag.exp(x)
    seen: list[Tensor] = []
    y.register_hook(lambda g: seen.append(g))
    loss = y.sum()
    with ag.sweep_hook(lambda record, g: seen.append(g)):
        program_of_tape(loss)
    assert not seen
    assert x.grad is None
    loss.backward()
    assert len(seen) == 1


# --- programs as data ----------------------------------------------------------------------------


def test_a_program_is_built_by_hand_and_checked() -> None:
    scalar = Slot((), np.dtype(float))
    double = Call(ag.multiply, (Value(0), 2), {}, (1,))
    program = Program((double,), {0: scalar, 1: scalar}, (Input(0, "x"),), result=Value(1))
    assert run(program.check(), [np.asarray(3.0)]) == 6.0
    for wrong, said in (
        (Program((double, double), program.slots, program.inputs, result=Value(1)),
         "call 1, multiply gives slot 1 a second time"),
        (Program((double,), program.slots, (), result=Value(1)),
         "call 0, multiply reads slot 0, which nothing gave"),
        (Program((), program.slots, program.inputs, result=Value(1)),
         "the result has slot 1, which nothing gave"),
        (Program((double,), {0: scalar}, program.inputs, result=Value(0)),
         "call 0, multiply gives slot 1 of unknown shape"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^program: {said}$"):
            wrong.check()


def test_bad_arguments_get_one_clear_error(rng: np.random.Generator) -> None:
    program = program_of(lambda x: x + 1, rng.random(3))
    with pytest.raises(ValueError, match="run: 2 arguments given, 1 expected"):
        run(program, [rng.random(3), rng.random(3)])
    for other in (rng.random(4), rng.random(3).astype(np.float32)):
        with pytest.raises(ValueError, match="given for 'x', float64"):
            run(program, [other])
    with pytest.raises(TypeError, match="program_of"):
        program_of(rng.random(3), 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("line", range(5))
def test_an_interrupt_leaves_nobody_watching(line: int) -> None:
    """At each of the lines that set who watches, as a signal may come there."""
    before = mode.observer, mode.watcher, mode.recording
    passed = 0

    def interrupt(frame: Any, event: str, arg: Any) -> Any:
        nonlocal passed
        if frame.f_code is watching.__wrapped__.__code__ and event == "line":  # type: ignore[attr-defined]
            passed += 1
            if passed == line + 1:
                raise KeyboardInterrupt
        return interrupt

    tracing = sys.gettrace()
    sys.settrace(interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt), watching(Trace(), recording=False):
            pass
    finally:
        sys.settrace(tracing)
    assert passed > line
    assert (mode.observer, mode.watcher, mode.recording) == before
