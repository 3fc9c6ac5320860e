"""functional_call beside PyTorch's: results, gradients, what moves where, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import nn
from autograd import Tensor
from nn import functional as F
from nn import functional_call

pytestmark = pytest.mark.oracle

Array = NDArray[Any]


def net(rng: np.random.Generator) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(5, 4, rng=rng), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3, rng=rng)
    )


def twin(torch: Any) -> Any:
    parts = torch.nn.Linear(5, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 3)
    return torch.nn.Sequential(*parts)


@pytest.mark.parametrize("given", ["all", "parameters", "buffers", "some"])
@pytest.mark.parametrize("training", [True, False])
def test_results_gradients_and_buffers_agree(given: str, training: bool) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    model, theirs = net(rng).train(training), twin(torch).train(training)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in model.state_dict().items()})
    names = {
        "all": list(model.state_dict()),
        "parameters": [name for name, _ in model.named_parameters()],
        "buffers": [name for name, _ in model.named_buffers()],
        "some": ["0.weight", "1.running_var", "3.bias"],
    }[given]
    wanted = dict(model.named_parameters())
    values = {
        name: value if value.dtype.kind == "i" else rng.uniform(0.5, 1, value.shape)
        for name, value in net(rng).state_dict().items()
        if name in names
    }
    values = {n: v if v.dtype.kind == "i" else v.astype(np.float32) for n, v in values.items()}
    ours = {n: Tensor(v.copy(), requires_grad=n in wanted) for n, v in values.items()}
    of_torch = {n: torch.tensor(v, requires_grad=n in wanted) for n, v in values.items()}
    x = rng.standard_normal((8, 5)).astype(np.float32)
    labels = rng.integers(0, 3, 8)
    for _ in range(2):
        a = F.cross_entropy(functional_call(model, ours, Tensor(x)), labels)
        out = torch.func.functional_call(theirs, of_torch, (torch.tensor(x),))
        b = torch.nn.functional.cross_entropy(out, torch.tensor(labels))
        if a.requires_grad:
            a.backward()
            b.backward()
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-5)
    for name, tensor in ours.items():
        np.testing.assert_allclose(tensor.data, of_torch[name].detach().numpy(), rtol=1e-5)
        assert (tensor.grad is None) == (of_torch[name].grad is None)
        if tensor.grad is not None:
            np.testing.assert_allclose(tensor.grad.data, of_torch[name].grad, rtol=1e-4, atol=1e-6)
    own = theirs.state_dict()
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(value, own[name].numpy(), rtol=1e-5)


class Tied(nn.Module):
    def __init__(self) -> None:
        self.a = nn.Linear(3, 3)
        self.b = nn.Linear(3, 3, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize("tie_weights", [True, False])
@pytest.mark.parametrize(
    "named", [("a.weight",), ("b.weight",), ("a.weight", "b.weight"), ("a.bias",)]
)
def test_what_is_tied_agrees(named: tuple[str, ...], tie_weights: bool) -> None:
    torch = pytest.importorskip("torch")

    class Theirs(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x))

    model, theirs = Tied(), Theirs()
    theirs.load_state_dict({k: torch.tensor(v) for k, v in model.state_dict().items()})
    rng = np.random.default_rng(3)
    shapes = {"a.weight": (3, 3), "b.weight": (3, 3), "a.bias": (3,)}
    values = {n: rng.standard_normal(shapes[n]).astype(np.float32) for n in named}
    x = rng.standard_normal((2, 3)).astype(np.float32)

    def ours() -> Array:
        return functional_call(model, values, x, tie_weights=tie_weights).data  # type: ignore[no-any-return]

    def of_torch() -> Array:
        tensors = {n: torch.tensor(v) for n, v in values.items()}
        out = torch.func.functional_call(theirs, tensors, torch.tensor(x), tie_weights=tie_weights)
        return out.detach().numpy()  # type: ignore[no-any-return]

    if tie_weights and len(named) == 2:
        for call in (ours, of_torch):
            with pytest.raises(ValueError, match=r"a\.weight.*b\.weight"):
                call()
    else:
        np.testing.assert_allclose(ours(), of_torch(), rtol=1e-5)


def test_what_is_strict_is_refused_as_there() -> None:
    torch = pytest.importorskip("torch")
    model, theirs = net(np.random.default_rng(0)), twin(torch)
    x = np.ones((2, 5), np.float32)
    for name in ("0.wieght", "0.weight"):  # one that is not there, and one without the others
        with pytest.raises(KeyError):
            functional_call(model, {name: np.ones((4, 5), np.float32)}, x, strict=True)
        with pytest.raises(RuntimeError):
            torch.func.functional_call(
                theirs, {name: torch.ones(4, 5)}, torch.tensor(x), strict=True
            )
