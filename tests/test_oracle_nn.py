"""nn against PyTorch: the project's nets, their training, and every function over its arguments.

What is compared is the largest difference over the largest value. float32 has 24 bits, so that
sums of some hundred terms in another order differ by about 1e-6 of the largest; 1e-5 leaves no
room for a wrong term. float64 has 29 bits more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autograd as ag
import nn
from autograd import Tensor
from nn import functional as F
from nn.optim import SGD
from nn.schedule import OneCycleLR

pytestmark = pytest.mark.oracle

Array = NDArray[Any]
Generator = np.random.Generator


# torch's first optimizer does so for every later one; `sealed` would blame the test that made it.
@pytest.fixture(scope="module", autouse=True)
def environment_that_torch_sets() -> None:
    torch = pytest.importorskip("torch")
    torch.optim.SGD([torch.zeros(1, requires_grad=True)])


@pytest.fixture
def plain_kernels(torch: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """torch's own convolution: im2col and a matrix product, as ours.

    By default oneDNN computes it, whose float32 weight gradients, summed over all pixels of a
    batch, are up to 2e-4 from those in float64, where ours and torch's own are within 5e-6; and
    NNPACK, by transforms that break ties of maxima.
    """
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    with torch.backends.nnpack.flags(enabled=False):
        yield


TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-10}
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


def assert_agree(ours: Any, theirs: Any, tolerance: float | None = None, name: str = "") -> None:
    """Ours, a Tensor or array, is theirs, a tensor of torch, but for rounding."""
    assert ours is not None and theirs is not None, name
    a, b = np.asarray(getattr(ours, "data", ours)), theirs.detach().numpy()
    assert (a.shape, a.dtype) == (b.shape, b.dtype), name
    limit = TOLERANCE[a.dtype] if tolerance is None else tolerance
    difference = np.abs(a - b).max(initial=0.0)
    assert difference <= limit * np.abs(b).max(initial=0.0), name


def both(torch: Any, *arrays: Array) -> tuple[list[Tensor], list[Any]]:
    """Leaves with the same values, here and there."""
    ours = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    return ours, [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]


def assert_function_agrees(
    torch: Any, rng: Generator, ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: Array
) -> None:
    """The value, and under a random cotangent the gradient of every argument."""
    x, x_ = both(torch, *arrays)
    y, y_ = ours(*x), theirs(*x_)
    assert_agree(y, y_, name="value")
    cotangent = rng.standard_normal(y.shape).astype(y.dtype)
    y.backward(cotangent)
    y_.backward(torch.from_numpy(np.asarray(cotangent)))
    for i, (a, b) in enumerate(zip(x, x_, strict=True)):
        assert_agree(a.grad, b.grad, name=f"gradient of argument {i}")


# --- the nets ------------------------------------------------------------------------------------


def basic(rng: Generator) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2, bias=False, rng=rng),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 14 * 14, 10, rng=rng),
    )


def deep(rng: Generator) -> nn.Sequential:
    layers: list[nn.Module] = []
    for block in ((1, 8), (8, 8)), ((8, 16), (16, 16)):
        for channels in block:
            layers += [nn.Conv2d(*channels, 3, padding=1, bias=False, rng=rng)]
            layers += [nn.BatchNorm2d(channels[1]), nn.ReLU()]
        layers += [nn.MaxPool2d(2)]
    layers += [nn.Flatten(), nn.Linear(16 * 7 * 7, 32, rng=rng), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(32, 10, rng=rng))


NETS: dict[str, Callable[[Generator], nn.Sequential]] = {"basic": basic, "deep": deep}


def twin(torch: Any, module: nn.Module) -> Any:
    """The same architecture in torch, with values of its own."""
    if isinstance(module, nn.Sequential):
        return torch.nn.Sequential(*(twin(torch, child) for child in module))
    if isinstance(module, nn.Conv2d):
        outputs, inputs, *window = module.weight.shape
        places = module.stride, module.padding, module.dilation
        return torch.nn.Conv2d(inputs, outputs, window, *places, bias=module.bias is not None)
    if isinstance(module, nn.Linear):
        return torch.nn.Linear(*module.weight.shape[::-1], bias=module.bias is not None)
    if isinstance(module, nn.BatchNorm2d):
        return torch.nn.BatchNorm2d(module.num_features, module.eps, module.momentum)
    if isinstance(module, nn.MaxPool2d):
        return torch.nn.MaxPool2d(module.kernel_size, module.stride, module.padding)
    return getattr(torch.nn, type(module).__name__)()


def twins(torch: Any, net: str, rng: Generator, dtype: Any) -> tuple[nn.Sequential, Any]:
    """A net and its copy in torch, of the same values, with BatchNorm's parameters moved a bit."""
    model = NETS[net](rng)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.weight is not None and module.bias is not None
            # Multiples of 1/16, of either sign of the bias: half of the ReLUs are at 0.
            size = module.num_features
            module.weight.data = (rng.integers(8, 25, size) / 16).astype(np.float32)
            module.bias.data = (rng.integers(-8, 9, size) / 16).astype(np.float32)
    model.to(dtype)
    copy = twin(torch, model).to(torch_dtype(torch, dtype))
    give_state(torch, copy, model)
    return model, copy


