"""Debug mode: what a record holds and was written to, and tensors that became numbers unasked."""

from __future__ import annotations

import cmath
import math
import operator
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd as ag
from autograd import LostGradientWarning, Tensor
from autograd.engine.modes import mode
from autograd.engine.primitives import Primitive

Run = Callable[[], Any]


def leaf(*values: float) -> Tensor:
    return Tensor(list(values), requires_grad=True, dtype=float)


def says(words: list[str], run: Run) -> None:
    """Debug mode refuses what `run` does, with these words, and leaves nothing behind."""
    with pytest.raises(RuntimeError) as caught, ag.debug():
        run()
    assert [word for word in words if word not in str(caught.value)] == []
    assert mode.observer is None
    assert mode.sweep_hooks == ()


def made(forward: Callable[..., Any], *rules: Any) -> Primitive:
    return ag.primitive(forward).defvjp(*rules)


# --- between the forward and the backward pass ---------------------------------------------------

c = np.array([3.0, 4.0])  # stands for an array of the user's


def _output() -> Tensor:
    y = leaf(1, 2) * 3  # saved here
    y.data[...] = 7
    return y


def _view_of_an_output() -> Tensor:
    y = leaf(1, 2) * 3  # saved here
    ag.reshape(y, (2, 1)).data[0] = 7
    return y


def _out_of_a_ufunc() -> Tensor:
    y = ag.exp(leaf(1, 2))  # saved here
    np.add(1, 2, out=y.data)
    return y


def _one_of_several_outputs() -> Tensor:
    parts = made(lambda x: (x * 2, x * 3), lambda g, out, x: g[0] * 2 + g[1] * 3)
    both: Any = parts(leaf(1, 2))  # saved here
    both[1].data[0] = 7
    return both[0] + both[1]  # type: ignore[no-any-return]


def _array_of_a_leaf() -> Tensor:
    own = np.array([1.0, 2.0])
    y = ag.square(Tensor(own, requires_grad=True))  # saved here
    own *= 2
    return y


def _data_of_a_leaf() -> Tensor:
    x = leaf(1, 2)
    y = ag.square(x)  # saved here
    x.data += 1  # the same array, whatever it looks like
    return y


def _index() -> Tensor:
    index = np.array([0, 1])
    y = leaf(1, 2, 3)[index]  # saved here
    index[0] = 2
    return y


def _mask_within_a_tuple() -> Tensor:
    mask = np.array([True, False])
    y = ag.reshape(leaf(1, 2, 3, 4), (2, 2))[:, mask]  # saved here
    mask[:] = mask[::-1].copy()
    return y


def _list_as_an_index() -> Tensor:
    index = [0, 1]
    y = ag.getitem(leaf(1, 2, 3), index)  # saved here; x[index] keeps a copy
    index.append(2)
    return y


def _tensor_as_an_index() -> Tensor:
    index = Tensor([0, 1])
    y = leaf(1, 2, 3)[None, index]  # saved here
    index.data[0] = 2
    return y


def _scaled(x: Any, *, by: Any) -> Any:
    return x * by["by"][0]


def _array_inside_an_option() -> Tensor:
    by = np.array([1.0, 2.0])
    scaled = made(_scaled, lambda g, out, x, by: g * by["by"][0])
    y = scaled(leaf(1, 2), by={"by": (by,)})  # saved here
    by[0] = 5
    return y


def _scratch_of_a_forward() -> Tensor:
    scratch = np.zeros(2)
    double = made(lambda x: np.multiply(x, 2, out=scratch), lambda g, out, x: g * 2)
    y = double(leaf(1, 2))  # saved here
    return y + double(leaf(3, 4))


def _saved() -> Tensor:
    kept = np.zeros(2)

    def forward(x: Any) -> Any:
        kept[:] = np.exp(x)
        return ag.Saved(2 * kept, {"exp": [kept]})

    twice_exp = made(forward, lambda g, out, x, saved: g * 2 * saved["exp"][0])
    y = twice_exp(leaf(1, 2))  # saved here
    kept[0] = 0
    return y


