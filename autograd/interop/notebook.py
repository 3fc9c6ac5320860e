"""What a notebook shows of a Tensor: where it comes from, its numbers in short, and a picture.

The HTML is a few kilobytes at any size of tensor: of large ones a sample is looked at. It takes its
colours from the page around it, light or dark.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice
from math import ceil, sqrt
from struct import pack
from typing import Any

import numpy as np

from autograd.engine.tape import Leaf, Output, Record, Refusal
from autograd.engine.tensor import Array, Tensor

_ALL = 2**20  # elements up to which statistics are of all of them,
_SAMPLE = 65_521  # and of how many otherwise; a prime, so that they fall into all columns
_WHOLE, _EDGE = 10, 4  # rows and columns up to which all are shown, and how many at each end if not
_PIXELS, _TILES = 8192, 32  # of a picture
_SIDE = 1024  # pixels, of what still counts as an image
_WIDTH = 300  # pixels on the screen, about
_LEVELS = 15  # of grey; a sixteenth is transparent


def tensor_html(tensor: Tensor) -> str:
    """HTML that describes a tensor. It keeps nothing of it, and computes nothing expensive."""
    data = np.asarray(tensor.data)
    head = [f"<b>{escape(type(tensor).__name__)}</b>"]
    plain = data.dtype.kind in "biufc"
    if plain and not data.ndim:
        head.append(f"<code>{escape(number(data[()]))}</code>")
    else:
        head.append(escape(str(data.shape)))
    head += [escape(str(data.dtype)), _origin(tensor)]
    parts = [f"<div>{' &middot; '.join(head)}</div>"]
    if plain:
        gradient = None if tensor.grad is None else np.asarray(tensor.grad)
        parts += [_statistics(data, gradient), _contents(data)]
    return f"<div>{''.join(parts)}</div>"


def number(value: Any) -> str:
    """A NumPy or Python number in short: whole ones in full, others to four digits."""
    value = np.asarray(value)
    if value.dtype.kind == "c":
        return f"{complex(value):.4g}"
    return f"{float(value):.4g}" if value.dtype.kind == "f" else str(value.item())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table of cells that are HTML already; the first of each row heads it."""
    lines = ["".join(f"<th>{cell}</th>" for cell in head)]
    lines += [
        f"<th>{row[0]}</th>" + "".join(f"<td>{cell}</td>" for cell in row[1:]) for row in rows
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        '<table cellpadding="3" style="text-align:right;font-variant-numeric:tabular-nums">'
        f"{body}</table>"
    )


def _origin(tensor: Tensor) -> str:
    place = tensor._place
    if place is None:
        return "constant"
    if isinstance(place, Leaf):
        return "leaf, requires a gradient"
    if isinstance(place, Refusal):
        return f"cannot be differentiated: {escape(place.reason)}"
    record = place.record if isinstance(place, Output) else place
    assert isinstance(record, Record)
    words = [f"computed by <code>{escape(record.op.name)}</code>"]
    words += [f"in {escape(' / '.join(record.scope))}"] * bool(record.scope)
    words += [f"at {escape(str(record.line))}"] * bool(record.line)
    return " ".join(words) + (", its tape is freed" if record.arrays is None else "")


# --- statistics ----------------------------------------------------------------------------------


def _statistics(data: Array, gradient: Array | None) -> str:
    """A row for the values, unless the heading shows them, and one for the gradient."""
    arrays = {"values": data} if data.ndim else {}
    if gradient is not None and gradient.dtype.kind in "biufc":
        arrays["gradient"] = gradient
    rows = [[name, *_summary(array)] for name, array in arrays.items() if array.size]
    if not rows:
        return ""
    return table(["", "min", "mean", "std", "max", "zeros", "NaN", "infinite", "of"], rows)


def _summary(data: Array) -> list[str]:
    size, kind = data.size, data.dtype.kind
    if size > _ALL:
        data = data.flat[np.linspace(0, size - 1, _SAMPLE).astype(np.intp)]
    with np.errstate(all="ignore"):
        zeros, nans, infinite = data == 0, np.isnan(data), np.isinf(data)
        finite = data[~(nans | infinite)]
        cells = ["-"] * 4
        if finite.size:
            wide = finite.astype(np.result_type(finite, np.float64))
            ends = ["-"] * 2 if kind == "c" else [number(finite.min()), number(finite.max())]
            cells = [ends[0], number(wide.mean()), number(wide.std()), ends[1]]
    shares = [_share(part) for part in (zeros, nans, infinite)]
    seen = f"{size:,}" if data.size == size else f"a sample of {data.size:,} of {size:,}"
    return [*cells, *shares, seen]


def _share(which: Array) -> str:
    share = float(np.count_nonzero(which)) / which.size
    if not share:
        return "-"
    return f"<b>{'&lt; 0.1' if share < 0.001 else f'{100 * share:.3g}'} %</b>"