def torch_dtype(torch: Any, dtype: Any) -> Any:
    return {np.dtype(np.float32): torch.float32, np.dtype(np.float64): torch.float64}[
        np.dtype(dtype)
    ]


def give_state(torch: Any, copy: Any, model: nn.Module) -> None:
    copy.load_state_dict({k: torch.from_numpy(v) for k, v in model.state_dict().items()})


def digits(rng: Generator, n: int, dtype: Any) -> Array:
    """Images of noise on an empty background, as the digits' is."""
    images = np.zeros((n, 1, 28, 28), dtype)
    images[:, :, 5:22, 6:24] = rng.random((n, 1, 17, 18))
    return images


def few_levels(rng: Generator, n: int, dtype: Any) -> Array:
    """Images of three grey levels in tiles of 2x2: neighbouring windows see the same, and tie."""
    return rng.integers(0, 3, (n, 1, 14, 14)).repeat(2, 2).repeat(2, 3).astype(dtype) / 2


def first_weight(model: nn.Sequential) -> nn.Parameter:
    assert isinstance(model[0], nn.Conv2d)
    return model[0].weight


def coarsen(parameter: nn.Parameter) -> None:
    """Round weights to eighths: with images of few levels, all sums are exact, and many tie."""
    parameter.data = np.round(parameter.data * 8) / 8


@DTYPES
@pytest.mark.parametrize("net", NETS)
def test_a_state_dict_moves_to_torch_and_back(
    torch: Any, net: str, dtype: Any, rng: Generator
) -> None:
    model, copy = twins(torch, net, rng, dtype)
    assert list(model.state_dict()) == list(copy.state_dict())
    assert [k for k, _ in model.named_parameters()] == [k for k, _ in copy.named_parameters()]
    assert [k for k, _ in model.named_buffers()] == [k for k, _ in copy.named_buffers()]
    x = digits(rng, 4, dtype)
    # A step in training, so that counts and running statistics have moved as well.
    model(Tensor(x))
    copy(torch.from_numpy(x))
    returned = NETS[net](rng).to(dtype)
    returned.load_state_dict(copy.state_dict())
    for name, value in copy.state_dict().items():
        np.testing.assert_array_equal(returned.state_dict()[name], value.numpy(), strict=True)
    assert_agree(returned.eval()(Tensor(x)), copy.eval()(torch.from_numpy(x)))
    give_state(torch, copy, model)


def test_shared_modules_and_parameters_have_torchs_names(torch: Any, rng: Generator) -> None:
    shared, tied = nn.Linear(3, 3, rng=rng), nn.Linear(3, 3, rng=rng)
    tied.weight = shared.weight
    model = nn.Sequential(shared, nn.ReLU(), shared, tied)
    shared_, tied_ = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    tied_.weight = shared_.weight
    copy = torch.nn.Sequential(shared_, torch.nn.ReLU(), shared_, tied_)
    assert [k for k, _ in model.named_parameters()] == [k for k, _ in copy.named_parameters()]
    assert list(model.state_dict()) == list(copy.state_dict())


def far_from_kinks(model: nn.Sequential, draw: Callable[[], Array]) -> Array:
    """Images that leave it to no rounding which side of a kink is taken.

    A float32 of order 1 is off by some 1e-7 after a few layers. A ReLU's argument nearer to 0 than
    that, or two values nearer than that in a window of a pool, decide about a whole gradient.
    Values that tie exactly are welcome.
    """
    exact = deepcopy(model)
    exact.to(np.float64)
    for _ in range(50):
        images = draw()
        x, nearest = Tensor(images.astype(np.float64)), np.inf
        for module in exact:
            if isinstance(module, nn.ReLU):
                nearest = min(nearest, np.abs(x.data).min())
            if isinstance(module, nn.MaxPool2d):
                ordered = np.sort(quarters(x.data), axis=0)
                gaps = (ordered[3] - ordered[2])[ordered[3] > 0]
                nearest = min(nearest, gaps[gaps > 1e-12].min())
            with ag.no_grad():
                x = module(x)
        if nearest > 3e-6:
            return images
    raise AssertionError("no images far from all kinks")


