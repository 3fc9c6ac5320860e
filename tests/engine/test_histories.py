"""Sums of gradients in a sweep and in `.grad`: what is recorded of their parts is never lost."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad, identity, leaf

import autograd as ag
from autograd import Tensor, gradcheck, hessian, primitive
from autograd.engine import sweep as sweep_module
from autograd.engine.tape import Leaf, Record, reachable

Term = Callable[[Tensor], Tensor]

# Of a term, its first and second derivative at 2. The gradient of a linear one is not recorded.
TERMS: dict[str, tuple[Term, float, float]] = {
    "x * x": (lambda x: x * x, 4, 2),
    "2 * x": (lambda x: 2 * x, 2, 0),
    "3 * x": (lambda x: 3 * x, 3, 0),
    "x**3": (lambda x: x**3, 12, 12),
    "x + x": (lambda x: x + x, 2, 0),
    "x * const": (lambda x: x * Tensor(5.0), 5, 0),
}
ORDERS = [order for count in (2, 3, 4) for order in permutations(TERMS, count)]


def total(names: tuple[str, ...], x: Tensor) -> Tensor:
    y = TERMS[names[0]][0](x)
    for name in names[1:]:
        y = y + TERMS[name][0](x)
    return y


def test_terms_in_every_order() -> None:
    for names in ORDERS:
        x = leaf(2.0)
        total(names, x).backward(create_graph=True)
        first, x.grad = x.grad, None
        assert first is not None
        assert first.item() == sum(TERMS[name][1] for name in names), names
        if second := sum(TERMS[name][2] for name in names):
            first.backward()
            assert grad(x) == second, names


def test_what_a_recorded_sweep_holds_is_what_it_computed() -> None:
    """A sum in flight is worked on in place only until it is recorded."""
    for names in ORDERS:
        x = leaf(2.0)
        total(names, x).backward(create_graph=True)
        assert x.grad is not None
        for place in reachable([x.grad._place] if x.grad._place else []):
            if isinstance(place, Record):
                assert place.arrays is not None
                again = place.op.forward(*place.arrays, **place.options)  # type: ignore[attr-defined]
                assert place.out == again, (names, place.op.name)


def test_the_same_for_arrays_and_for_hessian() -> None:
    x = np.array([1.0, 2.0])
    found = hessian(lambda x: (x * x + 2 * x + 3 * x).sum())(Tensor(x))
    assert_array_equal(found.data, 2 * np.eye(2))


def test_a_rule_that_gives_one_gradient_twice() -> None:
    """Both places get the same tensor; what is added to one does not reach the other."""
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    s = x + y
    (s.sum() + (2 * x).sum() + (3 * x).sum()).backward()
    assert_array_equal(grad(x), [6, 6])
    assert_array_equal(grad(y), [1, 1])


def test_the_cotangent_of_the_caller_is_not_written_to() -> None:
    x, g = leaf(1.0, 2.0), Tensor([1.0, 1.0])
    y = x + x + x + x
    y.backward(g)
    assert_array_equal(g.data, [1, 1])
    assert_array_equal(grad(x), [4, 4])


# --- .grad ---------------------------------------------------------------------------------------


def test_grad_keeps_its_history_when_a_plain_gradient_is_added() -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    (x**2).backward()
    g, x.grad = x.grad, None
    assert g is not None
    assert g.item() == 16
    (g * g + x * x).backward()
    assert grad(x) == 388  # 2 g 6 x + 2 x: of g, x**3 alone is recorded


def test_grad_gains_a_history_when_a_recorded_gradient_is_added() -> None:
    x = leaf(2.0)
    (x**2).backward()
    (x**3).backward(create_graph=True)
    g, x.grad = x.grad, None
    assert g is not None
    (g * g + x * x).backward()
    assert grad(x) == 388


@pytest.mark.parametrize("recorded_first", [True, False])
def test_who_adds_to_grad_within_no_grad_loses_no_history(recorded_first: bool) -> None:
    x, y = leaf(1.0), leaf(2.0)
    parts = [y * y, Tensor(5.0)]
    with ag.no_grad():
        for part in parts if recorded_first else reversed(parts):
            x.accumulate_grad(part)
    assert x.grad is not None
    assert x.grad.item() == 9
    x.grad.backward()
    assert grad(y) == 4


def test_two_recorded_gradients_add_up() -> None:
    x = leaf(2.0)
    (x**2).backward(create_graph=True)
    (x**3).backward(create_graph=True)
    g, x.grad = x.grad, None
    assert g is not None
    g.backward()
    assert grad(x) == 2 + 6 * 2


def test_a_plain_backward_leaves_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the cotangent, a hook, or a rule brings a tensor that has a history."""
    w = leaf(3.0)

    @primitive
    def scaled(x: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return 3 * x

    scaled.defvjp(lambda g, out, x: w)
    x = leaf(1.0)
    x.register_hook(lambda g: g * 1 + w - w)
    (scaled(x) + x).backward(leaf(1.0) * 1)
    assert x.grad is not None
    assert not x.grad.requires_grad
    assert grad(x) == 4
    assert w.grad is None


@pytest.mark.parametrize("by", ["rule", "cotangent", "hook"])
def test_what_alone_brings_a_history_leaves_a_constant(by: str) -> None:
    """Without another op on the way, which would forget it anyway."""
    w, x = leaf(3.0), leaf(1.0)
    if by == "hook":
        x.register_hook(lambda g: w * 1)
    (identity(lambda g, out, x: w)(x) if by == "rule" else x).backward(w * 1)
    assert x.grad is not None
    assert not x.grad.requires_grad
    assert grad(x) == 3


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.ones(2), TypeError, "ndarray was assigned, a Tensor or None expected"),
        (1.0, TypeError, "float was assigned"),
        (Tensor([1.0]), ValueError, r"float64 \(1,\) was assigned .* float64 \(2,\)"),
        (Tensor([1.0, 2.0], dtype=np.float32), TypeError, "float32 .*was assigned .* float64"),
        (Tensor([[1.0, 2.0]]), ValueError, "reshape it"),
        (False, TypeError, "bool was assigned"),
    ],
)
def test_what_is_no_gradient_is_not_assigned(
    value: object, error: type[Exception], message: str
) -> None:
    x = leaf(1.0, 2.0)
    x.grad = before = Tensor([5.0, 6.0])
    with pytest.raises(error, match=message):
        x.grad = value  # type: ignore[assignment]
    assert x.grad is before


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (leaf(1.0, 2.0) * 1, TypeError, r"a Tensor with a history was assigned.*detach"),
        (["a", "b"], TypeError, "^data: .* numbers expected"),
        (np.array([1, 2]), TypeError, r"int64 \(2,\) was assigned to a tensor of float64 \(2,\)"),
        (np.ones(3), ValueError, r"float64 \(3,\) was assigned .*use rebind\(\)"),
        (np.ones(2, np.float32), TypeError, "float32"),
        (np.ones(2) * 1j, TypeError, "complex128"),
        (np.ones((1, 2)), ValueError, r"\(1, 2\)"),
        (3.0, ValueError, r"float64 \(\)"),
    ],
)
def test_what_is_no_such_array_is_not_bound(
    value: object, error: type[Exception], message: str
) -> None:
    x = leaf(1.0, 2.0)
    before = x.data
    with pytest.raises(error, match=message):
        x.data = value  # type: ignore[assignment]
    assert x.data is before