# --- numbers and pictures ------------------------------------------------------------------------


def _contents(data: Array) -> str:
    if not data.ndim or not data.size:
        return ""
    picture, numbers = _picture(data), _numbers(data)
    if not picture and data.ndim <= 2:
        return numbers
    where = escape("[" + ", ".join([*["0"] * (data.ndim - 2), ":", ":"]) + "]")
    title = "numbers" if data.ndim <= 2 else f"numbers at {where}"
    return f"{picture}<details><summary>{title}</summary>{numbers}</details>"


def _numbers(data: Array) -> str:
    """The last two axes, elided as NumPy does."""
    while data.ndim > 2:
        data = data[0]
    rows, columns = _kept(data.shape[0] if data.ndim == 2 else 1), _kept(data.shape[-1])
    cells = [
        [
            "" if data.ndim == 1 else _name(i),
            *("&hellip;" if None in (i, j) else _cell(data, i, j) for j in columns),
        ]
        for i in rows
    ]
    return table(["", *map(_name, columns)], cells)


def _kept(length: int) -> list[int | None]:
    """Numbers of the rows or columns that are shown; None for those that are not."""
    if length <= _WHOLE:
        return list(range(length))
    return [*range(_EDGE), None, *range(length - _EDGE, length)]


def _name(index: int | None) -> str:
    return "&hellip;" if index is None else str(index)


def _cell(data: Array, i: int | None, j: int | None) -> str:
    return escape(number(data[j] if data.ndim == 1 else data[i, j]))


def _picture(data: Array) -> str:
    """The last two axes as images, as many as there is room for; nothing where they are none."""
    if data.dtype.kind == "c" or not 2 <= data.ndim <= 4:
        return ""
    short, long = sorted(data.shape[-2:])
    if short < (_WHOLE + 1 if data.ndim == 2 else 3) or long > min(4 * short, _SIDE):
        return ""
    step = ceil(sqrt(short * long / _PIXELS))
    number_of = int(np.prod(data.shape[:-2]))
    room = _PIXELS // (ceil(short / step) * ceil(long / step))
    shown = min(number_of, max(room, 1), _TILES)
    indices = islice(np.ndindex(*data.shape[:-2]), shown)
    tiles = np.array([data[i][::step, ::step] for i in indices], np.float64)
    finite = np.isfinite(tiles)
    lowest, highest = (
        float(pick(tiles, where=finite, initial=start))
        for pick, start in ((np.min, np.inf), (np.max, -np.inf))
    )
    if not lowest < highest:
        return ""
    with np.errstate(invalid="ignore"):  # halves: the range of finite numbers may be infinite
        part = (tiles / 2 - lowest / 2) / (highest / 2 - lowest / 2)
    levels = np.where(finite, 1 + np.rint((_LEVELS - 1) * np.where(finite, part, 0)), 0)
    sheet = _side_by_side(levels.astype(np.uint8))
    words = [f"black {number(lowest)}, white {number(highest)}"]
    words += [f"{shown} of {number_of:,} images"] * (shown < number_of)
    words += [f"each {step}th row and column"] * (step > 1)
    width = sheet.shape[1] * max(1, _WIDTH // sheet.shape[1])
    source = b64encode(_png(sheet)).decode()
    return (
        f'<div><img alt="the values as a picture" src="data:image/png;base64,{source}" '
        f'style="width:{width}px;image-rendering:pixelated"></div>'
        f"<div><small>{', '.join(words)}</small></div>"
    )


def _side_by_side(tiles: Array) -> Array:
    """Images (N, H, W) as one, in rows, a transparent pixel apart."""
    count, height, width = tiles.shape
    columns = min(count, max(1, (_WIDTH + 1) // (width + 1)))
    rows = ceil(count / columns)
    sheet = np.zeros((rows, columns, height + 1, width + 1), np.uint8)
    sheet.reshape(-1, height + 1, width + 1)[:count, :-1, :-1] = tiles
    joined: Array = sheet.swapaxes(1, 2).reshape(rows * (height + 1), columns * (width + 1))
    return joined[:-1, :-1]


def _png(levels: Array) -> bytes:
    """An image of 16 levels of grey, of which 0 is transparent (PNG, second edition, 11.2)."""
    height, width = levels.shape
    even = np.pad(levels, ((0, 0), (0, width % 2)))
    packed = (even[:, ::2] << 4) | even[:, 1::2]
    lines = np.pad(packed, ((0, 0), (1, 0)))  # each begins with the number of its filter: none

    def chunk(kind: bytes, content: bytes) -> bytes:
        return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", pack(">IIBBBBB", width, height, 4, 0, 0, 0, 0))
        + chunk(b"tRNS", pack(">H", 0))
        + chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
        + chunk(b"IEND", b"")
    )