def quarters(x: Array) -> Array:
    """The four pixels of each window of 2x2, along a new first axis."""
    return np.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)])


def assert_gradients_agree(
    torch: Any, model: nn.Module, copy: Any, x: Array, rng: Generator
) -> None:
    """Loss and every gradient, with torch's in the same precision and with torch's in float64."""
    classes = rng.integers(0, 10, len(x))
    loss = F.cross_entropy(model(Tensor(x)), classes)
    loss.backward()
    for dtype in {x.dtype, np.dtype(np.float64)}:
        copy = copy.to(torch_dtype(torch, dtype))
        copy.zero_grad()
        scores_ = copy(torch.from_numpy(x.astype(dtype)))
        loss_ = torch.nn.functional.cross_entropy(scores_, torch.from_numpy(classes))
        loss_.backward()
        theirs = {name: parameter.grad for name, parameter in copy.named_parameters()}
        of = f"with torch's {dtype}"
        assert_agree(loss, loss_.to(torch_dtype(torch, x.dtype)), name=f"loss {of}")
        for name, parameter in model.named_parameters():
            grad_ = theirs.pop(name).to(torch_dtype(torch, x.dtype))
            assert_agree(parameter.grad, grad_, name=f"{name} {of}")
        assert not theirs


@DTYPES
@pytest.mark.parametrize("net", NETS)
@pytest.mark.usefixtures("plain_kernels")
def test_every_parameters_gradient(torch: Any, net: str, dtype: Any, rng: Generator) -> None:
    model, copy = twins(torch, net, rng, dtype)
    x = far_from_kinks(model, lambda: digits(rng, 8, dtype))
    assert_gradients_agree(torch, model, copy, x, rng)


@DTYPES
@pytest.mark.parametrize("net", NETS)
@pytest.mark.usefixtures("plain_kernels")
def test_every_parameters_gradient_where_maxima_tie(
    torch: Any, net: str, dtype: Any, rng: Generator
) -> None:
    model, copy = twins(torch, net, rng, dtype)
    coarsen(first_weight(model))
    give_state(torch, copy, model)
    x = far_from_kinks(model, lambda: few_levels(rng, 8, dtype))
    y = model[2](model[1](model[0](Tensor(x)))).data
    peaks = quarters(y).max(axis=0)
    ties = (quarters(y) == peaks).sum(axis=0) > 1
    # Else this would be no other test than the one before.
    assert (ties & (peaks > 0)).mean() > 0.01
    assert (ties & (peaks == 0)).mean() > 0.01
    assert_gradients_agree(torch, model, copy, x, rng)


@DTYPES
@pytest.mark.parametrize("momentum", [0.1, 0.9, None])
def test_batch_norm_buffers_after_ten_steps(
    torch: Any, momentum: float | None, dtype: Any, rng: Generator
) -> None:
    norm = nn.BatchNorm2d(6, momentum=momentum).to(dtype)
    norm_ = torch.nn.BatchNorm2d(6, momentum=momentum).to(torch_dtype(torch, dtype))
    for _ in range(10):
        x = (2 * rng.standard_normal((8, 6, 7, 5)) + 1).astype(dtype)
        norm(Tensor(x))
        norm_(torch.from_numpy(x))
    for name, value in norm_.state_dict().items():
        tolerance = 0 if name == "num_batches_tracked" else None
        assert_agree(norm.state_dict()[name], value, tolerance, name)
    assert norm.state_dict()["num_batches_tracked"] == 10
    x = rng.standard_normal((8, 6, 7, 5)).astype(dtype)
    assert_agree(norm.eval()(Tensor(x)), norm_.eval()(torch.from_numpy(x)))