def test_a_python_number_takes_the_dtype_that_is_there() -> None:
    x = leaf(1.0, dtype=np.float32)
    for number in (2.5, 2):
        x.data = number  # type: ignore[assignment]
        assert (x.dtype, x.item()) == (np.float32, number)


def test_another_shape_is_bound_where_somebody_says_so() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    x.grad = Tensor([1.0, 1.0])
    x.rebind(np.ones((3, 1), np.float32))
    assert (x.shape, x.dtype, x.grad) == ((3, 1), np.float32, None)
    with pytest.raises(RuntimeError, match=r"float64 \(2,\) for a tensor that is float32 \(3, 1\)"):
        y.backward()
    for array, message in ([1, 2], "int64 given"), (["a"], "ndarray of <U1 given"):
        with pytest.raises(TypeError, match=f"rebind: {message}"):
            x.rebind(np.array(array))
    constant = Tensor([1.0, 2.0])
    constant.data = np.arange(3)
    assert constant.shape == (3,)


def test_threads_that_share_a_leaf_add_up() -> None:
    w = leaf(2.0)

    def work() -> None:
        for _ in range(300):
            (w * 1.0).sum().backward()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert grad(w) == 1200


# --- gradcheck, and the engine as it was ---------------------------------------------------------

MIXED: Term = lambda x: x * x + 2 * x + 3 * x  # noqa: E731