@pytest.mark.parametrize(
    ("run", "what"),
    [
        (_output, "the output of 'multiply', float64 (2,)"),
        (_view_of_an_output, "'multiply', float64 (2,)"),
        (_out_of_a_ufunc, "the output of 'exp', float64 (2,)"),
        (_one_of_several_outputs, "output 1 of '<lambda>', float64 (2,)"),
        (_array_of_a_leaf, "argument 0 of 'square', float64 (2,)"),
        (_data_of_a_leaf, "argument 0 of 'square', float64 (2,)"),
        (_index, "argument 1 of 'getitem', int64 (2,)"),
        (_mask_within_a_tuple, "argument 1[1] of 'getitem', bool (2,)"),
        (_list_as_an_index, "argument 1 of 'getitem', a list"),
        (_tensor_as_an_index, "argument 1[1] of 'getitem', int64 (2,)"),
        (_array_inside_an_option, "option 'by'['by'][0] of '_scaled', float64 (2,)"),
        (_scratch_of_a_forward, "the output of '<lambda>', float64 (2,)"),
        (_saved, "the saved value['exp'] of 'forward', a list"),
    ],
)
def test_what_a_record_holds_and_was_written_to_is_named(
    run: Callable[[], Tensor], what: str
) -> None:
    says(
        [what, "was written to after the op saved it", __file__, "# saved here"],
        lambda: ag.sum(run()).backward(),
    )


def test_an_argument_is_named_with_the_op_that_it_comes_from() -> None:
    def run() -> None:
        y = ag.exp(leaf(1, 2))
        z = y.sum()
        y.data[0] = 0
        z.backward()

    says(["argument 0 of 'sum' (from 'exp'), float64 (2,), was written to"], run)


def test_writes_that_reach_no_record_and_writes_that_change_nothing() -> None:
    with ag.debug():
        x = leaf(1, 2)
        y = (ag.exp(x) * c).sum()
        c[:] = c.copy()
        y.backward(retain_graph=True)
        y.backward()
        x.data[...] = 5  # as an optimizer does
        ag.exp(x).sum().backward()


def test_a_retained_graph_is_looked_at_in_each_backward_pass() -> None:
    def run() -> None:
        x = leaf(1, 2)
        y = ag.square(x).sum()
        y.backward(retain_graph=True)
        x.data[0] = 9
        y.backward()

    says(["argument 0 of 'square'"], run)


def test_debug_mode_within_debug_mode_is_one() -> None:
    def run() -> None:
        y = ag.square(leaf(1, 2))
        y.data[0] = 9
        with ag.debug():
            y.sum().backward()

    says(["'square'", "was written to"], run)


# --- by a forward, at its call -------------------------------------------------------------------


def _doubles(x: Any) -> Any:
    x *= 2
    return x


def _sorts(x: Any) -> Any:
    view = x[::-1]
    view.sort()
    return x.copy()


def _out_is_an_argument(x: Any, y: Any) -> Any:
    return np.multiply(x, y, out=y)


def _writes_into_an_option(x: Any, *, counts: Any) -> Any:
    counts[0] += 1
    return x * 2


