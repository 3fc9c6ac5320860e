"""What notebooks show of tensors and modules: well-formed, escaped, small, at any size and of
anything, and no reference kept."""

from __future__ import annotations

import gc
import io
import re
import time
import weakref
from base64 import b64decode
from typing import Any

import numpy as np
import pytest
from support.pages import cells, expect_html

import nn
from autograd import Tensor, checkpoint, exp
from autograd.interop.notebook import number, tensor_html
from autograd.runtime.scopes import scope
from mnist.models import MODELS
from nn.notebook import module_html, summary_html

Array = np.ndarray[Any, Any]


def statistics(html: str, name: str = "values") -> dict[str, str]:
    rows = cells(html)
    return dict(zip(rows[0], next(row for row in rows if row[0] == name), strict=True))


# --- tensors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        2.5,
        np.float16(7),
        True,
        3 - 4j,
        np.nan,
        [],
        np.zeros((0, 3)),
        np.zeros((3, 0, 2)),
        [np.nan, np.nan],
        [np.inf, -np.inf, 0.0],
        [True, False],
        [1 + 2j, np.nan],
        np.full((20, 20), np.nan),
        np.array([-1.7e308, 1.7e308] * 200).reshape(20, 20),
        np.arange(24.0).reshape(2, 3, 4),
        np.arange(1000).reshape(10, 100),
        np.linspace(0, 1, 60000, dtype=np.float16).reshape(200, 300),
        np.arange(40, dtype=np.longdouble),
        np.zeros((1,) * 40),
        np.ones((2,) * 16),
        np.arange(3 * 40 * 40, dtype=np.uint8).reshape(3, 40, 40).transpose(2, 0, 1),
        np.array([2**63 - 1, -(2**63)]),
    ],
)
def test_any_tensor_has_a_small_page(data: Any) -> None:
    html = expect_html(Tensor(data)._repr_html_())
    assert len(html) < 10_000


def test_where_a_tensor_comes_from() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    with scope("net <b>"):
        y = exp(x)
    assert "leaf, requires a gradient" in tensor_html(x)
    assert "computed by <code>exp</code> in net &lt;b&gt;" in expect_html(tensor_html(y))
    assert "constant" in tensor_html(y.detach())
    assert "computed by" in tensor_html(checkpoint(exp)(x))
    y.sum().backward()
    assert "its tape is freed" in tensor_html(y)
    assert statistics(tensor_html(x), "gradient")["max"] == number(np.exp(2.0))


def test_statistics_are_those_of_numpy(rng: np.random.Generator) -> None:
    data = rng.standard_normal((30, 7))
    data[data > 1] = 0
    shown = statistics(tensor_html(Tensor(data)))
    for name, value in (
        ("min", data.min()),
        ("mean", data.mean()),
        ("std", data.std()),
        ("max", data.max()),
    ):
        assert float(shown[name]) == pytest.approx(value, rel=1e-3)
    assert float(shown["zeros"].split()[0]) == pytest.approx(100 * np.mean(data == 0), rel=1e-2)
    assert shown["NaN"] == "-"
    assert shown["of"] == "210"


def test_what_is_not_finite_is_counted_and_does_not_spoil_the_rest() -> None:
    data = np.array([np.nan, np.inf, 1.0, 3.0, 0.0, 0.0, 0.0, 0.0], np.float32)
    shown = statistics(tensor_html(Tensor(data)))
    assert [shown[name] for name in ("min", "max", "NaN", "infinite", "zeros")] == [
        *("0", "3", "12.5 %", "12.5 %", "50 %")
    ]
    rare = np.ones(100_000)
    rare[5] = np.nan
    assert statistics(tensor_html(Tensor(rare)))["NaN"] == "&lt; 0.1 %"


def test_of_a_large_tensor_a_sample_from_all_over_it_is_looked_at() -> None:
    row = np.arange(10_000, dtype=np.float32)
    large = Tensor(np.broadcast_to(row, (10_000, 10_000)))
    started = time.process_time()
    html = tensor_html(large)
    assert time.process_time() - started < 1  # all of it takes several seconds, and 800 MB
    shown = statistics(html)
    assert shown["of"].startswith("a sample of 65,521 of 100,000,000")
    assert float(shown["mean"]) == pytest.approx(row.mean(), rel=0.02)
    assert float(shown["max"]) > 9900
    assert len(html) < 5000


def test_long_tables_are_elided_in_the_middle() -> None:
    html = tensor_html(Tensor(np.arange(30 * 4).reshape(30, 4)))
    table = cells(html.split("</table>")[1] + "</table>")
    assert [row[0] for row in table] == ["", *"0123", "&hellip;", "26", "27", "28", "29"]
    assert table[-1][1:] == ["116", "117", "118", "119"]
    short = tensor_html(Tensor(np.arange(10.0)))
    assert "&hellip;" not in short
    assert cells(short)[-1] == ["", *map(str, range(10))]


def test_numbers_in_short() -> None:
    given = [np.float32(0.1), 123456.0, np.int64(123456), True, np.nan, 1e-9, 1 + 2j]
    assert [number(value) for value in given] == [
        *("0.1", "1.235e+05", "123456", "True", "nan", "1e-09", "1+2j")
    ]


