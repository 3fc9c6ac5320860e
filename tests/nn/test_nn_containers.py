"""Containers of modules, hooks on their forward, and the table of a model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.layers.nn_loops import zeros

import nn
from autograd import Tensor
from mnist.models import MODELS
from nn import functional as F

Generator = np.random.Generator


# --- containers ----------------------------------------------------------------------------------


def test_sequential_is_a_sequence_of_modules(rng: Generator) -> None:
    layers = [nn.Linear(3, 3, rng=rng), nn.ReLU(), nn.Flatten()]
    model = nn.Sequential(*layers)
    assert len(model) == 3
    assert list(model) == layers
    assert model[0] is layers[0]
    assert model[-1] is layers[2]
    with pytest.raises(IndexError):
        model[3]
    x = zeros(1)
    assert nn.Sequential()(x) is x


def test_sequential_refuses_what_is_no_module() -> None:
    # A function left out in silence makes another network.
    with pytest.raises(TypeError, match=r"Sequential: .*function"):
        nn.Sequential(nn.Flatten(), F.relu)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [nn.ModuleList, lambda modules: nn.Sequential(*modules)])
def test_a_list_of_modules_changes_like_a_list(kind: Callable[..., Any]) -> None:
    modules = [nn.ReLU(), nn.Tanh(), nn.Flatten(), nn.Identity()]
    found, expected = kind(modules[:2]), modules[:2]

    def assert_same() -> None:
        assert list(found) == expected
        assert [name for name, _ in found.named_children()] == [
            str(i) for i in range(len(expected))
        ]

    assert_same()
    assert found.append(modules[2]) is found
    expected.append(modules[2])
    assert_same()
    found.insert(1, modules[3])
    expected.insert(1, modules[3])
    assert_same()
    del found[0]
    del expected[0]
    assert_same()
    found[-1] = expected[-1] = nn.SiLU()
    assert_same()
    more = [nn.ELU(), nn.GELU()]
    assert found.extend(more) is found
    expected.extend(more)
    assert_same()
    part = found[1:4:2]
    assert type(part) is type(found)
    assert list(part) == expected[1:4:2]
    del found[1:3]
    del expected[1:3]
    assert_same()
    with pytest.raises(TypeError, match=r"argument 3 is a int, a Module expected"):
        found.append(3)
    with pytest.raises(IndexError):
        found[17]
    assert_same()


def test_names_in_the_place_of_numbers(rng: Generator) -> None:
    model = nn.Sequential({"dense": nn.Linear(3, 2, rng=rng), "act": nn.ReLU()})
    assert list(model.state_dict()) == ["dense.weight", "dense.bias"]
    assert model(zeros(4, 3)).shape == (4, 2)


def test_lists_and_dicts_are_found_by_the_module_that_holds_them(rng: Generator) -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            self.branches = nn.ModuleList(nn.Linear(3, 3, rng=rng) for _ in range(2))
            self.heads = nn.ModuleDict({"a": nn.Linear(3, 1, bias=False, rng=rng)})
            self.heads["b"] = nn.Linear(3, 2, bias=False, rng=rng)

        def forward(self, x: Tensor) -> list[Tensor]:
            for branch in self.branches:
                x = branch(x)
            return [head(x) for head in self.heads.values()]

    model = Branches()
    assert list(model.state_dict()) == [
        *("branches.0.weight", "branches.0.bias", "branches.1.weight", "branches.1.bias"),
        *("heads.a.weight", "heads.b.weight"),
    ]
    assert [y.shape for y in model(zeros(5, 3))] == [(5, 1), (5, 2)]
    assert not any(module.training for module in model.eval().modules())
    heads = model.heads
    assert (len(heads), list(heads), "a" in heads, "c" in heads) == (2, ["a", "b"], True, False)
    assert dict(heads.items()) == {name: heads[name] for name in heads}
    del heads["a"]
    assert list(heads) == ["b"]
    heads["b"] = replacement = nn.Identity()
    assert list(heads.values()) == [replacement]
    for missing in (lambda: heads["a"], lambda: heads.__delitem__("a")):
        with pytest.raises(KeyError, match="a"):
            missing()


@pytest.mark.parametrize("name", ["", "a.b", "forward", "training"])
def test_a_dict_of_modules_refuses_names_that_are_taken(name: str) -> None:
    with pytest.raises(KeyError, match=f"ModuleDict: '{name}'"):
        nn.ModuleDict({name: nn.Identity()})


def test_a_dict_of_modules_refuses_what_is_no_module() -> None:
    with pytest.raises(TypeError, match=r"ModuleDict: argument f is a function"):
        nn.ModuleDict({"f": F.relu})  # type: ignore[dict-item]


# --- hooks ---------------------------------------------------------------------------------------


def test_hooks_see_arguments_and_results(rng: Generator) -> None:
    layer, seen = nn.Linear(3, 2, rng=rng), []
    layer.register_forward_pre_hook(lambda *call: seen.append(call))
    layer.register_forward_hook(lambda *call: seen.append(call))
    x = zeros(4, 3)
    y = layer(x)
    assert [len(call) for call in seen] == [2, 3]
    assert seen[0] == (layer, (x,))
    module, args, output = seen[1]
    assert module is layer and args[0] is x and output is y


def test_what_a_hook_returns_takes_the_place() -> None:
    layer = nn.Identity()
    layer.register_forward_pre_hook(lambda module, args: args[0] + 1)
    layer.register_forward_pre_hook(lambda module, args: (args[0] * 10,))
    layer.register_forward_pre_hook(lambda module, args: None)
    assert layer(Tensor(2.0)).item() == 30
    layer.register_forward_hook(lambda module, args, output: output - args[0] + 0.5)
    layer.register_forward_hook(lambda module, args, output: None)
    layer.register_forward_hook(lambda module, args, output: output * 4)
    assert layer(Tensor(2.0)).item() == 2
    layer.register_forward_hook(lambda module, args, output: output + 1, prepend=True)
    layer.register_forward_pre_hook(lambda module, args: args[0] * 3, prepend=True)
    assert layer(Tensor(2.0)).item() == 6  # the output is 70, and the first to see it adds 1
    calls: list[str] = []
    layer.register_forward_pre_hook(lambda *_: calls.append("last"))
    layer.register_forward_pre_hook(lambda *_: calls.append("first"), prepend=True)
    layer(Tensor(0.0))
    assert calls == ["first", "last"]


def test_hooks_with_keywords() -> None:
    class Scaled(nn.Module):
        def forward(self, x: float, *, by: float = 1.0) -> float:
            return x * by

    layer = Scaled()
    plain: list[Any] = []
    layer.register_forward_pre_hook(lambda module, args: plain.append(args))
    assert layer(3.0, by=2.0) == 6
    assert plain == [(3.0,)]
    layer.register_forward_pre_hook(
        lambda module, args, kwargs: (args, kwargs | {"by": 5.0}), with_kwargs=True
    )
    assert layer(3.0, by=2.0) == 15
    layer.register_forward_hook(
        lambda module, args, kwargs, output: (output, kwargs["by"]), with_kwargs=True
    )
    assert layer(3.0, by=2.0) == (15, 5)
    layer.register_forward_pre_hook(lambda module, args, kwargs: (1, 2, 3), with_kwargs=True)
    with pytest.raises(TypeError, match=r"Scaled: a forward pre-hook .* returned tuple"):
        layer(3.0)


def test_a_hook_is_removed_by_its_handle() -> None:
    layer, calls = nn.Identity(), []

    def note(*call: Any) -> None:
        calls.append(len(call))

    first, second = layer.register_forward_hook(note), layer.register_forward_hook(note)
    layer(zeros(1))
    assert calls == [3, 3]
    first.remove()
    first.remove()  # takes no other's hook away
    layer(zeros(1))
    assert calls == [3, 3, 3]
    second.remove()
    with layer.register_forward_pre_hook(note):
        layer(zeros(1))
    layer(zeros(1))
    assert calls == [3, 3, 3, 2]


def test_a_hook_may_remove_itself_and_belongs_to_one_module() -> None:
    layer, other, calls = nn.Identity(), nn.Identity(), []

    def once(*_: Any) -> None:
        calls.append(1)
        handle.remove()

    handle = layer.register_forward_hook(once)
    layer.register_forward_hook(lambda *_: calls.append(2))
    other(zeros(1))
    layer(zeros(1))
    layer(zeros(1))
    assert calls == [1, 2, 2]


def test_a_copy_has_its_hooks_to_itself() -> None:
    layer, calls = nn.Identity(), []
    handle = layer.register_forward_hook(lambda *_: calls.append(1))
    twin = copy.deepcopy(layer)
    handle.remove()
    layer(zeros(1))
    assert calls == []
    twin(zeros(1))
    assert calls == [1]


# --- summary -------------------------------------------------------------------------------------

# Of each convolution and Linear: output shape, parameters, multiply-adds of one image.
COSTS: dict[str, list[tuple[tuple[int, ...], int, int]]] = {
    "basic": [
        ((1, 16, 28, 28), 16 * 25, 28 * 28 * 16 * 25),
        ((1, 10), 16 * 14 * 14 * 10 + 10, 16 * 14 * 14 * 10),
    ],
    "deep": [
        ((1, 16, 28, 28), 16 * 9, 28 * 28 * 16 * 9),
        ((1, 16, 28, 28), 16 * 16 * 9, 28 * 28 * 16 * 16 * 9),
        ((1, 32, 14, 14), 32 * 16 * 9, 14 * 14 * 32 * 16 * 9),
        ((1, 32, 14, 14), 32 * 32 * 9, 14 * 14 * 32 * 32 * 9),
        ((1, 64, 7, 7), 64 * 32 * 9, 7 * 7 * 64 * 32 * 9),
        ((1, 10), 64 * 3 * 3 * 10 + 10, 64 * 3 * 3 * 10),
    ],
}


@pytest.mark.parametrize("name", COSTS)
def test_summary_of_the_networks_for_mnist(name: str, rng: Generator) -> None:
    model = MODELS[name](rng)
    table = nn.summary(model, (1, 1, 28, 28))
    assert [row.name for row in table.rows] == [str(i) for i in range(len(model))]
    assert [row.kind for row in table.rows] == [type(module).__name__ for module in model]
    costly = [row for row in table.rows if row.multiply_adds]
    found = [(row.output_shape, row.parameters, row.multiply_adds) for row in costly]
    assert found == COSTS[name]
    total = {"basic": 31_802, "deep": 40_794}[name]
    assert table.parameters == sum(row.parameters for row in table.rows) == total
    assert table.multiply_adds == sum(cost for _, _, cost in COSTS[name])
    twice = nn.summary(model, (2, 1, 28, 28))
    assert (twice.parameters, twice.multiply_adds) == (total, 2 * table.multiply_adds)


def test_summary_prints_a_table() -> None:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, groups=2), nn.Flatten(), nn.Sequential(nn.Linear(36, 1000))
    )
    assert str(nn.summary(model, (5, 2, 5, 5))).splitlines() == [
        "layer                output shape  parameters  multiply-adds",
        "------------------------------------------------------------",
        "0           Conv2d   (5, 4, 3, 3)          40          1,620",
        "1           Flatten  (5, 36)                0              0",
        "2.0         Linear   (5, 1000)         37,000        180,000",
        "------------------------------------------------------------",
        "Sequential                             37,040        181,620",
    ]


def test_summary_leaves_the_model_as_it_was(rng: Generator) -> None:
    model = nn.Sequential(nn.Linear(3, 3, rng=rng), nn.BatchNorm1d(3), nn.Dropout())
    assert isinstance(model[0], nn.Module)
    model[0].eval()
    before, modes = model.state_dict(), [module.training for module in model.modules()]
    nn.summary(model, (4, 3))
    with pytest.raises(ValueError, match="linear"):
        nn.summary(model, (4, 5))
    assert [module.training for module in model.modules()] == modes == [True, False, True, True]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_summary_counts_what_is_shared_once(rng: Generator) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Linear(3, 3, rng=rng)
            self.scale = nn.Parameter(np.ones(3, np.float32))

        def forward(self, x: Tensor) -> tuple[Tensor, str]:
            return self.inner(self.inner(x)) * self.scale, "and more"

    table = nn.summary(Scaled(), (2, 3))
    assert [(r.name, r.kind, r.output_shape, r.parameters) for r in table.rows] == [
        ("Scaled", "Scaled", None, 3),
        ("inner", "Linear", (2, 3), 12),
        ("inner", "Linear", (2, 3), 0),
    ]
    assert table.parameters == 15
    assert table.multiply_adds == 2 * 2 * 9


def test_summary_of_a_model_that_takes_integers() -> None:
    model = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 2))
    table = nn.summary(model, (3, 5), dtype=np.int64)
    assert [row.output_shape for row in table.rows] == [(3, 5, 4), (3, 5, 2)]
    assert [row.multiply_adds for row in table.rows] == [0, 3 * 5 * 4 * 2]