@pytest.mark.parametrize(
    ("forward", "args", "options", "what"),
    [
        (_doubles, (leaf(1, 2),), {}, "argument 0, float64 (2,)"),
        (_doubles, (Tensor([1.0, 2.0]),), {}, "argument 0, float64 (2,)"),
        (_sorts, (leaf(3, 1, 2),), {}, "argument 0, float64 (3,)"),
        (_out_is_an_argument, (leaf(1, 2), Tensor([3.0, 4.0])), {}, "argument 1, float64 (2,)"),
        (_writes_into_an_option, (leaf(1),), {"counts": [0]}, "option 'counts', a list"),
        (
            ag.custom_vjp(lambda x: ag.exp(x) if x.data.fill(0) is None else x).forward,
            (leaf(1, 2),),
            {},
            "argument 0, float64 (2,)",
        ),
    ],
)
def test_a_forward_that_writes_is_named_at_its_call(
    forward: Callable[..., Any], args: Any, options: Any, what: str
) -> None:
    op = Primitive(forward)
    says(
        [f"the forward of '{op.name}' wrote into {what}", __file__, "here, op(*args"],
        lambda: [here := None, here, op(*args, **options)],
    )


def test_a_checkpointed_function_that_writes_into_its_argument() -> None:
    """It does so once, before anything is computed from it."""

    @ag.checkpoint
    def f(x: Tensor) -> Tensor:
        x.data[...] *= 2
        return ag.exp(x)

    x = leaf(0.1, 0.2)
    with ag.debug():
        f(x).sum().backward()
    assert x.grad is not None
    assert_array_equal(x.grad.data, np.exp([0.2, 0.4]))


# --- by a rule, as it returns --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("g", "the gradient that it was given, float64 (2,)"),
        ("out", "the output, float64 (2,)"),
        ("x", "argument 0, float64 (2,)"),
        ("y", "argument 1, float64 (2,)"),
        ("by", "option 'by', float64 (2,)"),
        ("saved", "the saved value[1], float64 (2,)"),
    ],
)
@pytest.mark.parametrize("arrays", [True, False])
def test_a_rule_that_writes_is_named(target: str, what: str, arrays: bool) -> None:
    def rule(g: Any, out: Any, x: Any, y: Any, saved: Any, by: Any) -> Any:
        written = {"g": g, "out": out, "x": x, "y": y, "by": by, "saved": saved[1]}[target]
        (written.data if isinstance(written, Tensor) else written)[...] = 5
        return g * y * by

    op = made(
        lambda x, y, by: ag.Saved(x * y * by, (1, x + y)),
        lambda g, out, x, y, **_: g * y,
        ag.on_arrays(rule) if arrays else rule,
    )

    def run() -> None:
        y = op(leaf(1, 2), leaf(3, 4), by=np.array([1.0, 2.0]))  # called here
        (y * y).sum().backward()

    says([f"rule 1 of '<lambda>' wrote into {what}", __file__, "# called here"], run)


def test_a_rule_of_several_outputs_that_writes_into_one_of_its_gradients() -> None:
    def rule(g: Any, out: Any, x: Any) -> Any:
        g[1][...] *= 3
        return g[0] * 2 + g[1]

    op = made(lambda x: (x * 2, x * 3), ag.on_arrays(rule))

    def run() -> None:
        both: Any = op(leaf(1, 2))
        (both[0] + both[1] * both[1]).sum().backward()

    says(["rule 0 of '<lambda>' wrote into the gradient 1 that it was given"], run)


def test_a_rule_of_an_op_on_many_arguments_that_writes() -> None:
    def rule(position: int, g: Any, out: Any, *parts: Any) -> Any:
        parts[-1].data[...] = 3
        return g * 1

    op = ag.primitive(lambda *parts: sum(parts)).defvjp_each(rule)
    x = leaf(1, 2)

    def run() -> None:
        (op(*[x * i for i in range(100)]) * 2).sum().backward()

    says(["the backward pass of '<lambda>' wrote into argument 99, float64 (2,)"], run)


def test_an_error_within_a_sweep_leaves_nothing_behind() -> None:
    def fails(g: Any, out: Any, x: Any) -> Any:
        raise ZeroDivisionError

    op = made(lambda x: x * 2, fails)
    x = leaf(1, 2)
    with ag.debug():
        with pytest.raises(ZeroDivisionError):
            op(x).sum().backward()
        ag.exp(x).sum().backward()
    assert x.grad is not None


