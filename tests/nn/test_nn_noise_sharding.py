"""What layers draw and normalise by is the same however many processes share a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from support.layers.ranks import errors_on_ranks, gap, on_ranks

import autograd as ag
import nn
from autograd import Tensor
from autograd.random import Generator
from nn import functional as F
from nn.distributed import (
    Group,
    ShardedGenerator,
    Share,
    synchronize_batch_norm,
    together,
)

Array = np.ndarray[Any, Any]

# --- rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_rows_are_dealt_out_once_and_parts_stay_the_same(size: int, parts: int) -> None:
    for count in [*range(20), 64, 97]:
        shares = [Share(rank, size, parts) for rank in range(size)]
        rows = [share.rows(count) for share in shares]
        assert sorted(np.concatenate(rows)) == list(range(count))
        for part in range(parts):
            own = [r[part::parts] for r in rows]
            # Dealt out in turn: put back one of each at a time, they are in order.
            dealt = [own[i % size][i // size] for i in range(sum(map(len, own)))]
            assert dealt == [i for i in range(count) if i % parts == part]
            assert all(share.part_size(count, part) == len(dealt) for share in shares)


DRAWS: dict[str, Callable[[Generator, Any], Tensor]] = {
    "bernoulli": lambda generator, shape: generator.bernoulli(0.3, shape),
    "uniform": lambda generator, shape: generator.uniform(-1.0, 2.0, shape, np.float32),
    "normal": lambda generator, shape: generator.normal(shape, np.float32),
    "integers": lambda generator, shape: generator.integers(-5, 90, shape),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize(("count", "size"), [(8, 1), (8, 2), (11, 4), (3, 4), (64, 3)])
@pytest.mark.parametrize("rest", [None, (), (5,), (2, 3)])
def test_draws_of_a_batch_are_those_of_one_process(
    draw: Callable[[Generator, Any], Tensor],
    count: int,
    size: int,
    rest: tuple[int, ...] | None,
) -> None:
    def shape(rows: int) -> Any:
        return rows if rest is None else (rows, *rest)

    one = Generator([7, 3])
    expected = [draw(one, shape(count)).numpy() for _ in range(2)]
    drawn = []
    for rank in range(size):
        generator = ShardedGenerator([7, 3], rank, size)
        generator.count = count
        own = len(range(rank, count, size))
        drawn.append([draw(generator, shape(own)).numpy() for _ in range(2)])
        assert generator.state == one.state
    for i, whole in enumerate(expected):
        for rank in range(size):
            assert drawn[rank][i].dtype == whole.dtype
            assert np.array_equal(drawn[rank][i], whole[rank::size])


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_draws_of_other_shapes_are_alike_everywhere(
    draw: Callable[[Generator, Any], Tensor],
) -> None:
    one = Generator(5)
    expected = [draw(one, shape).numpy().tobytes() for shape in [(), (7, 4), 9, (2, 4)]]
    for rank in range(3):
        generator = ShardedGenerator(5, rank, 3)
        generator.count = 12
        assert [
            draw(generator, shape).numpy().tobytes() for shape in [(), (7, 4), 9, (2, 4)]
        ] == expected
        assert generator.state == one.state


def test_draws_that_only_some_would_take_for_their_rows_are_refused() -> None:
    for rank, rows in enumerate((3, 2)):
        generator = ShardedGenerator(5, rank, 2)
        generator.count = 5
        assert generator.normal((rows, 4)).shape == (rows, 4)
        with pytest.raises(ValueError, match=f"with {rows} of 5 rows"):
            generator.normal((5 - rows, 4))


def test_dropout_over_ranks_is_that_of_one_process(rng: np.random.Generator) -> None:
    x = rng.normal(size=(9, 4))
    with ag.random.drawing_from(Generator(11)):
        whole = F.dropout(Tensor(x), 0.4).numpy()

    def program(group: Group) -> Array:
        noise = ShardedGenerator(11, group.rank, group.size)
        noise.count = len(x)
        with ag.random.drawing_from(noise):
            return F.dropout(Tensor(x[group.rank :: group.size]), 0.4).numpy()

    for rank, own in enumerate(on_ranks(4, program)):
        assert np.array_equal(own, whole[rank::4])


# --- batch normalisation -------------------------------------------------------------------------

NORMED = ["y", "x", "weight", "bias", "mean", "var", "count"]


def normed(
    make: Callable[..., nn.Module], batches: Array, affine: Array, dtype: Any, group: Group | None
) -> list[Array | None]:
    """What a layer comes to over some batches: outputs, gradients, running statistics."""
    layer = make(batches.shape[2], sync=group is not None)
    given = [] if layer.weight is None else [layer.weight, layer.bias]
    for p, value in zip(given, affine, strict=False):
        p.rebind(value.astype(dtype))
    for tensor in [layer.running_mean, layer.running_var]:
        tensor.data = tensor.data.astype(dtype)
    ys, xs = [], []
    for batch in batches:
        x = Tensor(batch.astype(dtype), requires_grad=True)
        y = layer(x)
        (y * ag.sin(y + x)).sum().backward()
        ys.append(y.numpy())
        xs.append(x.grad.numpy())
    gradients = [p.grad.numpy() if group is None else group.sum(p.grad.numpy()) for p in given]
    running = [layer.running_mean, layer.running_var, layer.num_batches_tracked]
    return [np.stack(ys), np.stack(xs), *(gradients or [None, None]), *(t.numpy() for t in running)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", [{}, {"momentum": None}, {"affine": False}, {"momentum": 0.5}])
@pytest.mark.parametrize(
    ("kind", "shape", "rows"),
    [
        (nn.BatchNorm2d, (3, 4, 5), [5, 1, 2]),
        (nn.BatchNorm2d, (3, 4, 5), [0, 3, 0, 1]),
        (nn.BatchNorm2d, (3, 1, 1), [1, 1]),
        (nn.BatchNorm1d, (3,), [1, 1, 1]),
        (nn.BatchNorm1d, (3,), [4, 0, 3]),
        (nn.BatchNorm1d, (3, 6), [2, 1]),
    ],
)
def test_batch_norm_over_ranks_is_that_of_the_whole_batch(
    kind: type[nn.Module],
    shape: tuple[int, ...],
    rows: list[int],
    options: dict[str, Any],
    dtype: Any,
    rng: np.random.Generator,
) -> None:
    batches = 1 + 2 * rng.normal(size=(3, sum(rows), *shape))
    affine = rng.normal(size=(2, shape[0]))
    ends = np.cumsum(rows)
    make = partial(kind, **options)
    whole = normed(make, batches, affine, dtype, None)

    def program(group: Group) -> list[Array | None]:
        own = slice(ends[group.rank] - rows[group.rank], ends[group.rank])
        return normed(make, batches[:, own], affine, dtype, group)

    every = on_ranks(len(rows), program)
    limit = 1e-12 if dtype == np.float64 else 1e-6
    for i, name in enumerate(NORMED):
        if i < 2:
            assert gap(np.concatenate([own[i] for own in every], axis=1), whole[i]) < limit, name
        elif whole[i] is None:
            assert not options["affine"]
        else:
            assert len({own[i].tobytes() for own in every}) == 1, name
            assert gap(every[0][i], whole[i]) < limit, name


def test_batch_norm_of_one_value_over_all_ranks_is_refused() -> None:
    layers = [nn.BatchNorm1d(2, sync=True) for _ in range(2)]
    errors = errors_on_ranks(
        2, lambda group: layers[group.rank](Tensor(np.ones((1 - group.rank, 2), np.float32)))
    )
    for error, layer in zip(errors, layers, strict=True):
        assert isinstance(error, ValueError)
        assert "more than one value per channel" in str(error)
        assert layer.num_batches_tracked.item() == 0


def test_batch_norm_talks_only_where_it_must(rng: np.random.Generator) -> None:
    x = Tensor(rng.normal(size=(4, 3, 2, 2)).astype(np.float32))

    def states(layer: nn.Module) -> list[bytes]:
        first = layer(x).numpy().tobytes()
        second = layer.eval()(x).numpy().tobytes()
        return [first, second, *(a.tobytes() for a in layer.state_dict().values())]

    plain = states(nn.BatchNorm2d(3))
    assert states(nn.BatchNorm2d(3, sync=True)) == plain  # no group at all

    def program(group: Group) -> None:
        model = nn.Sequential(nn.BatchNorm2d(3))
        assert synchronize_batch_norm(model) is model
        with together(None):
            assert states(model[0]) == plain
        assert group.traffic == {}
        model(x)  # in evaluation mode
        assert group.traffic == {}
        nn.BatchNorm2d(3, track_running_stats=False, sync=True).eval()(x)  # by its own statistics
        assert group.traffic == {}
        model.train()(x)
        assert set(group.traffic) == {"batch norm", "allreduce"}

    on_ranks(2, program)


def test_what_a_refused_function_has_drawn_is_put_back() -> None:
    noise = ShardedGenerator(0)
    noise.count = 4
    layer = nn.Dropout(0.5)

    @ag.jit
    def total(x: Tensor) -> float:
        noise.count = 2
        noise.uniform(shape=(2,))
        noise.count = 4
        return float(layer(x).sum())

    with ag.random.drawing_from(noise):
        before = noise.state
        with pytest.raises(RuntimeError, match="the numbers of a tensor"):
            total(Tensor(np.ones((4, 2))))
    assert noise.state == before and noise.count == 4
