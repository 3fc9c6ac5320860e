"""Trained networks from files: a run's folder, .ckpt, .npz and .safetensors, and to the last."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.engine.tensor import Array
from mnist.config import number
from mnist.data.files import shown, write_whole
from mnist.engines import ENGINES, scoring
from mnist.models import MODELS, Vote, unsound
from mnist.storage.npz import read_npz
from mnist.storage.reading import CheckpointError, brief, damaged, parse_json, read_whole
from mnist.storage.records import Facts, Record, read_checkpoint
from mnist.storage.runs import RunFolder, read_run
from nn import Module

State = dict[str, Array]

# Of the 60,000 training images of MNIST, for weights that come without those of their training.
MNIST_MEAN = 0.13066047627384286
MNIST_STD = 0.3081078038564627
_MOMENTS = {
    "pixel_mean": (MNIST_MEAN, number("a number", lambda v: abs(v) < 1e300)),
    "pixel_std": (MNIST_STD, number("a number above 0", lambda v: 0 < v < 1e300)),
}
_DONE = "epochs_done"  # among the facts
_ENTRY = "facts"  # of the metadata of a .safetensors file: JSON
_MEMBER = re.compile(r"members\.(\d{1,5})\.(.*)", re.DOTALL)  # a name in a vote
HINT = "a .safetensors file needs the safetensors package: pip install safetensors"


@dataclass(frozen=True)
class Trained:
    """A network in eval mode, and how the images must be normalised that it is shown.

    Attributes:
        name: the architecture, one of mnist.models.
        mean, std: of the pixels of its training set, for `mnist.data.normalise`.
        facts: what is known of its training (see mnist.storage.runs); empty if nothing is.
        note: what to know before it is believed, in a line; empty if nothing is.
    """

    model: Module
    name: str
    mean: float
    std: float
    facts: Facts
    note: str = ""

    @cached_property
    def scores(self) -> Callable[[Tensor], Tensor]:
        """The network as the engine runs it that it was trained by, without gradients."""
        return scoring(self.engine, self.model)

    @property
    def engine(self) -> str:
        """What it was trained by, or the fastest where that is not known."""
        engine = self.facts.get("engine")
        return engine if engine in ENGINES else ENGINES[0]

    @property
    def network(self) -> str:
        """What it is, in words."""
        if isinstance(self.model, Vote):
            return f"a vote of {len(self.model.members)} {self.name} networks"
        return self.name


def load_trained(path: str | Path) -> Trained:
    """The network in a run's folder, a .ckpt, a .npz or a .safetensors file.

    The architecture, mean and std are those that the file or a config.json beside it names. Where
    there is none, the architecture is told from the weights' names and shapes, and mean and std
    are MNIST's.

    Raises:
        CheckpointError: there is no such file, it is damaged, or of a network unknown here, or of
            one that has not finished an epoch.
        RunError: the folder holds no trained network.
    """
    path = Path(path)
    files = RunFolder(path)
    if files.names() == [files.weights.name]:
        path = files.weights
    if os.path.isdir(path):  # which, unlike Path's, takes what it may not look at for none
        return of_run(read_run(path), path)
    state, found = _contents(path)
    facts = found or _facts_beside(path)
    if facts.get("dry_run"):
        raise CheckpointError(
            f"{shown(path)}: is of a dry run, whose network has learned nothing; train one"
        )
    in_run = path in (RunFolder(path.parent).last, RunFolder(path.parent).best)
    return _trained(state, facts, path, path.parent if in_run else None)


def of_run(record: Record, folder: Path) -> Trained:
    """The network of a run. Raises CheckpointError where weights and facts do not fit."""
    return _trained(sound(record.weights, folder), _facts(record), folder, folder)


def _trained(state: State, facts: Facts, path: Path, run: Path | None = None) -> Trained:
    """The network in `path`; `run` is the folder in which its training goes on, if it is there."""
    name, model = _built(state, facts, path)
    mean, std = (_moment(name, facts, path) for name in _MOMENTS)
    done, planned, note = facts.get(_DONE), facts.get("epochs"), ""
    if type(done) is int and type(planned) is int and done < planned:
        way_on = f"; python train.py --resume {shown(run)} goes on" if run else ""
        note = f"unfinished: {done} of {planned} epochs are done{way_on}"
    return Trained(model.eval(), name, mean, std, facts, note)


def _facts(record: Record) -> Facts:
    """What is known of a training, and how far it came."""
    last = record.metrics[-1] if record.metrics else {}
    return record.facts | {"test_accuracy": last.get("test_accuracy"), _DONE: record.epochs}


def load_weights(model: Module, path: str | Path) -> None:
    """Take over the weights in a .npz, .safetensors or .ckpt file; nothing in it is executed.

    Raises:
        CheckpointError: there is no such file, it is damaged, or of another architecture. The
            model is as it was then.
    """
    state, _ = _contents(Path(path))
    try:
        _fill(model, state)
    except ValueError as error:
        raise CheckpointError(
            f"{shown(path)}: is of another network: {error}; name weights of this one"
        ) from error


def save_safetensors(
    model: Module, path: str | Path, metadata: Mapping[str, Any] | None = None
) -> None:
    """Write the weights with PyTorch's names and layouts, for its `load_state_dict`.

    Args:
        model: the network.
        path: the file, which is replaced whole or not at all.
        metadata: facts of its training that JSON can say, as in `Trained.facts`.

    Raises:
        CheckpointError: the file cannot be written, or the safetensors package is missing.
    """
    library = _library(path)
    # The library takes the memory of arrays as it lies, so that their layout must be C's.
    state = {name: np.array(value, order="C") for name, value in model.state_dict().items()}
    # One entry: with more, their order in the file would differ from time to time.
    content = library.save(state, {_ENTRY: json.dumps(dict(metadata or {}))})
    write_whole(Path(path), [content], CheckpointError)


# --- files ---------------------------------------------------------------------------------------


def _contents(path: Path) -> tuple[State, Facts | None]:
    """The weights in a file, and the facts if it holds any."""
    readers: dict[str, Callable[[Path], tuple[State, Facts | None]]] = {
        ".ckpt": _from_checkpoint,
        ".npz": lambda path: (read_npz(path), None),
        ".safetensors": _from_safetensors,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None and not os.path.lexists(path):
        raise CheckpointError(f"{shown(path)}: no such file or folder; check the name")
    if reader is None:
        raise CheckpointError(
            f"{shown(path)}: is no file of weights by its name; one that ends in "
            f"{', '.join(readers)} or a run's folder expected"
        )
    state, facts = reader(path)
    return sound(state, path), facts


def sound(state: State, path: Path) -> State:
    """The weights. Raises CheckpointError where some are none."""
    if wrong := unsound(state):
        raise CheckpointError(
            f"{shown(path)}: its {brief(wrong)} has NaN, infinities or a negative variance, as "
            "after a training that diverged; name another, or train again with a smaller --lr"
        )
    return state


def _from_checkpoint(path: Path) -> tuple[State, Facts]:
    record = read_checkpoint(path)
    if record.state.get("metrics") == []:
        raise _untrained(path)
    files, facts = RunFolder(path.parent), _facts(record)
    if path in (files.last, files.best):
        facts["data_folder"] = _facts_beside(path).get("data_folder")
        if path == files.best and os.path.exists(files.last):  # which knows how far it came
            with suppress(CheckpointError):
                facts[_DONE] = max(record.epochs, read_checkpoint(files.last).epochs)
    return record.weights, facts


def _from_safetensors(path: Path) -> tuple[State, Facts | None]:
    library = _library(path)
    from safetensors import SafetensorError

    content = bytes(read_whole(path))
    try:
        state = library.load(content)
        # The library has found the header to be right, and keeps what is in it to itself.
        header = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")])
        text = (header.get("__metadata__") or {}).get(_ENTRY)
        facts = None if text is None else parse_json(text.encode())
        if facts is not None and not isinstance(facts, dict):
            raise ValueError(f"its {_ENTRY} are {brief(facts)}, an object expected")
    except KeyError as error:
        raise damaged(path, ValueError(f"arrays of type {error} are not supported")) from error
    except (SafetensorError, ValueError) as error:
        raise damaged(path, error) from error
    return state, facts


def _library(path: str | Path) -> ModuleType:
    try:
        return import_module("safetensors.numpy")
    except ImportError as error:
        raise CheckpointError(f"{shown(path)}: {HINT}") from error


def _facts_beside(path: Path) -> Facts:
    files = RunFolder(path.parent)
    if not os.path.exists(files.config):
        return {}
    if files.is_untrained():
        raise _untrained(path)
    return files.facts()


def _untrained(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{shown(path)}: holds no trained network, as no epoch of its training is over; go on "
        "with --resume and its folder"
    )


def _moment(name: str, facts: Facts, path: Path) -> float:
    default, kind = _MOMENTS[name]
    value = facts.get(name, default)
    if not kind.fits(value):
        raise CheckpointError(
            f"{shown(path)}: the facts of its training are wrong (a {name} of {brief(value)}, "
            f"{kind.expected} expected); mend or remove them"
        )
    return float(value)


# --- networks ------------------------------------------------------------------------------------


def _built(state: State, facts: Facts, path: Path) -> tuple[str, Module]:
    """The network that the weights are of, with them, and the name of its architecture."""
    known = facts.get("model")
    if known is not None and known not in list(MODELS):
        raise CheckpointError(
            f"{shown(path)}: is of the network {brief(known)}, unknown here; one of "
            f"{', '.join(MODELS)} expected"
        )
    reason, members = f"of none of the networks {', '.join(MODELS)}", _members(state)
    fitting = {}
    for name in [known] if known else MODELS:
        try:
            # One after the other: small files make no large networks.
            fitting[name] = [_filled(name, own) for own in members]
        except ValueError as error:
            if known:
                reason = f"not of the network {known}: {error}"
    if not fitting:
        raise CheckpointError(f"{shown(path)}: is {reason}; name weights that were trained here")
    if len(fitting) > 1:
        raise CheckpointError(
            f"{shown(path)}: fits the networks {', '.join(fitting)}; put the config.json of its "
            "training beside it"
        )
    ((name, networks),) = fitting.items()
    return name, networks[0] if members[0] is state else Vote(networks)


def _members(state: State) -> list[State]:
    """The weights of each network of a vote, or those of the only one."""
    members: dict[int, State] = {}
    for name, value in state.items():
        found = _MEMBER.fullmatch(name)
        if not found:
            return [state]
        members.setdefault(int(found[1]), {})[found[2]] = value
    whole = sorted(members) == list(range(len(members)))  # no member is missing
    return [members[i] for i in range(len(members))] if whole and members else [state]


def _filled(name: str, state: State) -> Module:
    network = MODELS[name](np.random.default_rng(0))  # which weights is all one: they are replaced
    _fill(network, state)
    return network


def _fill(model: Module, state: State) -> None:
    """Give a network the weights `state`. Raises ValueError, which says what is the first thing
    that does not fit; the network is as it was then."""
    own = model.state_dict()
    for name in {**own, **state}:
        if name not in state:
            raise ValueError(f"{name} is missing")
        if name not in own:
            raise ValueError(f"{brief(name)} is unexpected")
        given, array = state[name], own[name]
        if given.shape != array.shape:
            raise ValueError(f"{name} has shape {brief(given.shape)}, {array.shape} expected")
        if not np.can_cast(given.dtype, array.dtype, "same_kind"):
            raise ValueError(f"{name} is {given.dtype}, {array.dtype} expected")
    try:
        # All are converted before one is taken over.
        with np.errstate(over="raise"):
            converted = {name: value.astype(own[name].dtype) for name, value in state.items()}
    except FloatingPointError as error:
        raise ValueError("it has weights too large for this network's type") from error
    model.load_state_dict(converted)
