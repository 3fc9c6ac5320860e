"""Arrays reach C: many and small, in whatever order and memory, and one after the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, jit
from autograd.engine.tensor import Array
from autograd.lowering import addresses
from autograd.lowering.addresses import address, located

COUNT = 11


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array


def _unaligned(array: Array) -> Array:
    memory = bytearray(array.nbytes + 1)
    placed = np.frombuffer(memory, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    placed[...] = array
    return placed


MEMORIES: dict[str, Callable[[Array], Array]] = {
    "its own": lambda array: array,
    "read-only": _read_only,
    "columns first": np.asfortranarray,
    "every other": lambda array: np.repeat(array, 2, axis=0)[::2],
    "backwards": lambda array: array[::-1].copy()[::-1],
    "one number for all": lambda array: np.broadcast_to(array[:1, :1], array.shape),
    "unaligned": _unaligned,
    "warns who writes": lambda array: np.broadcast_arrays(array[0], array)[1],
}


def _draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = "f4") -> Array:
    array: Array = (10 * rng.standard_normal(shape)).astype(dtype)
    return array


def folded(arrays: list[Any]) -> Any:
    """All of them matter, each in its way."""
    total = arrays[0]
    for number, array in enumerate(arrays[1:]):
        total = total * 0.5 - array if number % 2 else total + array * 3
    return total


@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize("memory", MEMORIES)
def test_many_small_arrays_in_any_memory(memory: str, rng: np.random.Generator) -> None:
    f, g = jit(folded, backend="c"), jit(folded, backend="numpy")
    for _ in range(3):
        arrays = [MEMORIES[memory](_draw(rng, (3, 4))) for _ in range(COUNT)]
        arrays[2] = _draw(rng, (3, 4))  # one that is as usual among them
        assert np.array_equal(f(arrays).data, g(arrays).data)


@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 3)] * COUNT + [(3,)] * COUNT,
        [(2, 3)] * COUNT + [()] * COUNT + [(2, 1)] * 7,
        [(0, 3)] * COUNT,
        [(2, 256)] * COUNT + [(2, 1)] * COUNT,
    ],
    ids=["two kinds", "some without axes", "empty", "some larger"],
)
@pytest.mark.parametrize(
    "dtype", ["f4", *[pytest.param(d, marks=pytest.mark.slow) for d in ("f8", "i8")]]
)
def test_many_arrays_of_any_shape(
    shapes: list[tuple[int, ...]], dtype: str, rng: np.random.Generator
) -> None:
    f, g = jit(folded, backend="c"), jit(folded, backend="numpy")
    for _ in range(3):
        arrays = [_draw(rng, shape, dtype if i % 5 else "f4") for i, shape in enumerate(shapes)]
        want = g(arrays).data
        assert np.array_equal(f(arrays).data, want)
        assert f(arrays).dtype == want.dtype


def _resized(array: Array) -> None:
    array.resize((40, 40), refcheck=False)
    array.resize((3, 4), refcheck=False)  # elsewhere in memory by now


def _restored(array: Array) -> None:
    array.__setstate__((array + 1).__reduce__()[2])


def _turned(array: Array) -> None:
    other = np.asfortranarray(2 * array)
    array.__setstate__(other.__reduce__()[2])  # in the other order, with the same shape


@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize("change", [_resized, _restored, _turned])
@pytest.mark.parametrize("known", [True, False])
def test_an_array_that_moves_in_memory_is_found_there(
    change: Callable[[Array], None], known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "_LAYOUT_IS_KNOWN", known)
    parameter = Tensor(np.arange(12.0, dtype=np.float32).reshape(3, 4).copy())
    f = jit(lambda x: x * parameter + parameter[0], backend="c")
    x, array = Tensor(np.full((3, 4), 2.0, np.float32)), parameter.data
    for _ in range(3):
        f(x)
    for _ in range(3):
        change(array)
        assert array.shape == (3, 4)
        want = 2 * array + array[0]
        assert np.array_equal(f(x).data, want)
    assert repr(f).endswith("1 program>")


class _Own(np.ndarray[Any, Any]):
    """An array of a class of its own, with more in it."""

    more = 1


@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize("known", [True, False])
def test_arrays_of_other_classes_and_orders_are_among_them(
    known: bool, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr(addresses, "_LAYOUT_IS_KNOWN", known)
    f, g = jit(folded, backend="c"), jit(folded, backend="numpy")
    for odd in range(4):
        arrays = [Tensor(_draw(rng, (3, 4))) for _ in range(4)]
        arrays[odd]._array = arrays[odd].data.view(_Own)
        arrays[(odd + 1) % 4]._array = np.asfortranarray(arrays[odd].data)
        for _ in range(2):
            assert np.array_equal(f(arrays).data, g(arrays).data)


def test_arrays_lie_in_memory_as_their_interface_says() -> None:
    """Where they do not all is slower, and as right."""
    assert addresses.is_layout_known()


def test_another_layout_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_HEAD", addresses._HEAD + 8)
    assert not addresses.is_layout_known()
    monkeypatch.setattr(addresses, "_HEAD", np.ndarray.__basicsize__)
    assert not addresses.is_layout_known()
    monkeypatch.undo()
    monkeypatch.setattr("sys.implementation.name", "other")
    assert not addresses.is_layout_known()


@pytest.mark.usefixtures("in_c")
def test_infinities_and_zeros_are_copied_to_the_bit(rng: np.random.Generator) -> None:
    f, g = jit(folded, backend="c"), jit(folded, backend="numpy")
    special = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-45], np.float32)
    for _ in range(3):
        arrays = [rng.permutation(special) for _ in range(COUNT)]
        with np.errstate(all="ignore"):
            made, want = f(arrays).data, g(arrays).data
        assert np.array_equal(made, want, equal_nan=True)
        assert np.array_equal(np.signbit(made), np.signbit(want))


@pytest.mark.usefixtures("in_c")
def test_threads_do_not_see_each_others_arguments(rng: np.random.Generator) -> None:
    f = jit(folded, backend="c")
    sets = [[_draw(rng, (8, 8)) for _ in range(COUNT)] for _ in range(6)]
    wanted = [jit(folded, backend="numpy")(arrays).data for arrays in sets]
    for arrays in sets[:2]:
        f(arrays)
    with ThreadPoolExecutor(6) as pool:
        for _ in range(20):
            found = pool.map(f, sets)
            assert all(np.array_equal(a.data, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.usefixtures("in_c")
def test_what_is_written_into_an_argument_is_seen(rng: np.random.Generator) -> None:
    f = jit(folded, backend="c")
    arrays = [_draw(rng, (3, 4)) for _ in range(COUNT)]
    for _ in range(4):
        for array in arrays:
            array += 1
        np.testing.assert_allclose(f(arrays).data, folded(arrays), rtol=1e-6)


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", "i1", "u8", "?", ">f4", "M8[s]"])
def test_addresses_are_those_of_numpy(memory: str, dtype: str) -> None:
    for shape in [(3, 4), (1, 1), (1, 7)]:
        array = MEMORIES[memory](np.ones(shape, dtype))
        placed = located(array)
        assert placed.flags.c_contiguous
        assert placed.flags.aligned
        assert (placed is array) == (array.flags.c_contiguous and array.flags.aligned)
        assert np.array_equal(placed, array)
        assert address(placed) == placed.__array_interface__["data"][0]


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_addresses_of_arrays_without_axes_or_elements(shape: tuple[int, ...]) -> None:
    array = np.ones(shape, np.float32)
    assert address(array) == array.__array_interface__["data"][0]


def _tensors(*shapes: tuple[int, ...], dtype: Any = "f4", grads: Any = ()) -> list[Tensor]:
    return [
        Tensor(np.ones(shape, dtype), requires_grad=i in grads) for i, shape in enumerate(shapes)
    ]


_TWICE = Tensor(np.ones(2, np.float32))
APART: list[list[Any]] = [
    _tensors((2,), (2,)),
    _tensors((2,), (2,), dtype="f8"),
    _tensors((2,), (1,)),
    _tensors((1,), (2,)),
    _tensors((2,), (2,), grads={0}),
    _tensors((2,), (2,), grads={1}),
    _tensors((2,), (2,), grads={0, 1}),
    [_TWICE, _TWICE],
    [*_tensors((2,)), *_tensors((2,), dtype="f8")],
    [*_tensors((2,)), np.ones(2, np.float32)],
    [np.ones(2, np.float32), np.ones(2, np.float32)],
    _tensors((2,), (2,), (2,)),
    _tensors((2,)),
    [_tensors((2,), (2,))],
    [_tensors((2,)), _tensors((2,))],
    [*_tensors((2,)), 1],
]


def test_lists_are_told_apart_by_what_is_in_them() -> None:
    def total(arguments: list[Any]) -> Any:
        parts = [part for x in arguments for part in (x if isinstance(x, list) else [x])]
        return sum(parts[1:], parts[0]).sum()

    f = jit(total, backend="numpy")
    for _ in range(2):
        for number, arguments in enumerate(APART):
            found, want = f(arguments), total(arguments)
            assert (float(found), found.dtype) == (float(want), want.dtype), number
            assert found.requires_grad == getattr(want, "requires_grad", False), number
    assert repr(f) == f"<jit of total: {len(APART)} programs>"


def test_a_list_may_be_a_tuple_of_new_tensors_of_the_same_shapes() -> None:
    f: Any = jit(lambda pair: pair[0] + pair[1], backend="numpy")
    for _ in range(3):
        f((*_tensors((2,), (2,)),))
        f(_tensors((2,), (2,)))
    assert "2 programs" in repr(f)


def test_hooks_on_one_of_many_are_run() -> None:
    weights = _tensors(*[(2,)] * 20, grads=range(20))
    seen: list[float] = []
    weights[7].register_hook(lambda g: seen.append(float(g.data[0])))
    f = jit(folded, backend="numpy")
    for _ in range(2):
        f(weights).sum().backward()
    assert len(seen) == 2
