"""Checkpoints: what the function reads is known, and is the same when it is computed again."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad, leaf

import autograd as ag
from autograd import Tensor, checkpoint, no_grad
from autograd.random import Generator, drawing_from


def closing_over(x: Tensor, wrapped: bool) -> Tensor:
    y = ag.sin(ag.cos(x))
    f: Callable[[Tensor], Tensor] = lambda a: a * y  # noqa: E731
    return (checkpoint(f) if wrapped else f)(x)


def test_what_it_closes_over_within_a_transform() -> None:
    plain = ag.grad(lambda x: closing_over(x, False))(Tensor(0.7))
    kept = ag.grad(lambda x: closing_over(x, True))(Tensor(0.7))
    assert_allclose(kept.data, plain.data, rtol=1e-15)
    at_one = ag.grad(lambda x: closing_over(x, True))(Tensor(0.8))
    expected = np.sin(np.cos(0.8)) - 0.8 * np.cos(np.cos(0.8)) * np.sin(0.8)
    assert_allclose(at_one.data, expected, rtol=1e-14)


@pytest.mark.parametrize("transform", [ag.hessian, lambda f: ag.grad(ag.grad(f))])
def test_what_it_closes_over_to_the_second_order(transform: Any) -> None:
    plain = transform(lambda x: closing_over(x, False))(Tensor(0.7))
    kept = transform(lambda x: closing_over(x, True))(Tensor(0.7))
    assert_allclose(kept.data, plain.data, rtol=1e-14)


def test_what_it_closes_over_by_jvp_and_vjp() -> None:
    _, tangent = ag.jvp(lambda x: closing_over(x, True), [Tensor(0.7)], [Tensor(1.0)])
    _, pull = ag.vjp(lambda x: closing_over(x, True), Tensor(0.7))
    plain = ag.grad(lambda x: closing_over(x, False))(Tensor(0.7))
    assert_allclose(tangent.data, plain.data, rtol=1e-14)
    assert_allclose(pull(Tensor(1.0))[0].data, plain.data, rtol=1e-14)


def test_a_result_may_be_what_was_read() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = w * w
    a, b, c = checkpoint(lambda t: (t, y, t * w))(x)
    (a * 5 + b * 7 + c).backward()
    assert (grad(x), grad(w)) == (5 + 3, 7 * 6 + 2)


def test_what_no_gradient_is_asked_of_is_not_computed_again() -> None:
    runs = []

    @ag.primitive
    def squared(x: Any) -> Any:
        runs.append(x.item())
        return x * x

    squared.defvjp(lambda g, out, x: g * x * 2)
    x = leaf(2.0)
    f = checkpoint(lambda x, y: squared(x) * 1.0 + squared(y) * 0.0)
    (checkpoint(squared)(Tensor(3.0)) * x + f(x, Tensor(5.0))).backward()
    assert grad(x) == 9 + 4
    assert runs == [3, 2, 5, 2, 5]
    checkpoint(lambda x: [squared(x * 2), x * 3.0][1])(x).backward()
    assert runs[5:] == [4]  # nothing that is returned hangs on it


def test_a_result_may_hold_more_than_tensors_with_gradients() -> None:
    x = leaf(2.0)
    result = checkpoint(lambda x: {"y": x * x, "n": 3, "of": ("what", None), "i": ag.argmax(x)})(x)
    assert (result["n"], result["of"]) == (3, ("what", None))
    assert (result["i"].item(), result["i"].requires_grad) == (0, False)
    outs: list[Any] = []
    with ag.sweep_hook(lambda record, g: outs.append(record.out)):
        result["y"].backward()
    assert grad(x) == 4
    assert (4, 3, "what", None, 0) in outs  # what the record says of its results


def test_arguments_may_be_trees_and_keywords() -> None:
    x, y, z = leaf(2.0), leaf(3.0), leaf(5.0)
    f = checkpoint(lambda pair, *, by: pair[0] * pair[1]["y"] * by["z"])
    f((x, {"y": y}), by={"z": z}).backward()
    assert (grad(x), grad(y), grad(z)) == (15, 10, 6)
    x.grad = None
    power = checkpoint(lambda x, n, *, factor, also: x**n * factor[0] + also)
    power(x, 3, factor=np.array([5.0]), also=1.0).backward()
    assert grad(x) == 60


# --- as it was in the forward pass ----------------------------------------------------------------


def test_arguments_and_parameters_are_as_they_were() -> None:
    x, w, c = leaf(2.0), leaf(3.0), Tensor(5.0)
    y = checkpoint(lambda x, c: ag.square(w * x * c))(x, c)
    for tensor in (x, w, c):
        tensor.data = np.array(100.0)
    y.backward()
    assert (grad(x), grad(w)) == (2 * 30 * 15, 2 * 30 * 10)
    assert (x.item(), w.item(), c.item()) == (100, 100, 100)


def test_a_result_that_was_read_within_another_checkpoint_is_as_it_was() -> None:
    x, w = leaf(2.0), leaf(3.0)
    inner = checkpoint(lambda x: (x * x, w))
    y = checkpoint(lambda x: ag.multiply(*inner(x)))(x)
    w.data = np.array(100.0)
    y.backward()
    assert (grad(x), grad(w)) == (4 * 3, 4)


def test_a_parameter_that_no_longer_wants_a_gradient_had_one_then() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = checkpoint(lambda x: x * w)(x)
    w.requires_grad = False
    y.backward()
    assert grad(x) == 3


def test_a_transform_within_differentiates_by_a_tensor_as_it_was() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = checkpoint(lambda x: x * ag.grad(lambda t: t**3)(w))(x)  # 3 x w^2
    w.requires_grad = False
    y.backward()
    assert (grad(x), grad(w)) == (27, 36)


def test_numbers_read_from_a_tensor_are_as_they_were() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = checkpoint(lambda x: x * x.data * w.data)(x)
    x.data = w.data = np.array(7.0)
    y.backward()
    assert grad(x) == 6


# --- noise ----------------------------------------------------------------------------------------


def noise_of(draw: Callable[[], Tensor], backward: Callable[[Callable[[], None]], None]) -> None:
    """Draws within a checkpoint; `backward` runs what it is given in whatever surroundings."""
    seen: list[Tensor] = []

    def noisy(x: Tensor) -> Tensor:
        noise = draw()
        seen.append(noise)  # not its numbers: these would be kept
        return x * noise

    x = Tensor(np.ones(20), requires_grad=True)
    y = checkpoint(noisy)(x).sum()
    draw()  # moves on whatever is drawn from
    backward(lambda: y.backward())
    assert len(seen) == 1
    assert_array_equal(grad(x), seen[0].data)


def _here(run: Callable[[], None]) -> None:
    run()


def _on_a_thread(run: Callable[[], None]) -> None:
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def _drawing_from_another(run: Callable[[], None]) -> None:
    with drawing_from(Generator(99)):
        run()


def _seeded_anew(run: Callable[[], None]) -> None:
    ag.random.seed(123)
    run()


@pytest.mark.parametrize("backward", [_here, _on_a_thread, _drawing_from_another, _seeded_anew])
def test_noise_is_the_same_wherever_backward_runs(
    backward: Callable[[Callable[[], None]], None],
) -> None:
    own, shared = Generator(1), np.random.default_rng(2)
    first, second = Generator(shared), Generator(shared)
    with drawing_from(Generator(3)):  # the thread's own stays as it is
        noise_of(lambda: ag.random.default_generator().normal(20), backward)
        noise_of(lambda: own.uniform(shape=20), backward)
        noise_of(lambda: first.normal(20) + second.normal(20) * first.normal(20), backward)


def test_the_backward_pass_moves_no_generator_on() -> None:
    source = Generator(5)
    x = Tensor(np.ones(4), requires_grad=True)
    y = checkpoint(lambda x: x * source.normal(4))(x)
    state = source.state
    y.sum().backward()
    assert source.state == state


def test_noise_of_a_checkpoint_within_a_checkpoint() -> None:
    source, seen = Generator(7), []

    def inner(x: Tensor) -> Tensor:
        seen.append(source.normal(4))
        return x * seen[-1]

    def outer(x: Tensor) -> Tensor:
        return checkpoint(inner)(x * source.normal(4)) * source.normal(4)

    x = Tensor(np.ones(4), requires_grad=True)
    value = checkpoint(outer)(x)
    value.sum().backward()
    assert_allclose(grad(x), value.data)
    assert len(seen) == 1


# --- what belongs to somebody else ----------------------------------------------------------------


def _of_a_transform(z: Tensor, y: Tensor) -> None:
    ag.grad(lambda a: ag.sum(checkpoint(lambda b: ag.sin(b) * y)(a)))(z)


def _of_the_callers_tensor(z: Tensor, y: Tensor) -> None:
    ag.grad(lambda a: y.sum())(z)


def _of_a_value(z: Tensor, y: Tensor) -> None:
    ag.value_and_grad(lambda a: (a * y).sum() + y.sum())(z)


def _of_a_jacobian(z: Tensor, y: Tensor) -> None:
    ag.jacobian(lambda a: a * y)(z)


def _of_a_product(z: Tensor, y: Tensor) -> None:
    ag.hvp(lambda a: (a * a * y).sum(), [z], [z])


uses = pytest.mark.parametrize(
    "use", [_of_a_transform, _of_the_callers_tensor, _of_a_value, _of_a_jacobian, _of_a_product]
)


@uses
@pytest.mark.parametrize("recorded", [False, True])
def test_nothing_of_the_callers_graph_is_freed(
    use: Callable[[Tensor, Tensor], None], recorded: bool
) -> None:
    x, z = leaf(0.3, 0.7), leaf(0.1, 0.2)
    y = x * 2
    if recorded:
        use(z, y)
    else:
        with no_grad():
            use(z, y)
    (y * y).sum().backward()
    assert_allclose(grad(x), 8 * x.data)


@uses
def test_no_hook_of_the_caller_runs_and_no_grad_is_left(
    use: Callable[[Tensor, Tensor], None],
) -> None:
    x, z = leaf(0.3, 0.7), Tensor([0.1, 0.2])
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: pytest.fail("a hook of the caller ran"))
    use(z, y)
    assert y.grad is None
    assert x.grad is None


def test_a_checkpoint_within_no_grad_frees_nothing() -> None:
    x = leaf(0.3)
    y = ag.exp(x)
    with no_grad():
        checkpoint(lambda a: a * y)(y)
    checkpoint(lambda a: a * y)(y).backward(retain_graph=True)
    x.grad = None
    y.backward()
    assert_allclose(grad(x), np.exp(0.3))


def test_what_older_graphs_freed_is_nobodys_concern() -> None:
    y = leaf(1.0)
    z = y * y * 3
    z.backward()
    assert ag.grad(lambda q: q * q * z.detach())(Tensor(1.0)).item() == 6
    assert ag.grad(lambda q: q * q * z)(Tensor(1.0)).item() == 6


# --- transforms within checkpoints within transforms ----------------------------------------------


def test_a_transform_by_what_a_checkpoint_closes_over() -> None:
    W, x = leaf(2.0), leaf(5.0)
    f = checkpoint(lambda y: ag.grad(lambda w: w**3)(W) * y)  # 12 y
    with no_grad():
        assert ag.grad(f)(Tensor(5.0)).item() == 12
    assert checkpoint(lambda x: ag.grad(f)(x) * x)(x).item() == 60
    y = checkpoint(lambda x: ag.grad(lambda w: w**3)(W) * x)(x)
    W.requires_grad = False
    y.backward()
    assert (grad(x), grad(W)) == (12, 60)


def test_an_argument_that_an_inner_checkpoint_closes_over() -> None:
    x, c = leaf(3.0), Tensor(5.0)
    out = checkpoint(lambda x, c: checkpoint(lambda y: y * y * c)(x))(x, c)
    c.data = np.array(100.0)
    out.backward()
    assert grad(x) == 30


def test_checkpoints_within_checkpoints() -> None:
    w = leaf(2.0)
    f = checkpoint(lambda x: checkpoint(lambda y: y * y * w)(x))
    with no_grad():
        assert ag.grad(f)(Tensor(3.0)).item() == 12
    x = leaf(2.0)
    checkpoint(lambda z: checkpoint(lambda a: (w, a * 2))(z)[1])(x).backward()
    assert grad(x) == 2
    nested = ag.hvp(lambda z: checkpoint(lambda y: f(y) * w)(z), [Tensor(3.0)], [Tensor(1.0)])
    assert nested.item() == 8


# --- arguments and results ------------------------------------------------------------------------


def test_the_shape_of_an_argument_is_as_it_was() -> None:
    w, x = leaf(1.0, 2.0, 3.0), Tensor(np.ones((4, 3)))
    y = checkpoint(lambda x: (w * x).sum() / x.shape[0] / x.size)(x)
    x.data = np.ones((2, 3))
    y.backward()
    assert_allclose(grad(w), np.full(3, 1 / 12))


def test_lists_of_arguments_may_grow_afterwards() -> None:
    x = leaf(1.0, 2.0)
    features = [x]
    f = checkpoint(lambda several: ag.square(ag.stack(several).sum(axis=0)))
    for _ in range(2):
        features.append(f(features))
    features[-1].sum().backward()
    # f1 = x^2, f2 = (x + x^2)^2
    assert_allclose(grad(x), 2 * (x.data + x.data**2) * (1 + 2 * x.data))


def test_the_same_tensor_twice() -> None:
    x = leaf(3.0)
    checkpoint(lambda a, b: a * a * b)(x, x).backward()
    assert grad(x) == 27


def test_results_that_would_lose_their_gradient_are_refused() -> None:
    class Holder:
        def __init__(self, a: Tensor) -> None:
            self.a = a

    with pytest.raises(TypeError, match=r"checkpoint\(<lambda>\): the function returned Holder"):
        checkpoint(lambda x: Holder(x * x))(leaf(2.0))


def test_where_nothing_wants_a_gradient_nothing_is_recorded() -> None:
    assert not checkpoint(lambda x: x * 2)(Tensor(1.0)).requires_grad
    assert checkpoint(lambda x: (x, 3, None, "a", np.ones(2)))(leaf(1.0))[1:4] == (3, None, "a")


def test_after_backward_a_loss_holds_nothing() -> None:
    x = Tensor(np.ones(1000), requires_grad=True)
    h = x
    for _ in range(5):
        h = checkpoint(ag.exp)(h * 1e-3)
    held = weakref.ref(h)
    loss = checkpoint(ag.sum)(h)
    del h
    loss.backward()
    assert held() is None
    assert loss.item() > 0


def test_debug_mode_sees_what_is_written_to_a_checkpoints_argument() -> None:
    x = leaf(1.0, 2.0)
    with ag.debug():
        a = x * 1.0
        y = checkpoint(lambda a: (a * a).sum())(a)
        a.data[:] = 5
        with pytest.raises(RuntimeError, match=r"argument 0 of 'checkpoint.*was written to"):
            y.backward()


# --- noise, again ---------------------------------------------------------------------------------


def _made_inside(source: np.random.Generator, g: Generator, state: Any) -> Tensor:
    return Generator(source).normal(20)


def _set_between(source: np.random.Generator, g: Generator, state: Any) -> Tensor:
    first = g.normal(20)
    g.state = state
    return first + g.normal(20)


def _read_and_set(source: np.random.Generator, g: Generator, state: Any) -> Tensor:
    before = g.state
    first = g.normal(20)
    g.state = before
    return first * g.normal(20)


def _copied(source: np.random.Generator, g: Generator, state: Any) -> Tensor:
    other = Generator()
    other.state = g.state
    return other.normal(20)


def _seeded(source: np.random.Generator, g: Generator, state: Any) -> Tensor:
    ag.random.seed(5)
    return ag.random.default_generator().normal(20)


@pytest.mark.parametrize("draw", [_made_inside, _set_between, _read_and_set, _copied, _seeded])
def test_generators_that_the_function_sets_up(draw: Callable[..., Tensor]) -> None:
    source, g = np.random.default_rng(3), Generator(4)
    state = Generator(6).state
    with drawing_from(Generator(3)):
        noise_of(lambda: draw(source, g, state), _here)