# --- a tensor that became a number ---------------------------------------------------------------


def warned(run: Run) -> list[str]:
    with warnings.catch_warnings(record=True) as caught, ag.debug():
        warnings.simplefilter("always")
        run()
    assert all(w.category is LostGradientWarning and w.filename == __file__ for w in caught)
    return [str(w.message) for w in caught]


def _store(buffer: Any, index: Any, value: Any) -> None:
    buffer[index] = value


@pytest.mark.parametrize(
    ("dtype", "index"),
    [(float, 0), (np.float32, -1), (np.float16, 1), (int, 0), (complex, 0), (float, slice(0, 0))],
)
def test_a_tensor_assigned_to_an_element_of_an_array_is_told(dtype: Any, index: Any) -> None:
    t = ag.exp(leaf(1, 2))[0]
    buffer = np.zeros(2, dtype)
    if isinstance(index, slice):
        buffer, index = buffer.flat, 0  # type: ignore[assignment]
    (message,) = warned(lambda: _store(buffer, index, t))
    assert "made by 'getitem'" in message
    assert "assigned to an element of an array" in message
    assert "stack" in message.lower()
    assert buffer[index] != 0


def test_the_line_that_assigns_is_told_in_whatever_way_it_does() -> None:
    t, buffer, tables = leaf(2), np.zeros((2, 2)), {"a": np.zeros(2)}

    def run() -> None:
        buffer[0, 1] = t
        buffer[1][0] += t[0]
        for tables["a"][0] in (t,):
            pass
        tables["a"][1], buffer[0, 0] = t, 1

    assert len(warned(run)) == 4


def test_what_somebody_says_is_to_be_a_number_is_not_told() -> None:
    t, buffer = ag.exp(leaf(1)), np.zeros(2)

    def run() -> None:
        buffer[0] = float(t)
        buffer[0] = t.item()
        buffer[1] = t.data[0]
        buffer[1] = t.detach()
        buffer[int(t) - 2] = Tensor(3.0)
        f"{float(t):.2f}", "%.2f" % t, str(t)  # noqa: UP031
        math.isnan(t), math.floor(t), complex(t)  # type: ignore[arg-type]
        with ag.no_grad():
            buffer[0] = t

    assert warned(run) == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="positions in the source are of Python 3.11")
def test_a_function_of_math_is_told() -> None:
    t, out = leaf(0.5), np.zeros(2)
    from math import tanh

    def run() -> None:
        math.exp(t)  # type: ignore[arg-type]
        tanh(t)  # type: ignore[arg-type]
        [cmath.sqrt(v) for v in t]  # type: ignore[arg-type]
        out.fill(t)
        math.hypot(
            t[0],  # type: ignore[arg-type]
            1.0,
        )
        operator.add(t, 1)

    names = [message.split("given to ")[1].split(":")[0] for message in warned(run)]
    fill = "the method 'fill' of an array"
    assert names == ["math.exp", "math.tanh", "cmath.sqrt", fill, "math.hypot"]


def test_options_of_numpys_own_python_and_of_operator_are_told() -> None:
    t, buffer = leaf(0.5)[0], np.ones(4)

    def run() -> None:
        buffer.sum(initial=t)  # type: ignore[call-overload]
        np.sum(buffer, initial=t)  # type: ignore[call-overload]
        np.std(buffer, ddof=t)  # type: ignore[call-overload]

    messages = warned(run)
    assert len(messages) == 3
    assert all("a function of NumPy as an option" in message for message in messages)
    if sys.version_info >= (3, 11):
        (message,) = warned(lambda: operator.setitem(buffer, 0, t))
        assert "given to 'setitem'" in message


def test_outside_debug_mode_nothing_is_told_and_the_number_is_right() -> None:
    buffer = np.zeros(1)
    buffer[0] = leaf(2.5)
    assert_array_equal(buffer, [2.5])