@pytest.mark.parametrize("net", NETS)
def test_ten_steps_of_training(torch: Any, net: str, rng: Generator) -> None:
    # In float64 only: rounding decides ReLUs near 0, and training carries that on.
    model, copy = twins(torch, net, rng, np.float64)
    optimizer = SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
    optimizer_ = torch.optim.SGD(copy.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
    for _ in range(10):
        x, classes = digits(rng, 4, np.float64), rng.integers(0, 10, 4)
        optimizer.zero_grad()
        optimizer_.zero_grad()
        F.cross_entropy(model(Tensor(x)), classes).backward()
        y = copy(torch.from_numpy(x))
        torch.nn.functional.cross_entropy(y, torch.from_numpy(classes)).backward()
        optimizer.step()
        optimizer_.step()
    state = model.state_dict()
    for name, value in copy.state_dict().items():
        assert_agree(state[name], value, 1e-10, name)


# --- SGD -----------------------------------------------------------------------------------------

# Both take the same steps, each of four roundings of at most 2^-24 (6e-8) of the largest number.
# Where the loss is convex and the steps are short, differences do not grow on the way, so that 50
# steps add up to at most 50 * 4 * 6e-8 = 1.2e-5 of the largest, were all errors of one sign.
TRAJECTORY_TOLERANCE = {np.float32: 1.2e-5, np.float64: 1e-10}

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "decay": {"weight_decay": 0.05},
    "dampening": {"momentum": 0.8, "dampening": 0.4},
    "momentum-decay-dampening": {"momentum": 0.8, "dampening": 0.4, "weight_decay": 0.05},
    "nesterov-decay": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
}


@DTYPES
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_sgd_takes_torchs_trajectory(
    torch: Any, settings: dict[str, Any], dtype: Any, rng: Generator
) -> None:
    A, b = rng.standard_normal((6, 4)).astype(dtype), rng.standard_normal(6).astype(dtype)
    start = rng.standard_normal(4).astype(dtype)
    p, q = nn.Parameter(start.copy()), nn.Parameter(start.copy())
    p_, q_ = (torch.from_numpy(start.copy()).requires_grad_() for _ in range(2))
    optimizer = SGD([p, q], lr=0.02, **settings)
    optimizer_ = torch.optim.SGD([p_, q_], lr=0.02, **settings)
    for step in range(50):
        optimizer.zero_grad()
        optimizer_.zero_grad()
        # q has no gradient in two steps of three: its velocity and decay have to wait.
        for r, r_ in [(p, p_), (q, q_)][: 1 + (step % 3 == 0)]:
            residual, residual_ = A @ r - b, torch.from_numpy(A) @ r_ - torch.from_numpy(b)
            ag.sqrt(residual**2 + 1).sum().backward()  # convex and smooth
            torch.sqrt(residual_**2 + 1).sum().backward()
        optimizer.step()
        optimizer_.step()
        for name, r, r_ in (("p", p, p_), ("q", q, q_)):
            assert_agree(r, r_, TRAJECTORY_TOLERANCE[dtype], f"{name} at step {step}")
    assert not np.allclose(p.data, start)


# --- OneCycleLR ----------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize(
    ("total_steps", "pct_start"),
    [
        (total_steps, pct_start)
        for total_steps in (1, 2, 3, 4, 7, 10, 61)
        for pct_start in (0.0, 0.1, 0.3, 0.5, 0.85, 1.0)
        if total_steps * pct_start != 1  # torch divides by zero where one step rises
    ],
)
@pytest.mark.parametrize("factors", [(25.0, 1e4), (3.0, 0.5)], ids=str)
def test_one_cycle_has_torchs_rates(
    torch: Any, strategy: Any, pct_start: float, total_steps: int, factors: tuple[float, float]
) -> None:
    div_factor, final_div_factor = factors
    arguments: dict[str, Any] = {
        "max_lr": 0.07,
        "total_steps": total_steps,
        "pct_start": pct_start,
        "anneal_strategy": strategy,
        "div_factor": div_factor,
        "final_div_factor": final_div_factor,
    }
    optimizer = SGD([nn.Parameter([0.0])])
    optimizer_ = torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    schedule = OneCycleLR(optimizer, **arguments)
    schedule_ = torch.optim.lr_scheduler.OneCycleLR(optimizer_, cycle_momentum=False, **arguments)
    for step in range(total_steps):
        theirs = optimizer_.param_groups[0]["lr"]
        assert optimizer.lr == pytest.approx(theirs, rel=1e-12, abs=0), step
        optimizer_.step()  # torch warns of a schedule that steps before its optimizer
        schedule.step()
        if step < total_steps - 1:
            schedule_.step()


# --- functions -----------------------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("stride", [1, 2, (1, 3)], ids=str)
@pytest.mark.parametrize("padding", [0, 2, (1, 0)], ids=str)
@pytest.mark.parametrize("dilation", [1, 2, (2, 1)], ids=str)
@pytest.mark.parametrize("window", [(3, 3), (1, 1), (2, 4)], ids=str)
def test_conv2d(
    torch: Any, window: Any, stride: Any, padding: Any, dilation: Any, dtype: Any, rng: Generator
) -> None:
    shapes = (3, 2, 9, 8), (4, 2, *window), (4,)
    arrays = [rng.standard_normal(s).astype(dtype) for s in shapes]
    places: Any = stride, padding, dilation
    conv2d = torch.nn.functional.conv2d
    assert_function_agrees(
        torch, rng, lambda *a: F.conv2d(*a, *places), lambda *a: conv2d(*a, *places), *arrays
    )