def picture(html: str) -> Array:
    """The grey levels of the picture from 0 to 255, and -1 where it is transparent."""
    image = pytest.importorskip("PIL.Image", reason="Pillow reads the pictures")
    found = re.search(r"data:image/png;base64,([^\"]*)", html)
    assert found is not None
    read = np.asarray(image.open(io.BytesIO(b64decode(found[1]))).convert("LA")).astype(int)
    return np.where(read[..., 1] == 0, -1, read[..., 0])


def test_an_image_is_shown(rng: np.random.Generator) -> None:
    data = rng.uniform(0, 1, (20, 31))
    data[0, 0], data[0, 1], data[0, 2] = 0, 1, np.nan
    shown = picture(tensor_html(Tensor(data)))
    assert shown.shape == data.shape
    assert shown[0, 2] == -1
    known = np.isfinite(data)
    levels = shown[known] / 17  # 16 levels, of which the first is for what is no number
    assert np.abs(levels - (1 + 14 * data[known])).max() <= 0.51


def test_a_stack_of_images_is_shown_side_by_side(rng: np.random.Generator) -> None:
    data = rng.standard_normal((5, 1, 6, 4))
    data[3, 0, 2, 1] = 9
    shown = picture(tensor_html(Tensor(data)))
    assert shown.shape == (6, 5 * 4 + 4)
    assert (shown[:, 4::5] == -1).all()  # between them
    assert np.argwhere(shown == 255).tolist() == [[2, 3 * 5 + 1]]
    many = tensor_html(Tensor(rng.standard_normal((500, 1, 28, 28))))
    assert "10 of 500 images" in many
    assert picture(many).shape == (28, 10 * 29 - 1)


def test_what_is_no_image_is_not_shown_as_one(rng: np.random.Generator) -> None:
    for shape in ((10, 10), (10, 3136), (12, 100), (5,), (2, 2, 50), (4, 5000, 5000)):
        assert "<img" not in tensor_html(Tensor(np.broadcast_to(rng.random(shape[-1]), shape)))
    assert "<img" not in tensor_html(Tensor(np.zeros((20, 20))))


def test_a_page_keeps_no_tensor_alive() -> None:
    x = Tensor(np.ones((30, 30)), requires_grad=True)
    y = exp(x)
    gone = weakref.ref(x), weakref.ref(y)
    gc.disable()
    try:
        pages = x._repr_html_(), y._repr_html_()
        del x, y
        assert [reference() for reference in gone] == [None, None]
    finally:
        gc.enable()
    assert all(pages)


# --- modules -------------------------------------------------------------------------------------


class Odd(nn.Module):
    """A module whose extra_repr fails, that holds a tensor twice, and itself."""

    def __init__(self) -> None:
        self.weight = nn.Parameter(np.ones((2, 3)))
        self.tied = self.weight
        self.frozen = nn.Parameter(np.ones(5), requires_grad=False)
        self.me = self
        vars(self)["<script>"] = nn.ReLU()

    def extra_repr(self) -> str:
        raise ZeroDivisionError


def test_a_module_is_a_tree_with_totals(rng: np.random.Generator) -> None:
    model = MODELS["basic"](rng)
    html = expect_html(model._repr_html_())
    count = sum(p.size for p in model.parameters())
    assert f"{count:,} parameters in {4 * count:,} bytes" in html
    assert "training mode" in html
    assert "evaluation mode" in module_html(model.eval())
    for name, child in model.named_children():
        assert f"{name}: <b>{type(child).__name__}</b>({child.extra_repr()})" in html
    for name, tensor in model.state_dict().items():
        own = name.rpartition(".")[2]
        assert re.search(rf"(parameter|buffer) {own} &middot; {re.escape(str(tensor.shape))}", html)
    assert html.count("<details") == 1 + 3  # the layers that hold anything
    assert len(html) < 5000


def test_odd_modules_are_shown_all_the_same() -> None:
    html = expect_html(module_html(Odd()))
    assert "11 parameters in 88 bytes, 5 of them frozen" in html
    assert "extra_repr raised ZeroDivisionError" in html
    assert "parameter tied &middot; (2, 3) &middot; float64 &middot; the same as weight" in html
    assert "the whole again" in html
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_a_large_model_is_cut_and_counted_whole() -> None:
    model = nn.Sequential(*[nn.Linear(2, 3) for _ in range(1000)])
    html = expect_html(module_html(model))
    assert "9,000 parameters" in html
    assert "and 901 more modules" in html
    assert len(html) < 60_000


def test_a_model_nested_deeper_than_calls_may_be() -> None:
    model: nn.Module = nn.Linear(2, 3)
    for _ in range(3000):
        model = nn.Sequential(model)
    html = module_html(model)
    assert "9 parameters" in html
    assert "and 2,901 more modules" in html
    while isinstance(model, nn.Sequential):  # from the top, or freeing it is as deep
        model = model[0]


def test_a_summary_has_the_numbers_of_its_text(rng: np.random.Generator) -> None:
    summary = nn.summary(MODELS["basic"](rng), (1, 1, 28, 28))
    rows = cells(expect_html(summary_html(summary)))
    printed = [re.split(r"\s{2,}", line) for line in str(summary).splitlines() if line[0] != "-"]
    assert [[cell for cell in row if cell] for row in rows] == printed
