"""What Module promises: names, modes, state dicts, conversion, and how it prints."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_loops import gradients, zeros

import nn
from autograd import Tensor

Array = NDArray[Any]
Generator = np.random.Generator
Pair = tuple[int, int]


class Block(nn.Module):
    """A module in whose attributes the kinds are mixed, to tell their order."""

    def __init__(self, rng: Generator) -> None:
        self.offset = nn.Buffer(np.zeros(3, np.float32))
        self.inner = nn.Linear(3, 3, rng=rng)
        self.scale = nn.Parameter(np.ones(3, np.float32))
        self.constant = Tensor(np.ones(3, np.float32))
        self.absent = None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.inner(x)
        return y * self.scale + self.offset


def nested(rng: Generator) -> nn.Sequential:
    return nn.Sequential(Block(rng), nn.ReLU(), nn.Sequential(nn.Linear(3, 2, rng=rng)))


def test_names_are_dotted_and_in_the_order_of_attributes(rng: Generator) -> None:
    model = nested(rng)
    assert [name for name, _ in model.named_parameters()] == [
        *("0.scale", "0.inner.weight", "0.inner.bias", "2.0.weight", "2.0.bias"),
    ]
    assert [name for name, _ in model.named_buffers()] == ["0.offset"]
    assert list(model.state_dict()) == [
        *("0.offset", "0.scale", "0.inner.weight", "0.inner.bias", "2.0.weight", "2.0.bias"),
    ]
    assert [name for name, _ in model.named_modules()] == ["", "0", "0.inner", "1", "2", "2.0"]
    assert [name for name, _ in model.named_children()] == ["0", "1", "2"]
    named = [parameter for _, parameter in model.named_parameters()]
    assert [id(p) for p in model.parameters()] == [id(p) for p in named]
    assert all(p.requires_grad for p in named)
    assert not any(b.requires_grad for _, b in model.named_buffers())


def test_a_shared_parameter_is_met_once(rng: Generator) -> None:
    first, second = nn.Linear(3, 3, rng=rng), nn.Linear(3, 3, rng=rng)
    second.weight = first.weight
    model = nn.Sequential(first, second, first)
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(model.modules())) == 3
    # Its gradient is the sum of what every use asks for.
    x = rng.standard_normal((2, 3)).astype(np.float32)
    model(Tensor(x)).sum().backward()
    w, b, c = (p.data for p in model.parameters())
    one = x @ w.T + b
    two = one @ w.T + c
    g = np.ones((2, 3), np.float32)
    expected = g.T @ two + (g @ w).T @ one + (g @ w @ w).T @ x
    assert first.weight.grad is not None
    np.testing.assert_allclose(first.weight.grad.data, expected, rtol=1e-4)


def test_modes_reach_all_modules(rng: Generator) -> None:
    model = nested(rng)
    assert all(module.training for module in model.modules())
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert model.train() is model
    assert all(module.training for module in model.modules())


def test_zero_grad_forgets(rng: Generator) -> None:
    model = nested(rng)
    model(zeros(2, 3)).sum().backward()
    assert any(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_a_state_dict_goes_round(rng: Generator) -> None:
    model, other = nested(rng), nested(rng)
    x = Tensor(rng.standard_normal((4, 3), np.float32))
    before = model(x).data
    assert not np.allclose(other(x).data, before)
    state = model.state_dict()
    other.load_state_dict(state)
    np.testing.assert_array_equal(other(x).data, before)
    for array in state.values():
        array[...] = 7  # copies both ways: neither model sees it
    np.testing.assert_array_equal(model(x).data, before)
    np.testing.assert_array_equal(other(x).data, before)


def test_load_state_dict_converts_to_the_dtypes_of_the_model(rng: Generator) -> None:
    model = nested(rng)
    state = {name: array.astype(np.float64) for name, array in model.state_dict().items()}
    model.load_state_dict(state)
    assert {array.dtype for array in model.state_dict().values()} == {np.dtype(np.float32)}


def assert_unchanged(model: nn.Module, before: dict[str, Array]) -> None:
    after = model.state_dict()
    assert list(after) == list(before)
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, strict=True, err_msg=name)


def test_strict_loading_names_what_is_missing_and_unexpected(rng: Generator) -> None:
    model = nested(rng)
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    state["3.weight"] = state.pop("2.0.weight")
    with pytest.raises(KeyError, match=r"missing \['2\.0\.weight'\], unexpected \['3\.weight'\]"):
        model.load_state_dict(state)
    with pytest.raises(KeyError, match=r"into Sequential: unexpected \['3\.weight'\];"):
        model.load_state_dict({**before, "3.weight": state["3.weight"]})
    with pytest.raises(KeyError, match=r"into Sequential: missing \['2\.0\.bias'\];"):
        model.load_state_dict({k: v for k, v in before.items() if k != "2.0.bias"})
    assert_unchanged(model, before)
    model.load_state_dict(state, strict=False)
    after = model.state_dict()
    np.testing.assert_array_equal(after["2.0.weight"], before["2.0.weight"])
    np.testing.assert_array_equal(after["2.0.bias"], before["2.0.bias"] + 1)


@pytest.mark.parametrize("strict", [True, False])
def test_a_shape_that_differs_changes_nothing(strict: bool, rng: Generator) -> None:
    model = nested(rng)
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    state["2.0.bias"] = np.zeros(1, np.float32)  # the last; it would broadcast
    with pytest.raises(ValueError, match=r"'2\.0\.bias' has shape \(1,\).* \(2,\) expected"):
        model.load_state_dict(state, strict)
    assert_unchanged(model, before)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "NoneType"),
        (np.full(2, None), "object"),
        (["1", "2"], "list"),
        (np.array(["1", "2"]), "<U1"),
        (np.array([1, 2], "M8[D]"), "datetime64"),
        (np.ma.masked_less([1.0, 2.0], 1.5), "a masked array"),
        (np.array([1, 2j]), "complex128; real numbers of float32"),
    ],
)
def test_a_state_of_no_real_numbers_changes_nothing(
    value: object, words: str, rng: Generator
) -> None:
    model = nested(rng)
    before = model.state_dict()
    state = {**{name: array + 1 for name, array in before.items()}, "2.0.bias": value}
    with pytest.raises(TypeError, match=rf"load_state_dict: '2\.0\.bias' is .*{words}"):
        model.load_state_dict(state)
    assert_unchanged(model, before)


def test_a_buffer_of_integers_takes_whole_numbers_alone() -> None:
    module = Block(np.random.default_rng(0))
    module.offset = nn.Buffer(np.array(0))
    module.load_state_dict({"offset": 3.0}, strict=False)
    assert module.offset.data.dtype.kind == "i" and module.offset.item() == 3
    for value in (0.5, np.nan, np.inf):
        with pytest.raises(TypeError, match="'offset' is float64, of numbers that int64 does not"):
            module.load_state_dict({"offset": value}, strict=False)


def test_to_converts_what_is_floating() -> None:
    norm = nn.BatchNorm2d(2)
    assert norm.to(np.float64) is norm
    dtypes = {name: array.dtype for name, array in norm.state_dict().items()}
    assert dtypes.pop("num_batches_tracked") == np.int64
    assert set(dtypes.values()) == {np.dtype(np.float64)}
    x = Tensor(np.arange(16.0).reshape(2, 2, 2, 2), requires_grad=True)
    norm(x).sum().backward()
    assert {g.dtype for g in gradients(norm)} == {np.dtype(np.float64)}


def test_to_refuses_a_pending_gradient_and_changes_nothing(rng: Generator) -> None:
    model = nested(rng)
    before = model.state_dict()
    list(model.parameters())[-1].grad = zeros(2)
    with pytest.raises(RuntimeError, match=r"'2\.0\.bias' has a gradient of float32"):
        model.to(np.float64)
    assert_unchanged(model, before)


def test_to_refuses_a_dtype_that_has_no_gradients(rng: Generator) -> None:
    model = nested(rng)
    before = model.state_dict()
    with pytest.raises(TypeError, match="int64"):
        model.to(np.int64)  # it would round all weights to 0
    assert_unchanged(model, before)


def test_a_deep_copy_has_gradients_of_its_own(rng: Generator) -> None:
    model = nn.Linear(3, 2, rng=rng)
    twin = copy.deepcopy(model)
    twin(zeros(1, 3)).sum().backward()
    assert all(p.grad is not None for p in twin.parameters())
    assert all(p.grad is None for p in model.parameters())


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Empty defines no forward"):
        type("Empty", (nn.Module,), {})()(zeros(1))


def test_repr_shows_the_tree() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 2, (3, 2), padding=1, bias=False),
        nn.Sequential(nn.BatchNorm2d(2), nn.MaxPool2d(2)),
        nn.Linear(8, 3),
    )
    assert repr(model) == "\n".join(
        [
            "Sequential(",
            "  (0): Conv2d(1, 2, kernel_size=(3, 2), stride=1, padding=1, dilation=1, bias=False)",
            "  (1): Sequential(",
            "    (0): BatchNorm2d(2, eps=1e-05, momentum=0.1)",
            "    (1): MaxPool2d(2, stride=2, padding=0)",
            "  )",
            "  (2): Linear(8, 3, bias=True)",
            ")",
        ]
    )
    assert [repr(m) for m in (nn.ReLU(), nn.Softmax(1))] == ["ReLU()", "Softmax(dim=1)"]


def test_modules_are_their_own_after_a_change_of_mode(rng: Generator) -> None:
    # So that a model built in one expression keeps its type.
    model = nested(rng)
    assert model.to(np.float64).train().eval().zero_grad().requires_grad_() is model


def test_requires_grad_freezes_and_thaws(rng: Generator) -> None:
    model = nested(rng)
    model[0].requires_grad_(False)
    model(zeros(2, 3)).sum().backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == {
        *("2.0.weight", "2.0.bias")
    }
    assert all(p.requires_grad for p in model.requires_grad_().parameters())


def test_apply_reaches_every_module_from_the_leaves_up(rng: Generator) -> None:
    model, met = nested(rng), []
    names = {id(module): name for name, module in model.named_modules()}
    assert model.apply(lambda module: met.append(names[id(module)])) is model
    assert sorted(met) == sorted(names.values())
    assert met.index("0.inner") < met.index("0") < met.index("")
    assert met.index("2.0") < met.index("2")