@DTYPES
@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize("window", [2, 3, (3, 2), 5], ids=str)
@pytest.mark.parametrize("stride", [None, 1, 2, (2, 3)], ids=str)
@pytest.mark.parametrize("padding", [0, 1], ids=str)
def test_max_pool2d(
    torch: Any, window: Any, stride: Any, padding: int, tied: bool, dtype: Any, rng: Generator
) -> None:
    shape = (3, 2, 9, 8)
    # All below zero, so that a border of zeros would show.
    x = -rng.integers(1, 3, shape) if tied else -rng.random(shape)
    max_pool2d = torch.nn.functional.max_pool2d
    assert_function_agrees(
        torch,
        rng,
        lambda x: F.max_pool2d(x, window, stride, padding),
        lambda x: max_pool2d(x, window, stride, padding),
        x.astype(dtype),
    )


@DTYPES
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "untracked"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize("shape", [(7, 3), (4, 3, 5), (4, 3, 6, 5)], ids=str)
@pytest.mark.parametrize(("momentum", "eps"), [(0.1, 1e-5), (0.7, 1e-2)])
def test_batch_norm(
    torch: Any,
    shape: tuple[int, ...],
    affine: bool,
    tracked: bool,
    training: bool,
    momentum: float,
    eps: float,
    dtype: Any,
    rng: Generator,
) -> None:
    x, w, b = (rng.standard_normal(s).astype(dtype) for s in (shape, (3,), (3,)))
    x = 2 * x + 1
    mean, var = rng.standard_normal(3).astype(dtype), (1 + rng.random(3)).astype(dtype)
    buffers: Any = [Tensor(mean.copy()), Tensor(var.copy())] if tracked else [None, None]
    buffers_ = [torch.from_numpy(a.copy()) for a in (mean, var)] if tracked else [None, None]
    # Without statistics, torch's module uses the batch's in evaluation too; so does our function.
    batched = training or not tracked
    batch_norm = torch.nn.functional.batch_norm
    assert_function_agrees(
        torch,
        rng,
        lambda x, w=None, b=None: F.batch_norm(
            x, buffers[0], buffers[1], w, b, training, momentum, eps
        ),
        lambda x, w=None, b=None: batch_norm(x, *buffers_, w, b, batched, momentum, eps),
        *([x, w, b] if affine else [x]),
    )
    if tracked:
        assert_agree(buffers[0], buffers_[0], name="running mean")
        assert_agree(buffers[1], buffers_[1], name="running variance")


@DTYPES
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("scale", [1, 30], ids=["mild", "steep"])
def test_cross_entropy(
    torch: Any, reduction: Any, scale: float, dtype: Any, rng: Generator
) -> None:
    classes = rng.integers(0, 10, 16)
    cross_entropy = torch.nn.functional.cross_entropy
    assert_function_agrees(
        torch,
        rng,
        lambda x: F.cross_entropy(x, classes, reduction),
        lambda x: cross_entropy(x, torch.from_numpy(classes), reduction=reduction),
        (scale * rng.standard_normal((16, 10))).astype(dtype),
    )


@DTYPES
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dim", [0, 1, 2, -1])
@pytest.mark.parametrize("scale", [1, 30], ids=["mild", "steep"])
def test_softmax(torch: Any, name: str, dim: int, scale: float, dtype: Any, rng: Generator) -> None:
    assert_function_agrees(
        torch,
        rng,
        lambda x: getattr(F, name)(x, dim),
        lambda x: getattr(torch.nn.functional, name)(x, dim),
        (scale * rng.standard_normal((4, 5, 6))).astype(dtype),
    )


@DTYPES
@pytest.mark.parametrize("leading", [(), (5,), (2, 3)], ids=str)
def test_linear(torch: Any, leading: tuple[int, ...], dtype: Any, rng: Generator) -> None:
    shapes = (*leading, 7), (4, 7), (4,)
    arrays = [rng.standard_normal(s).astype(dtype) for s in shapes]
    assert_function_agrees(torch, rng, F.linear, torch.nn.functional.linear, *arrays)


@DTYPES
def test_relu_with_zeros(torch: Any, dtype: Any, rng: Generator) -> None:
    x = rng.integers(-1, 2, (8, 9)).astype(dtype)
    assert_function_agrees(torch, rng, F.relu, torch.nn.functional.relu, x)
