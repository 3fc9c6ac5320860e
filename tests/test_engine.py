"""What DESIGN.md pins down of the engine, one test a promise; test_specs tests the ops."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from autograd import (
    BroadcastWarning,
    Tensor,
    enable_grad,
    exp,
    log,
    matmul,
    max,
    maximum,
    no_grad,
    ops,
    primitive,
    reshape,
    where,
)
from autograd.primitives import Primitive, Rule
from autograd.tape import Record

Array = NDArray[Any]


def leaf(*values: Any, dtype: Any = np.float64) -> Tensor:
    """A tensor that wants a gradient: of one value a 0-d one, of more a vector."""
    return Tensor(values[0] if len(values) == 1 else values, requires_grad=True, dtype=dtype)


def grad(x: Tensor) -> Array:
    assert x.grad is not None
    return x.grad.data


@contextmanager
def no_gc() -> Iterator[None]:
    """The garbage collector off: only reference counts free memory, and leave no cycle to it."""
    gc.collect()  # here rather than in a fixture: pytest lets go of a failed test's frames late
    gc.disable()
    try:
        yield
        assert gc.collect() == 0
    finally:
        gc.enable()


def records_alive() -> int:
    return sum(type(thing) is Record for thing in gc.get_objects())


# --- order ---------------------------------------------------------------------------------------


def test_a_tensor_used_many_times_gets_the_sum(rng: np.random.Generator) -> None:
    x = leaf(rng.normal(size=3))
    (x * x * x + x * x - x / 2 + x).sum().backward()
    assert_allclose(grad(x), 3 * x.data**2 + 2 * x.data + 0.5, rtol=1e-15)


def test_a_diamond_waits_for_both_sides() -> None:
    x = leaf(0.7)
    top = exp(x)
    long_side = log(top * 3) * 2  # 2x + const, several records long
    (top * long_side + top).backward()
    u = 2 * (0.7 + np.log(3))
    assert_allclose(grad(x), np.exp(0.7) * (u + 2 + 1), rtol=1e-15)


def test_doublings_visit_each_record_once(monkeypatch: pytest.MonkeyPatch) -> None:
    visited: list[Record] = []
    pull = Primitive.pull

    def counting(self: Primitive, record: Record, *rest: Any) -> Any:
        visited.append(record)
        return pull(self, record, *rest)

    monkeypatch.setattr(Primitive, "pull", counting)
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert grad(x) == 2.0**60
    assert len(visited) == 60


@pytest.mark.parametrize("n", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
@no_gc()
def test_a_long_chain_differentiates_and_is_freed(n: int) -> None:
    """Far past the recursion limit, in the sweep as in freeing what was never swept."""
    before = records_alive()
    for swept in (True, False):
        x = leaf(2.0)
        y = x
        for _ in range(n):
            y = -y
        assert records_alive() == before + n
        if swept:
            y.backward()
            assert grad(x) == (-1) ** n
        del y
        assert records_alive() == before


def test_a_constant_that_wants_a_gradient_later_gets_it_from_later_uses() -> None:
    x = Tensor(3.0)
    early = x * x
    x.requires_grad = True
    (early * x).backward()
    assert grad(x) == 9


# --- .grad ---------------------------------------------------------------------------------------


def test_grad_accumulates() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * 3).sum().backward()
    assert_array_equal(grad(x), [5, 7])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (3, 1), (2, 3), (0, 2)])
def test_grad_is_a_tensor_like_its_leaf(shape: tuple[int, ...], dtype: Any) -> None:
    x = Tensor(np.ones(shape, dtype), requires_grad=True)
    (x * np.ones((2, 1, 1))).sum().backward()
    assert isinstance(x.grad, Tensor)
    assert (x.grad.shape, x.grad.dtype) == (shape, dtype)
    assert not x.grad.requires_grad
    assert_array_equal(grad(x), np.full(shape, 2))


def test_only_leaves_get_a_grad() -> None:
    x, c = leaf(2.0), Tensor(5.0)
    y = x * c
    z = y * y
    z.backward()
    assert (y.grad, z.grad, c.grad) == (None, None, None)
    assert grad(x) == 100


@pytest.mark.parametrize("create_graph", [False, True])
def test_grad_shares_memory_with_nothing(create_graph: bool) -> None:
    a, b, c = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf([[5.0], [6.0]])
    v = Tensor([7.0, 8.0], requires_grad=create_graph)
    total = a + b + reshape(c, 2)
    total.retain_grad()
    total.backward(v, create_graph=create_graph)
    holders = [a.grad, b.grad, c.grad, total.grad, v, a, b, c, total]
    for one, other in combinations(holders, 2):
        assert one is not None and other is not None
        assert not np.shares_memory(one.data, other.data)


def test_grad_shares_no_memory_with_a_cotangent_array() -> None:
    x, v = leaf(1.0, 2.0), np.array([3.0, 4.0])
    (+x).backward(v)
    v[:] = 0
    assert_array_equal(grad(x), [3, 4])


def test_a_grad_that_was_broadcast_can_be_written() -> None:
    x = leaf(1.0, 2.0, 3.0)
    x.sum().backward()
    grad(x)[0] = 5
    assert_array_equal(grad(x), [5, 1, 1])


def test_retain_grad() -> None:
    x = leaf(3.0)
    y = x * 2
    y.retain_grad()
    (y * y + y).backward()
    assert grad(y) == 13
    assert grad(x) == 26


def test_a_retained_tensor_may_be_the_root_or_gone() -> None:
    x = leaf(3.0)
    y = x * 2
    y.retain_grad()
    y.backward()
    assert grad(y) == 1
    gone = x * 5
    gone.retain_grad()
    z = gone * 7
    del gone
    z.backward()
    assert grad(x) == 2 + 35


# --- lifetime ------------------------------------------------------------------------------------


def test_a_second_backward_is_an_error() -> None:
    x = leaf(2.0)
    y = exp(x)
    y.backward()
    with pytest.raises(RuntimeError, match=r"'exp' a second time.*retain_graph=True"):
        y.backward()


def test_backward_frees_what_another_output_shares() -> None:
    x = leaf(2.0)
    shared = exp(x)
    one, other = shared * 2, shared * 3
    one.backward()
    with pytest.raises(RuntimeError, match="'exp' a second time"):
        other.backward()


@pytest.mark.parametrize("keep", ["retain_graph", "create_graph"])
def test_a_kept_graph_can_be_swept_again(keep: str) -> None:
    x = leaf(2.0)
    y = x * x
    y.backward(**{keep: True})
    y.backward()
    assert grad(x) == 8


def test_create_graph_may_free_all_the_same() -> None:
    x = leaf(2.0)
    y = x * x
    y.backward(create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


@no_gc()
def test_backward_lets_go_of_memory_while_it_runs() -> None:
    """Near the end of the sweep most of what the forward saved has gone, and so have gradients."""
    held_at_the_end = []

    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        held_at_the_end.append(tracemalloc.get_traced_memory()[0])
        return g

    x = Tensor(np.ones(100_000), requires_grad=True)
    tracemalloc.start()
    y = identity(rule)(x)
    for _ in range(20):
        y = exp(y * 1e-3)
    loss = y.sum()
    del y
    held, _ = tracemalloc.get_traced_memory()
    assert held > 20 * x.data.nbytes
    loss.backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < held + 5 * x.data.nbytes
    assert held_at_the_end[0] < 8 * x.data.nbytes


@no_gc()
def test_large_arrays_that_no_rule_reads_are_not_kept() -> None:
    x = Tensor(np.ones(100_000), requires_grad=True)
    tracemalloc.start()
    y = x
    for _ in range(20):
        y = y + 1
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2 * x.data.nbytes
    y.sum().backward()
    assert_array_equal(grad(x), np.ones(100_000))


@no_gc()
def test_memory_is_flat_without_the_garbage_collector(rng: np.random.Generator) -> None:
    data, target = rng.normal(size=(256, 5)), rng.normal(size=(256, 64))
    w, b = Tensor(rng.normal(size=(5, 64)), requires_grad=True), leaf(0.0)

    def step() -> None:
        w.grad = b.grad = None
        hidden = maximum(data @ w + b, 0)
        hidden.retain_grad()
        error = hidden - target
        (error * error).mean().backward()
        for p in (w, b):
            p.data = p.data - 0.01 * grad(p)

    def held() -> tuple[int, int]:
        return tracemalloc.get_traced_memory()[0], len(gc.get_objects())

    for _ in range(20):
        step()
    tracemalloc.start()
    step()
    bytes_before, objects_before = held()
    for _ in range(300):
        step()
    bytes_after, objects_after = held()
    tracemalloc.stop()
    # The interpreter keeps some freed tuples for itself, which is less than one array in 300 steps.
    assert bytes_after - bytes_before < target.nbytes
    # One object a step would be 300; the interpreter and the threads beside may hold one more.
    assert objects_after - objects_before < 30


@no_gc()
def test_higher_derivatives_leave_no_cycles() -> None:
    before = records_alive()
    x = leaf(1.5)
    exp(x * x).backward(create_graph=True)
    first, x.grad = x.grad, None
    assert first is not None
    first.backward(create_graph=True)
    unused = log(x)
    unused.retain_grad()
    del first, unused, x
    assert records_alive() == before


# --- higher derivatives --------------------------------------------------------------------------


def derivatives(f: Callable[[Tensor], Tensor], at: float, order: int) -> list[float]:
    x = leaf(at)
    y = f(x)
    found: list[float] = []
    for _ in range(order):
        x.grad = None
        y.backward(create_graph=True)
        assert x.grad is not None
        y = x.grad
        found.append(y.item())
    return found


def test_derivatives_of_a_power() -> None:
    assert_allclose(
        derivatives(lambda x: x**4, 1.3, 4), [4 * 1.3**3, 12 * 1.3**2, 24 * 1.3, 24], rtol=1e-14
    )


def test_derivatives_of_softplus() -> None:
    s = 1 / (1 + np.exp(-0.4))  # softplus' = s, s' = s (1 - s)
    expected = [s, s * (1 - s), s * (1 - s) * (1 - 2 * s)]
    assert_allclose(derivatives(lambda x: log(1 + exp(x)), 0.4, 3), expected, rtol=1e-13)


def test_derivatives_of_a_gaussian() -> None:
    x, y = 0.8, np.exp(-0.8 * 0.8)
    hermite = [-2 * x, 4 * x**2 - 2, -8 * x**3 + 12 * x]  # Rodrigues: (-1)^n H_n(x) exp(-x^2)
    expected = [h * y for h in hermite]
    assert_allclose(derivatives(lambda x: exp(-x * x), 0.8, 3), expected, rtol=1e-13)


def test_a_gradient_can_be_part_of_a_loss(rng: np.random.Generator) -> None:
    """The gradient of the squared norm of X^T (X w), which is 2 (X^T X)^2 w."""
    X, w = rng.normal(size=(4, 3)), Tensor(rng.normal(size=3), requires_grad=True)
    r = matmul(X, w)
    ((r * r).sum() / 2).backward(create_graph=True)
    g, w.grad = w.grad, None
    assert g is not None
    (g * g).sum().backward()
    gram = X.T @ X
    assert_allclose(grad(w), 2 * gram @ gram @ w.data, rtol=1e-12)


# --- recording -----------------------------------------------------------------------------------


def records() -> bool:
    return (leaf(1.0) * 2).requires_grad


def test_recording_nests_and_is_restored() -> None:
    assert records()
    with no_grad():
        assert not records()
        with enable_grad():
            assert records()
            with no_grad():
                assert not records()
            assert records()
        assert not records()
    assert records()


def test_one_manager_can_be_entered_again() -> None:
    off = no_grad()
    with off:
        with off:
            assert not records()
        assert not records()
    assert records()


def test_recording_is_restored_after_an_exception() -> None:
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert records()


def test_recording_is_restored_after_an_exception_in_a_rule() -> None:
    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        raise KeyError

    with pytest.raises(KeyError):
        identity(rule)(leaf(1.0)).backward()
    assert records()


def test_recording_as_decorator() -> None:
    @no_grad()
    def off(n: int) -> list[bool]:
        """Docstring."""
        return [records(), *(off(n - 1) if n else on())]

    @enable_grad()
    def on() -> list[bool]:
        return [records()]

    assert off(2) == [False, False, False, True]
    assert records()
    assert (off.__name__, off.__doc__) == ("off", "Docstring.")


def test_recording_is_per_thread() -> None:
    off, asked = threading.Event(), threading.Event()
    answers = {}

    def without() -> None:
        with no_grad():
            off.set()
            asked.wait(10)
            answers["without"] = records()

    thread = threading.Thread(target=without)
    thread.start()
    assert off.wait(10)
    assert records()  # another thread is within no_grad now
    asked.set()
    thread.join()
    with no_grad():
        thread = threading.Thread(target=lambda: answers.update(fresh=records()))
        thread.start()
        thread.join()
    assert answers == {"without": False, "fresh": True}


def test_a_decorated_function_may_run_on_two_threads_at_once() -> None:
    first_in, second_in, first_out = (threading.Event() for _ in range(3))
    answers = {}

    @enable_grad()
    def decorated(entered: threading.Event, wait_for: threading.Event) -> None:
        entered.set()
        assert wait_for.wait(10)

    def first() -> None:
        decorated(first_in, second_in)
        answers["first"] = records()
        first_out.set()

    def second() -> None:
        with no_grad():
            assert first_in.wait(10)
            decorated(second_in, first_out)
            answers["second"] = records()

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {"first": True, "second": False}


def test_what_was_computed_in_no_grad_is_a_constant() -> None:
    x = leaf(2.0)
    with no_grad():
        y = x * x
        assert y.is_leaf
    (y * x).backward()
    assert grad(x) == 4


def test_detach() -> None:
    x = leaf(2.0, 3.0)
    y = x * x
    cut = y.detach()
    assert cut.data is y.data
    assert not cut.requires_grad
    (cut * x).sum().backward()
    assert_array_equal(grad(x), [4, 9])


def test_an_integer_tensor_carries_no_gradient() -> None:
    """The derivative of truncation is zero almost everywhere; a gradient cast to integers is not
    anything."""
    x = leaf(1.7, -2.2)
    y = x.astype(np.int64)
    assert not y.requires_grad
    (y * x).sum().backward()
    assert_array_equal(grad(x), [1, -2])


# --- a user's primitive --------------------------------------------------------------------------


def identity(*rules: Any, kind: Any = None) -> Primitive:
    """A primitive `same`: its first argument, with the rules given."""

    @primitive(kind=kind)
    def same(x: Array, *others: Any) -> Array:
        out = x + 0 * others[0] if others else x * 1
        return np.asarray(out)

    return same.defvjp(*rules)


def test_rules_of_unneeded_arguments_are_not_called() -> None:
    called: list[int] = []

    def rule(position: int) -> Rule:
        def pull(g: Tensor, *args: Any) -> Tensor:
            called.append(position)
            return g

        return pull

    same = identity(rule(0), rule(1))
    x, constant = leaf(1.0), Tensor(2.0)
    same(x, constant).backward()
    same(constant, x).backward()
    same(x, 3.0).backward()
    with no_grad():
        same(x, x)
    assert called == [0, 1, 0]


@pytest.mark.parametrize(
    ("rule", "error", "words"),
    [
        (lambda g, out, x: g.reshape(3, 1), ValueError, ["0", "'same'", "(3, 1)", "(3,)", "equal"]),
        (lambda g, out, x: g[:2], ValueError, ["'same'", "(2,)", "(3,)"]),
        (lambda g, out, x: g.sum(), ValueError, ["'same'", "()", "(3,)"]),
        (lambda g, out, x: g.astype("f8"), TypeError, ["'same'", "float64", "float32", "constant"]),
        (lambda g, out, x: g.data, TypeError, ["rule 0", "'same'", "ndarray", "Tensor"]),
        (lambda g, out, x: None, TypeError, ["rule 0", "'same'", "NoneType", "Tensor"]),
        (lambda g, out, x: 1.0, TypeError, ["rule 0", "'same'", "float", "Tensor"]),
    ],
)
def test_a_wrong_rule_is_named(rule: Any, error: type[Exception], words: list[str]) -> None:
    x = leaf(1.0, 2.0, 3.0, dtype=np.float32)
    with pytest.raises(error) as caught:
        identity(rule)(x).sum().backward()
    for word in words:
        assert word in str(caught.value)


def test_a_missing_rule_is_an_error_only_where_it_is_needed() -> None:
    x, y = leaf(1.0), leaf(2.0)
    same = identity(lambda g, out, x, y: g)
    same(x, 2.0).backward()
    assert grad(x) == 1
    with pytest.raises(RuntimeError, match=r"'same' has no rule for argument 1.*same\.defvjp"):
        same(x, y).backward()


def test_none_for_a_rule_means_no_gradient() -> None:
    x, y = leaf(1.0), leaf(2.0)
    identity(lambda g, out, x, y: g, None)(x, y).backward()
    assert grad(x) == 1
    assert y.grad is None


def test_a_rule_must_be_callable() -> None:
    with pytest.raises(TypeError, match="defvjp of 'same': rule 1 is float"):
        identity(lambda g, out, x, y: g, 2.0)


@pytest.mark.parametrize(
    ("shape", "axes"), [((3,), "axis 0."), ((2, 1), "axis 1."), ((), "axes 0, 1.")]
)
def test_a_sum_that_the_sweep_had_to_make_is_a_warning(shape: tuple[int, ...], axes: str) -> None:
    x, y = leaf(np.ones((2, 3))), leaf(np.ones(shape))
    same = identity(None, lambda g, out, x, y: g)
    with pytest.warns(BroadcastWarning, match="rule 1 of 'same'") as caught:
        same(x, y).sum().backward()
    assert f"summed over {axes}" in str(caught[0].message)
    assert_array_equal(grad(y), np.full(shape, 6 / y.size))


@pytest.mark.parametrize("kind", ["elementwise", "contraction"])
def test_declared_broadcasting_is_no_warning(kind: str) -> None:
    x, y = leaf(np.ones((2, 3))), leaf(np.ones((2, 1)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        identity(None, lambda g, out, x, y: g, kind=kind)(x, y).sum().backward()
    assert not caught
    assert_array_equal(grad(y), [[3], [3]])


class Cube:
    """Holds a rule that is a method: `self` comes before its parameters."""

    def pull(self, g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        return 3 * g * x * x


@pytest.mark.parametrize("size", [3, 100_000])
def test_a_rule_may_be_a_method(size: int) -> None:
    @primitive
    def cube(x: Array) -> Array:
        return np.power(x, 3)

    cube.defvjp(Cube().pull)
    x = Tensor(np.linspace(1, 2, size), requires_grad=True)
    cube(x + 1).sum().backward()
    assert_allclose(grad(x), 3 * (x.data + 1) ** 2, rtol=1e-14)


# --- dtypes --------------------------------------------------------------------------------------

SINGLE: dict[str, Callable[[Any], Any]] = {
    "x * 2": lambda x: x * 2,
    "2.5 * x": lambda x: 2.5 * x,
    "x + np.float64(2)": lambda x: x + np.float64(2),
    "np.float64(2) * x": lambda x: np.float64(2) * x,
    "np.float64(2) ** x": lambda x: np.float64(2) ** x,
    "x - np.int64(3)": lambda x: x - np.int64(3),
    "x * int64": lambda x: x * np.arange(3),
    "int64 / x": lambda x: np.arange(3) / x,
    "int64 @ x": lambda x: np.arange(3) @ x,
    "x @ int64": lambda x: x @ np.arange(6).reshape(3, 2),
    "Tensor int64 + x": lambda x: Tensor(np.arange(3)) + x,
    "x ** 2": lambda x: x**2,
    "x ** 0.5": lambda x: x**0.5,
    "x ** -1": lambda x: x**-1,
    "2 ** x": lambda x: 2**x,
    "2.0 ** x": lambda x: 2.0**x,
    "x ** int64": lambda x: x ** np.arange(3),
    "maximum(x, 1.5)": lambda x: maximum(x, 1.5),
    "where(x > 2, x, 0.5)": lambda x: where(x > 2, x, 0.5),
    "where(x > 2, x, int64)": lambda x: where(x > 2, x, np.arange(3)),
    "x.mean()": lambda x: x.mean(),
    "log(exp(x) + 1)": lambda x: log(exp(x) + 1),
    "x[bool]": lambda x: x[x > 1],
}


@pytest.mark.parametrize("f", SINGLE.values(), ids=SINGLE)
def test_float32_stays_float32(f: Callable[[Tensor], Tensor]) -> None:
    x = leaf(1.0, 2.0, 3.0, dtype=np.float32)
    y = f(x)
    assert y.dtype == np.float32
    y.sum().backward(create_graph=True)
    assert x.grad is not None
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    "f", [lambda x, y: x * y, lambda x, y: y @ x, lambda x, y: (x - y) / y], ids=["*", "@", "- /"]
)
def test_promotion_gives_each_leaf_its_own_dtype(f: Callable[[Tensor, Tensor], Tensor]) -> None:
    narrow, wide = leaf(1.0, 2.0, dtype=np.float32), leaf(3.0, 4.0)
    out = f(narrow, wide)
    assert out.dtype == np.float64
    out.sum().backward()
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    f(x, y).sum().backward()
    assert grad(narrow).dtype == np.float32
    assert grad(wide).dtype == np.float64
    assert_allclose(grad(narrow), grad(x), rtol=1e-7)
    assert_allclose(grad(wide), grad(y), rtol=1e-15)


def test_astype_converts_the_gradient_back() -> None:
    x = leaf(1.0, 2.0, dtype=np.float32)
    (x.astype(np.float64) * np.array([1 / 3, 2 / 3])).sum().backward()
    assert grad(x).dtype == np.float32
    assert_array_equal(grad(x), np.array([1 / 3, 2 / 3], np.float32))


# --- errors --------------------------------------------------------------------------------------


def ones(*shape: int) -> Tensor:
    return Tensor(np.ones(shape), requires_grad=True)


def assign() -> None:
    ones(2)[0] = 1


def forget() -> None:
    (ones(2) * 2).requires_grad = False


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "add": (lambda: ones(2, 3) + ones(4), ValueError, ["add(", "(2, 3)", "(4,)", "broadcast"]),
    "multiply an array": (lambda: np.ones(2) * ones(3), ValueError, ["multiply(", "(2,)", "(3,)"]),
    "matmul": (
        lambda: ones(2, 3) @ ones(2, 3),
        ValueError,
        ["matmul(float64 (2, 3), float64 (2, 3))", "(..., n, k) and y (..., k, m)"],
    ),
    "reshape": (lambda: ones(2, 3).reshape(4), ValueError, ["reshape(", "(2, 3)", "size 6", "4"]),
    "sum": (lambda: ones(2).sum(axis=1), ValueError, ["sum(", "(2,)", "axis 1"]),
    "getitem": (lambda: ones(2)[5], IndexError, ["getitem(", "(2,)", "5"]),
    "backward of many": (
        lambda: ones(2, 3).backward(),
        ValueError,
        ["backward", "(2, 3)", "cotangent", "sum, mean", "gradient="],
    ),
    "backward of none": (lambda: ones(0).backward(), ValueError, ["backward", "(0,)", "gradient="]),
    "cotangent": (
        lambda: ones(2, 3).backward(np.ones(3)),
        ValueError,
        ["backward", "(3,)", "(2, 3)", "equal"],
    ),
    "backward of a constant": (
        lambda: Tensor(1.0).backward(),
        RuntimeError,
        ["backward", "requires_grad=True", "no_grad"],
    ),
    "retain_grad": (
        lambda: Tensor(1.0).retain_grad(),
        RuntimeError,
        ["retain_grad", "constant", "requires_grad"],
    ),
    "integers": (
        lambda: Tensor([1, 2], requires_grad=True),
        TypeError,
        ["requires_grad", "int64", "floating", "dtype=float"],
    ),
    "booleans": (lambda: Tensor(True, requires_grad=True), TypeError, ["bool", "dtype=float"]),
    "strings": (lambda: Tensor("one"), TypeError, ["Tensor", "<U3", "numbers"]),
    "forgetting": (forget, RuntimeError, ["requires_grad", "'multiply'", "detach()"]),
    "float": (lambda: float(ones(2)), ValueError, ["one element", "(2,)"]),
    "int": (lambda: int(ones(2, 2)), ValueError, ["one element", "(2, 2)"]),
    "item": (lambda: ones(0).item(), ValueError, ["item", "one element", "(0,)"]),
    "bool": (lambda: bool(ones(2)), ValueError, ["bool", "(2,)", "np.any", "np.all"]),
    "len": (lambda: len(ones()), TypeError, ["len", "()"]),
    "assignment": (assign, TypeError, ["assigned", "where", ".data"]),
    "keyword": (
        lambda: max(ones(2), axis=Tensor(0)),
        TypeError,
        ["max", "'axis'", "Tensor", "position", "detach().data"],
    ),
}


@pytest.mark.parametrize(("wrong", "error", "words"), ERRORS.values(), ids=ERRORS)
def test_errors_say_what_was_given_and_what_to_do(
    wrong: Callable[[], Any], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as caught:
        wrong()
    for word in words:
        assert word in str(caught.value)


# --- ties ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "axis", "expected"),
    [
        ([1, 3, 3], None, [0, 1, 0]),
        ([[1, 5], [5, 5]], None, [[0, 1], [0, 0]]),
        ([[1, 5], [5, 5]], 0, [[0, 1], [1, 0]]),
        ([[1, 5], [5, 5]], 1, [[0, 1], [1, 0]]),
        ([[[0, 7], [7, 7]], [[7, 7], [0, 0]]], (0, 2), [[[0, 1], [1, 0]], [[0, 0], [0, 0]]]),
        ([[[0, 7], [7, 7]], [[7, 7], [0, 0]]], (2, 0), [[[0, 1], [1, 0]], [[0, 0], [0, 0]]]),
        ([[[0, 7], [7, 7]], [[7, 7], [0, 0]]], (0, 1), [[[0, 1], [1, 0]], [[0, 0], [0, 0]]]),
        ([1, np.nan, 3, np.nan], None, [0, 1, 0, 0]),
        ([[1, np.nan], [2, 2]], 1, [[0, 1], [1, 0]]),
        ([np.inf, np.inf], None, [1, 0]),
        ([-np.inf, -np.inf], None, [1, 0]),
        (np.zeros((5, 5)), None, np.arange(25).reshape(5, 5) == 0),
        (np.zeros((1, 40)), 1, np.arange(40).reshape(1, 40) == 0),
    ],
)
def test_the_first_maximum_gets_the_gradient(x: Any, axis: Any, expected: Any) -> None:
    t = leaf(x)
    max(t, axis=axis).sum().backward()
    assert_array_equal(grad(t), expected)


def test_the_first_of_a_tie_in_maximum_gets_the_gradient() -> None:
    x, y = leaf(1.0, 2.0, 3.0), leaf(1.0, 3.0, 2.0)
    maximum(x, y).sum().backward()
    assert_array_equal(grad(x), [1, 0, 1])
    assert_array_equal(grad(y), [0, 1, 0])


def test_the_slope_of_relu_at_zero_is_zero() -> None:
    x = leaf(-1.0, 0.0, -0.0, 2.0)
    maximum(0, x).sum().backward()
    assert_array_equal(grad(x), [0, 0, 0, 1])


# --- beside NumPy --------------------------------------------------------------------------------

BESIDE: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "@": lambda a, b: a @ b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
}


@pytest.mark.parametrize("op", BESIDE.values(), ids=BESIDE)
def test_an_array_beside_a_tensor_gives_a_tensor(op: Callable[[Any, Any], Any]) -> None:
    a, b = np.array([1.0, 2.0]), np.array([2.0, 2.0])
    for x, y in [(a, Tensor(b)), (Tensor(a), b), (Tensor(a), Tensor(b))]:
        assert isinstance(op(x, y), Tensor)
        assert_array_equal(op(x, y).data, op(a, b))


@pytest.mark.parametrize("op", BESIDE.values(), ids=BESIDE)
def test_a_list_does_as_its_array_does(op: Callable[[Any, Any], Any]) -> None:
    for reverse in (False, True):
        x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
        ours, right = (
            op(other, t) if reverse else op(t, other)
            for t, other in [(x, [2.0, 2.0]), (y, np.array([2.0, 2.0]))]
        )
        assert_array_equal(ours.data, right.data)
        if right.requires_grad:
            ours.sum().backward()
            right.sum().backward()
            assert_array_equal(grad(x), grad(y))


@pytest.mark.parametrize("op", [ops.sum, ops.mean, ops.max, ops.sum_of_squares, ops.exp])
def test_ops_take_what_numpy_takes(op: Primitive) -> None:
    for given in ([1.0, 2.0], 3.0, np.float64(3)):
        assert_array_equal(op(given).data, op(np.asarray(given)).data)


def test_rebinding_data_does_not_change_what_was_recorded() -> None:
    w = leaf(1.0, 2.0)
    loss = (w * w * w).sum()
    w.data = w.data * 100
    loss.backward()
    assert_array_equal(grad(w), [3, 12])


# --- threads -------------------------------------------------------------------------------------


def least_squares(seed: int) -> Array:
    """The weights after 30 steps on a problem of their own."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    w = Tensor(np.zeros(4), requires_grad=True)
    for _ in range(30):
        w.grad = None
        error = X @ w - y
        (error * error).mean().backward()
        with no_grad():
            w.data = w.data - 0.1 * grad(w)
    return w.data


def test_threads_train_as_one_does() -> None:
    alone = [least_squares(seed) for seed in range(8)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        together = list(pool.map(least_squares, range(8)))
    assert_array_equal(together, alone)
    assert not np.array_equal(alone[0], alone[1])
