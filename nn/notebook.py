"""What a notebook shows of a Module: the tree of its modules, and what each holds."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from autograd import Tensor
from autograd.interop.notebook import table
from nn.module import Buffer, Module, Parameter
from nn.summaries import Summary

_SHOWN = 100  # modules; more of them would be a long page


def module_html(module: Module) -> str:
    """HTML of a module: a line for each module in it, that opens on its parameters and buffers.

    Only shapes are looked at. A shared module or tensor is counted once; models of more than 100
    modules are cut, and the totals are of all.
    """
    tree = _Tree()
    body = tree.lines(module, "", _counted(module))
    left = sum(1 for _ in _all(module)) - len(tree.seen)
    more = f"<div>&hellip; and {left:,} more modules</div>" if left > 0 else ""
    return f"<div>{body}{more}</div>"


def summary_html(summary: Summary) -> str:
    """The table that `nn.summary` prints, as HTML."""
    rows = [
        [
            escape(row.name),
            f'<div style="text-align:left">{escape(row.kind)}</div>',
            "" if row.output_shape is None else escape(str(row.output_shape)),
            f"{row.parameters:,}",
            f"{row.multiply_adds:,}",
        ]
        for row in summary.rows
    ]
    foot = [escape(summary.model), "", "", f"{summary.parameters:,}", f"{summary.multiply_adds:,}"]
    return table(["layer", "", "output shape", "parameters", "multiply-adds"], [*rows, foot])


class _Tree:
    """The lines of the modules; `seen` are those that have one, by identity."""

    def __init__(self) -> None:
        self.seen: dict[int, str] = {}
        self.tensors: dict[int, str] = {}  # name of each, where it was met first

    def lines(self, module: Module, name: str, note: str = "") -> str:
        label = f"{escape(name.rpartition('.')[2])}: " if name else ""
        extra = _extra(module)
        brackets = (
            f"({escape(extra)})" if extra or next(module.named_children(), None) is None else ""
        )
        said = f"{label}<b>{escape(type(module).__name__)}</b>{brackets}"
        if id(module) in self.seen:
            again = _as_before(self.seen[id(module)])
            return f'<div style="margin-left:1.1em">{said} &middot; <small>{again}</small></div>'
        if len(self.seen) >= _SHOWN:
            return ""
        self.seen[id(module)] = name
        prefix = f"{name}." if name else ""
        inside = [self._tensor(prefix + own, tensor) for own, tensor in _tensors(module)]
        inside += [self.lines(child, prefix + own) for own, child in module.named_children()]
        if not note:
            count = sum(p.size for p in _distinct(module) if isinstance(p, Parameter))
            note = f"{count:,} parameters" if count else ""
        note = f" &middot; <small>{note}</small>" if note else ""
        if not inside:
            return f'<div style="margin-left:1.1em">{said}{note}</div>'
        opened = "" if name else " open"
        return (
            f"<details{opened}><summary>{said}{note}</summary>"
            f'<div style="margin-left:1.5em">{"".join(inside)}</div></details>'
        )

    def _tensor(self, name: str, tensor: Tensor) -> str:
        kind = "buffer" if isinstance(tensor, Buffer) else "parameter"
        words = [f"{kind} {escape(name.rpartition('.')[2])}", escape(str(tensor.shape))]
        words.append(escape(str(tensor.dtype)))
        if isinstance(tensor, Parameter) and not tensor.requires_grad:
            words.append("frozen")
        if tensor.grad is not None:
            words.append("has a gradient")
        known = self.tensors.setdefault(id(tensor), name)
        if known != name:
            words.append(_as_before(known))
        return f"<div><small>{' &middot; '.join(words)}</small></div>"


def _as_before(name: str) -> str:
    return f"the same as {escape(name)}" if name else "the whole again"


def _tensors(module: Module) -> Iterator[tuple[str, Parameter | Buffer]]:
    for name, value in vars(module).items():
        if isinstance(value, Parameter | Buffer):
            yield name, value


def _extra(module: Module) -> str:
    try:
        return str(module.extra_repr())
    except Exception as error:  # a user's: it must not hide all the rest
        return f"extra_repr raised {type(error).__name__}"


def _all(module: Module) -> Iterator[Module]:
    """Every module once, at any depth of nesting."""
    seen, waiting = {id(module)}, [module]
    while waiting:
        found = waiting.pop()
        yield found
        for child in found.children():
            if id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)


def _distinct(module: Module) -> list[Parameter | Buffer]:
    """Each parameter and buffer of a module and of all in it, once."""
    return list({id(t): t for found in _all(module) for _, t in _tensors(found)}.values())


def _counted(module: Module) -> str:
    tensors = _distinct(module)
    parameters = [t for t in tensors if isinstance(t, Parameter)]
    buffers = [t for t in tensors if isinstance(t, Buffer)]
    count = sum(p.size for p in parameters)
    frozen = sum(p.size for p in parameters if not p.requires_grad)
    words = [f"{count:,} parameters in {sum(p.data.nbytes for p in parameters):,} bytes"]
    words += [f"{frozen:,} of them frozen"] * bool(frozen)
    words += [f"{sum(b.size for b in buffers):,} numbers in buffers"] * bool(buffers)
    words.append("training mode" if module.training else "evaluation mode")
    return ", ".join(words)
