"""What a jitted function does that runs in C: its text, its checks, and what becomes of it without
a compiler."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import JitWarning, Tensor, VerificationError, jit, primitive
from autograd.lowering.generating import generated
from autograd.lowering.rows import table
from autograd.native import NativeWarning

Array = np.ndarray[Any, Any]


@primitive(kind="elementwise", lowering="e = exp(-x); e / (1.0 + e)")
def falling(x: Array) -> Array:
    return np.exp(-x) / (1 + np.exp(-x))


falling.defvjp(lambda g, out, x: -g * out * (1 - out))


@primitive(kind="elementwise", lowering="x * x")
def cubed(x: Array) -> Array:
    return x * x * x


@primitive(kind="elementwise", lowering="frobnicate(x)")
def odd(x: Array) -> Array:
    return x + 1


X = np.random.default_rng(0).standard_normal((9, 33)).astype(np.float32)


def step_of(model: nn.Module, backend: Any) -> Any:
    optimizer = nn.optim.Adam(model.parameters(), lr=0.01)

    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return jit(step, backend=backend)


def network() -> nn.Module:
    rng = np.random.default_rng(1)
    return nn.Sequential(nn.Linear(33, 20, rng=rng), nn.GELU(), nn.Linear(20, 5, rng=rng))


def test_a_step_is_that_of_numpy_but_for_rounding(in_c: None) -> None:
    y = np.arange(9) % 5
    losses = {}
    for backend in ("numpy", "c"):
        step = step_of(network(), backend)
        losses[backend] = [step(Tensor(X), Tensor(y)).item() for _ in range(12)]
    np.testing.assert_allclose(losses["c"], losses["numpy"], rtol=2e-5)


def test_every_call_rounds_as_the_first(in_c: None) -> None:
    step = jit(lambda x: ag.logsumexp(x * 3, axis=1).sum() / ag.tanh(x).std(), backend="c")
    results = {step(Tensor(X)).data.tobytes() for _ in range(4)}
    assert len(results) == 1


def test_the_source_is_c_with_its_calls(in_c: None) -> None:
    f = jit(lambda x: ag.exp(x) * 2, backend="c")
    assert f.source == ""
    f(X)
    assert "exp (9, 33)" in f.source and "for (" in f.source
    assert any(line.strip().startswith("C, ") for line in f.report().splitlines())
    g = jit(lambda x: ag.exp(x) * 2, backend="numpy")
    g(X)
    assert g.source.startswith("def run(")


def test_the_report_says_what_numpy_does_and_why(in_c: None) -> None:
    f = jit(lambda x: ag.cumsum(ag.exp(x), axis=1) + 1, backend="c")
    f(X)
    assert "NumPy: cumsum: it has no lowering" in f.report()


def test_a_lowering_in_a_line(in_c: None) -> None:
    f = jit(lambda x: falling(x) * 2, backend="c")
    np.testing.assert_allclose(f(X), 2 * np.exp(-X) / (1 + np.exp(-X)), rtol=1e-6)
    assert "NumPy: falling" not in f.report()
    g = jit(lambda x: ag.grad(lambda x: falling(x).sum())(x), backend="c")
    p = falling.forward(X)
    np.testing.assert_allclose(g(X), -p * (1 - p), rtol=1e-5)


def test_a_lowering_that_is_not_the_forward_is_told(in_c: None) -> None:
    f = jit(lambda x: cubed(x) + 1, backend="c")
    with pytest.raises(VerificationError, match=r"cubed: its lowering, 'x \* x', is not its for"):
        f(X)


def test_auto_goes_on_without_c_where_that_is_wrong(
    in_c: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(table.ROWS, ag.exp, table.ROWS[ag.sin])
    f = jit(lambda x: ag.exp(x) + 1)
    with pytest.warns(NativeWarning, match="NumPy runs the program"):
        f(X)
    np.testing.assert_array_equal(f(X), np.exp(X) + 1)
    assert f.source.startswith("def run(")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_round_alike_wherever_they_lie(in_c: None, dtype: Any) -> None:
    exponents = (-1, 0.5, 1, 1.5, 2, 3, -0.5)
    for size in (5, 64, 100, 1003):
        x = np.random.default_rng(size).uniform(0.1, 3, size).astype(dtype)
        f = jit(lambda x: [(1 + x * x) ** exponent for exponent in exponents], backend="c")
        for exponent, found in zip(exponents, f(x), strict=True):
            np.testing.assert_allclose(
                found, (1 + x * x) ** exponent, rtol=4 * np.finfo(dtype).eps, err_msg=str(exponent)
            )


def test_a_line_of_many_names_takes_no_longer(in_c: None) -> None:
    steps = [
        "a0 = x",
        "a1 = 0.5 * x",
        *[f"a{i} = 0.5 * a{i - 1} + 0.25 * a{i - 2}" for i in range(2, 40)],
    ]

    @primitive(kind="elementwise", lowering="; ".join([*steps, "a39"]))
    def mixed(x: Array) -> Array:
        before, now = x, x * 0.5
        for _ in range(2, 40):
            before, now = now, now * 0.5 + before * 0.25
        return now

    f = jit(lambda x: mixed(x) * 1.5, backend="c")
    np.testing.assert_allclose(f(X), mixed.forward(X) * 1.5, rtol=1e-5)


def test_equal_programs_have_equal_texts(in_c: None) -> None:
    def texts() -> list[str]:
        f = jit(lambda x: ag.exp(x - x.max(axis=1, keepdims=True)) * (x * 2 + 1), backend="numpy")
        f(X)
        program = f.program
        return [generated(program, table.row_of, watched).source for watched in (False, True)]

    assert texts() == texts()


def test_a_lowering_that_is_not_understood_is_left_to_numpy(in_c: None) -> None:
    f = jit(lambda x: odd(x) * 2, backend="c")
    np.testing.assert_array_equal(f(X), (X + 1) * 2)
    assert "NumPy: odd: frobnicate of float32 is not there in C" in f.report()


def test_a_row_that_is_wrong_is_told(in_c: None, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = table.Elementwise("x * y * 1.00001", np.multiply)
    monkeypatch.setitem(table.ROWS, ag.ops.multiply, wrong)
    with pytest.raises(VerificationError, match=r"The first call that differs is call \d, mult"):
        jit(lambda x: ag.exp(x * x), backend="c")(X)


def test_what_the_compiler_does_with_the_other_text_is_told(
    in_c: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "slot 5, which is otherwise when not all is written down"
    monkeypatch.setattr("autograd.jitting.backends.first_difference", lambda *_: told)
    weight = Tensor(np.ones(33, np.float32), requires_grad=True)

    def f(x: Tensor) -> Tensor:
        loss = (x * weight).sum()
        loss.backward()
        return loss

    with pytest.raises(VerificationError, match="slot 5, which"):
        jit(f, backend="c")(Tensor(X))
    assert weight.grad is None  # all is as it was


def test_without_c_numpy_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "autograd.lowering.c_backend.native.library", lambda *_, **__: "no compiler was found"
    )
    f = jit(lambda x: ag.exp(x) * 2, backend="c")
    with warnings.catch_warnings():
        warnings.simplefilter("error", NativeWarning)
        np.testing.assert_array_equal(f(X), np.exp(X) * 2)
        np.testing.assert_array_equal(f(X), np.exp(X) * 2)
    assert f.source.startswith("def run(")


def test_an_index_out_of_bounds_is_numpys_error(in_c: None) -> None:
    f = jit(lambda x, i: (x[:, i] * 2).sum(axis=0), backend="c")
    i = np.array([0, 32, -33])
    np.testing.assert_allclose(f(X, i), (X[:, i] * 2).sum(axis=0), rtol=1e-6)
    for bad in ([0, 33, 1], [0, 1, -34]):
        with pytest.raises(IndexError, match="out of bounds"):
            f(X, np.array(bad))
    np.testing.assert_allclose(f(X, i), (X[:, i] * 2).sum(axis=0), rtol=1e-6)


def test_results_survive_later_calls(in_c: None) -> None:
    f = jit(lambda x: (ag.exp(x), x.T @ x, ag.sort(x, axis=0)), backend="c")
    first = f(X)
    kept = [np.array(part) for part in first]
    f(X + 1)
    for part, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(part, copy)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_the_same_bytes_for_any_number_of_threads(in_c: None, threads: int) -> None:
    x = np.random.default_rng(3).standard_normal((700, 900)).astype(np.float32)

    def f(x: Tensor) -> Any:
        p = nn.functional.softmax(x, -1)
        return p, (p * x).sum(axis=0), ag.grad(lambda x: (ag.tanh(x) * p).sum())(x)

    count = ag.get_num_threads()
    try:
        results = []
        for n in (1, threads):
            ag.set_num_threads(n)
            results.append(b"".join(np.asarray(part).tobytes() for part in jit(f, backend="c")(x)))
    finally:
        ag.set_num_threads(count)
    assert results[0] == results[1]


def test_what_is_not_contiguous_is_read_right(in_c: None) -> None:
    f = jit(lambda x, y: ag.exp(x) - y, backend="c")
    f(X, X)
    for view in (X[::-1], np.asfortranarray(X), np.broadcast_to(X[0], X.shape), X[:, ::-1]):
        np.testing.assert_allclose(f(view, X), np.exp(view) - X, rtol=1e-6, atol=1e-6)


def test_nobody_is_warned(in_c: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", JitWarning)
        f = jit(lambda x: 1 / x, backend="c")
        f(np.ones(3))
        f(np.full(3, 2.0))  # compared with the function, which warns as ever
        assert np.isinf(f(np.zeros(3))).all()  # C gives no warnings of floating point


@primitive(kind="elementwise", lowering="x > 100.0 ? 0.0 : x * 2.0")
def doubled_to_100(x: Array) -> Array:
    return x * 2


@primitive(kind="elementwise", lowering="x**2.0")
def not_in_c(x: Array) -> Array:
    return x**2


@primitive(lowering="x * 2.0")
def without_the_first(x: Array) -> Array:
    return (x * 2.0)[1:]


@primitive(kind="reduction", lowering="x * x")
def of_all(x: Array) -> Array:
    return np.asarray((x * x).sum())


def test_a_lowering_is_tried_where_no_call_has_been(in_c: None) -> None:
    f = jit(doubled_to_100)
    with pytest.warns(NativeWarning, match="doubled_to_100: its lowering.* is not its forward"):
        f(X)
    assert np.array_equal(f(100 * X), 200 * X)
    with pytest.raises(ag.VerificationError, match="doubled_to_100"):
        jit(lambda x: doubled_to_100(x) + 1, backend="c")(X)


def test_a_lowering_that_does_not_compile_is_named_and_left_to_numpy(in_c: None) -> None:
    f = jit(lambda x: ag.exp(not_in_c(x)))
    with pytest.warns(ag.NativeWarning, match="not_in_c: its lowering.*does not compile"):
        f(X)
    assert "NumPy: not_in_c" in f.report()
    assert "C, " in f.report()


@pytest.mark.parametrize("op", [without_the_first, of_all])
def test_a_lowering_of_another_shape_is_left_to_numpy(op: Any, in_c: None) -> None:
    f = jit(lambda x: op(x), backend="c")
    assert np.array_equal(f(X), op.forward(X))
    assert "a lowering is of an element" in f.report()


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_arrays_of_another_byte_order_are_the_same_numbers(backend: Any) -> None:
    x = np.arange(6, dtype=np.float32)
    swapped = x.astype(x.dtype.newbyteorder())
    for f in (lambda x: Tensor(x) * 2 + 1, lambda x: x * 2 + 1):
        for order in ((x, swapped), (swapped, x)):
            jitted = jit(f, backend=backend)
            for given in (*order, *order):
                for more in range(3):
                    found = np.asarray(jitted((given + more).astype(given.dtype)))
                    np.testing.assert_array_equal(found, 2 * (x + more) + 1)


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_arrays_that_lie_otherwise_are_another_program(backend: Any) -> None:
    """Ops may compute by how arrays lie, which is no change of the function."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((8, 5)), rng.standard_normal((5, 8))
    jitted = jit(ag.value_and_grad(lambda x, w: ((x @ w) ** 2).sum(), (0, 1)), backend=backend)
    for times in range(1, 5):
        for order in (np.ascontiguousarray, np.asfortranarray):
            value, (of_x, _) = jitted(order(x) * times, order(w))
            y = times * x @ w
            np.testing.assert_allclose(np.asarray(value), (y**2).sum(), rtol=1e-12)
            np.testing.assert_allclose(np.asarray(of_x), 2 * y @ w.T, rtol=1e-12)
