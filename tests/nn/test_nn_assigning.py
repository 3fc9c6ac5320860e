"""What is assigned to a module or a parameter is found there, or is refused."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Tensor, grad


def layer() -> nn.BatchNorm1d:
    return nn.BatchNorm1d(3)


OVER: dict[str, Callable[[], Any]] = {
    "array": lambda: np.ones(3, np.float32),
    "array of another shape": lambda: np.ones((2, 2)),
    "tensor": lambda: Tensor(np.ones(3, np.float32)),
    "tensor that wants a gradient": lambda: Tensor(np.ones(3), requires_grad=True),
    "computed tensor": lambda: nn.Parameter(np.ones(3)) * 2,
    "number": lambda: 1.0,
    "list": lambda: [1.0, 2.0, 3.0],
    "function": lambda: abs,
}
over = pytest.mark.parametrize("value", OVER.values(), ids=OVER)


@over
@pytest.mark.parametrize(("name", "kind"), [("weight", "Parameter"), ("running_mean", "Buffer")])
def test_over_a_parameter_or_buffer(value: Callable[[], Any], name: str, kind: str) -> None:
    module = layer()
    before, state = getattr(module, name), list(module.state_dict())
    with pytest.raises(TypeError) as caught:
        setattr(module, name, value())
    for word in ("BatchNorm1d", type(value()).__name__, f"'{name}'", kind, ".data", "None"):
        assert word in str(caught.value)
    assert getattr(module, name) is before
    assert list(module.state_dict()) == state


@over
def test_over_a_module(value: Callable[[], Any]) -> None:
    model = nn.Sequential(layer(), nn.ReLU())
    before = model[0]
    with pytest.raises(TypeError, match=r"Sequential: an? \w+ was assigned to '0' over a Module"):
        setattr(model, "0", value())
    with pytest.raises(TypeError, match=r"a Module expected"):
        model[0] = value()
    assert model[0] is before


def test_within_lists_of_modules_too() -> None:
    for model in (
        nn.Sequential(layer(), layer()),
        nn.ModuleList([layer(), layer()]),
        nn.ModuleDict({"a": layer(), "b": layer()}),
    ):
        inner = next(iter(model.children()))
        with pytest.raises(TypeError, match="Tensor was assigned to 'bias' over a Parameter"):
            inner.bias = Tensor(np.zeros(3))
        inner.bias = nn.Parameter(np.full(3, 5, np.float32))
        assert any((p.data == 5).all() for p in model.parameters())
        assert sum(1 for _ in model.parameters()) == 4


def test_what_takes_its_place_is_found() -> None:
    module = layer()
    new = module.weight = nn.Parameter(np.full(3, 7.0))
    assert dict(module.named_parameters())["weight"] is new
    buffer = module.running_mean = nn.Buffer(np.full(3, 7.0))
    assert dict(module.named_buffers())["running_mean"] is buffer
    frozen: Any = nn.Buffer(np.ones(3))
    module.weight = frozen  # of another kind
    assert [name for name, _ in module.named_parameters()] == ["bias"]
    assert dict(module.named_buffers())["weight"] is frozen
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model[0] = nn.Linear(2, 3)
    assert model.state_dict()["0.weight"].shape == (3, 2)


@pytest.mark.parametrize("name", ["weight", "running_mean", "num_batches_tracked"])
def test_none_and_deleting_take_it_away(name: str) -> None:
    for away in (lambda m: setattr(m, name, None), lambda m: delattr(m, name)):
        module = layer()
        away(module)
        assert name not in module.state_dict()
        names = [n for n, _ in [*module.named_parameters(), *module.named_buffers()]]
        assert name not in names
        assert len(names) == 4


def test_other_attributes_are_anybodys() -> None:
    module = layer()
    module.last = None  # type: ignore[attr-defined]
    for value in (Tensor(1.0), np.ones(2), [1, [2, np.ones(2)]], {"a": (Tensor(1.0),)}, [module]):
        module.last = value  # type: ignore[attr-defined]
    module.eps = 1e-3
    assert len(module.state_dict()) == 5


class Holds(nn.Module):
    def __init__(self, value: Any) -> None:
        self.first = nn.Linear(2, 2)
        self.held = value(self.first) if callable(value) else value


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ([nn.Linear(2, 2), nn.Linear(2, 2)], "list that holds a Linear"),
        ((nn.ReLU(),), "tuple that holds a ReLU"),
        ({"a": nn.Linear(2, 2)}, "dict that holds a Linear"),
        ([[nn.Parameter(np.ones(2))]], "list that holds a Parameter"),
        ({"stats": [nn.Buffer(np.ones(2))]}, "dict that holds a Buffer"),
        ({nn.Parameter(np.ones(2))}, "set that holds a Parameter"),
        ([frozenset([nn.Linear(2, 2)])], "list that holds a Linear"),
        (deque([nn.Parameter(np.ones(2))]), "deque that holds a Parameter"),
        (defaultdict(list, a=[{nn.ReLU()}]), "defaultdict that holds a ReLU"),
        (MappingProxyType({"a": nn.ReLU()}), "mappingproxy that holds a ReLU"),
        ({"a": nn.Linear(2, 2)}.values(), "dict_values that holds a Linear"),
        (np.array([nn.ReLU(), None]), "ndarray that holds a ReLU"),
        ([Tensor(1.0, requires_grad=True)], "list that holds a Tensor that wants a gradient"),
        (lambda first: [first, nn.Linear(2, 2)], "list that holds a Linear"),
    ],
)
def test_lists_in_which_they_would_not_be_found(value: Any, named: str) -> None:
    with pytest.raises(TypeError, match=rf"Holds: a {named} was assigned to 'held'.*ModuleList"):
        Holds(value)


def test_a_leaf_that_would_not_be_found() -> None:
    with pytest.raises(TypeError, match=r"Holds: a Tensor that wants a gradient .* a Parameter"):
        Holds(Tensor(np.ones(2), requires_grad=True))

    class Keeps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            self.last, self.all = x, [x]
            return x * 2

    module, x = Keeps(), Tensor(np.ones(2), requires_grad=True)
    module(x).sum().backward()
    assert module.last is x and x.grad is not None
    module.last = module(x)  # a computed tensor, which nobody trains

    def slope(k: Tensor) -> Tensor:
        held: Tensor = Holds(k).held * 3
        return held

    assert float(grad(slope)(2.0)) == 3
    assert nn.LeakyReLU(Tensor(0.1, requires_grad=True)).tensor_options == ("negative_slope",)


@pytest.mark.parametrize(
    "value",
    [nn.Parameter(np.ones(2)), [nn.Buffer(1.0)], nn.ReLU(), Tensor(1.0, requires_grad=True)],
)
def test_attributes_of_a_class_that_would_not_be_found(value: Any) -> None:
    with pytest.raises(TypeError, match=r"Shares: its attribute 'w' is, or holds, an? \w+, which"):
        type("Shares", (nn.Module,), {"w": value})


def test_slots_in_which_they_would_not_be_found() -> None:
    module = type("Slotted", (nn.Module,), {"__slots__": ("w",)})()
    module.w = 1
    for value in (nn.Parameter(np.ones(2)), nn.ReLU(), [nn.Linear(2, 2)]):
        with pytest.raises(TypeError, match=r"Slotted: .* was assigned to 'w' of __slots__, where"):
            module.w = value
    assert module.w == 1


def test_lists_of_what_is_found_already() -> None:
    model = Holds(lambda first: [first, {"w": first.weight}])
    assert list(model.state_dict()) == ["first.weight", "first.bias"]
    assert model.held[0] is model.first


# --- the data of a parameter ---------------------------------------------------------------------


@pytest.mark.parametrize("wants", [True, False])
@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (np.ones(3), TypeError, ["float64 (3,)", "float32 (3,)", "rebind()"]),
        (np.ones(3, np.float16), TypeError, ["float16", "float32"]),
        (np.ones((3, 1), np.float32), ValueError, ["(3, 1)", "(3,)", "rebind()"]),
        (np.float32(1.0), ValueError, ["()", "(3,)"]),
        (np.arange(3), TypeError, ["int64", "float32"]),
        ([1.0, 2.0, 3.0], TypeError, ["float64", "float32"]),
        (Tensor(np.ones(3, np.float32), True) * 1, TypeError, ["history", "array expected"]),
        (None, TypeError, ["numbers expected"]),
        ("abc", TypeError, ["numbers expected"]),
    ],
)
def test_the_data_of_a_parameter_keeps_its_form(
    value: Any, error: type[Exception], words: list[str], wants: bool
) -> None:
    p = nn.Parameter(np.zeros(3, np.float32), requires_grad=wants)
    before = p.data
    with pytest.raises(error) as caught:
        p.data = value
    assert [word for word in words if word not in str(caught.value)] == []
    assert p.data is before
    p.data = new = np.ones(3, np.float32)
    assert p.data is new
    p.rebind(np.ones(2))
    assert (p.shape, p.dtype) == ((2,), np.float64)


class _Scaled(nn.Module):
    def __init__(self) -> None:
        self.scale = nn.Parameter(np.ones(3))
        self.shift: Any = nn.Buffer(np.ones(3))
        self.inner: Any = nn.Linear(3, 3)
        self.bias = None

    def forward(self, x: Any) -> Any:
        out = x * self.scale if self.shift is None else x * self.scale + self.shift
        return self.inner(out)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (lambda: nn.Linear(3, 3), "weight"),
        (lambda: nn.Conv2d(3, 2, 1), "weight"),
        (lambda: nn.Embedding(4, 3), "weight"),
        (_Scaled, "scale"),
        (_Scaled, "inner"),
    ],
)
def test_what_is_wanted_and_was_made_none_is_named(module: Any, name: str) -> None:
    made = module()
    x = np.zeros((2, 3), int) if isinstance(made, nn.Embedding) else np.ones((2, 3))
    x = x.reshape(2, 3, 1, 1) if isinstance(made, nn.Conv2d) else x
    setattr(made, name, None)
    outer = nn.Sequential(made)
    outer.spare = nn.Linear(1, 1)
    outer.spare = None
    for called in (made, outer):
        with pytest.raises(TypeError, match=f"^{type(made).__name__}: '{name}' is None") as caught:
            called(Tensor(x))
        assert caught.value.__cause__ is not None
    setattr(made, name, getattr(module(), name))
    outer(Tensor(x))


def test_what_is_made_none_and_not_wanted_is_not_missed() -> None:
    made = _Scaled()
    made.shift = None
    made.inner.bias = None
    assert made(Tensor(np.ones((2, 3)))).shape == (2, 3)
    with pytest.raises(ValueError, match=r"\(2, 4\)"):
        made(Tensor(np.ones((2, 4))))
    made.inner = nn.Linear(3, 2)
    assert sorted(made.state_dict()) == ["inner.bias", "inner.weight", "scale"]