def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep that adds recorded gradients to an array of its own in place."""
    path = Path(sweep_module.__file__)
    now = "elif serial in own and g._place is None:"
    source = path.read_text(encoding="utf-8")
    assert now in source
    made = dict(vars(sweep_module))
    exec(compile(source.replace(now, "elif serial in own:"), path, "exec"), made)
    for module in ("engine.tensor", "checking.subject", "transforms.variables"):
        monkeypatch.setattr(f"autograd.{module}.sweep", made["sweep"])


def test_gradcheck_finds_histories_that_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    at = np.array([1.0, 2.0])
    assert gradcheck(MIXED, at, order=2).verdict == "pass"
    _as_it_was(monkeypatch)
    assert_array_equal(hessian(lambda x: MIXED(x).sum())(Tensor(at)).data, np.zeros((2, 2)))
    report = gradcheck(MIXED, at, order=2, raise_exception=False)
    assert report.verdict == "fail"
    (wrong,) = (argument for argument in report.arguments if argument.verdict == "fail")
    assert "constant cotangents" in wrong.name


def test_gradcheck_of_the_second_order_has_both_kinds_of_cotangents() -> None:
    report = gradcheck(MIXED, np.array([1.0, 2.0]), order=2)
    assert [a.name for a in report.arguments] == [
        "argument 0",
        "argument 0, second derivative",
        "g, the gradient of out",
        "argument 0, of constant cotangents",
    ]


# --- early gradients, and leaves that appear twice ------------------------------------------------


@pytest.mark.parametrize("early", [False, True])
def test_early_gradients_have_their_history_too(early: bool) -> None:
    x, y = leaf(2.0), leaf(3.0)
    (x * x + 2 * x + 3 * x * y + y).backward(create_graph=True, early=early)
    g, x.grad, y.grad = x.grad, None, None
    assert g is not None
    assert isinstance(x._place, Leaf)
    g.backward()
    assert (grad(x), grad(y)) == (2, 3)


def test_a_sum_of_many_parts_is_exact() -> None:
    """Twenty parts, of which every third is recorded, by both ways to the Hessian."""

    def f(x: Tensor) -> Tensor:
        parts = [x * x * (k + 1) if k % 3 == 0 else x * (k + 1.0) for k in range(20)]
        y = parts[0]
        for part in parts[1:]:
            y = y + part
        return y.sum()

    expected = 2 * sum(k + 1 for k in range(20) if k % 3 == 0)
    x = Tensor([1.0, 2.0])
    assert_allclose(hessian(f)(x).data, expected * np.eye(2), rtol=1e-15)
    assert_allclose(ag.hvp(f, [x], [Tensor([1.0, 0.0])]).data, [expected, 0], rtol=1e-15)


def test_a_constant_tensor_is_bound_as_its_array_is() -> None:
    x, y = leaf(1.0, 2.0), Tensor([3.0, 4.0])
    x.data = y  # type: ignore[assignment]
    assert x.data is y.data
    (x * x).sum().backward()
    assert np.array_equal(grad(x), [6.0, 8.0])
