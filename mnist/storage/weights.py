"""Trained networks from files: a run's folder, .ckpt, .npz and .safetensors, and to the last."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograd.engine.tensor import Array
from mnist.data.idx import shown
from mnist.models import MODELS, Vote, described
from mnist.storage.npz import read_npz
from mnist.storage.reading import CheckpointError, brief, parse_json, read_whole, told
from mnist.storage.runs import Facts, RunFolder, read_checkpoint, read_run
from mnist.storage.whole_files import write_whole
from nn import Module

State = dict[str, Array]

# Of the 60,000 training images of MNIST, for weights that come without those of their training.
MNIST_MEAN = 0.13066047627384286
MNIST_STD = 0.3081078038564627
_ENTRY = "facts"  # of the metadata of a .safetensors file: JSON
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

    @property
    def network(self) -> str:
        """What it is, in words."""
        return described(self.model, self.name)


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
    note = ""
    files = RunFolder(path)
    if files.names() == [files.weights.name]:
        path = files.weights
    if os.path.isdir(path):  # which, unlike Path's, takes what it may not look at for none
        record = read_run(path)
        state, facts = record.weights, record.facts
        facts = facts | {"test_accuracy": record.metrics[-1].get("test_accuracy")}
        planned = record.config.epochs
        if record.epochs < planned:
            note = (
                f"unfinished: {record.epochs} of {planned} epochs are done; "
                f"python train.py --resume {shown(path)} goes on"
            )
    else:
        state, found = _contents(path)
        facts = found or _facts_beside(path)
    if facts.get("dry_run"):
        raise CheckpointError(
            f"{shown(path)}: is of a dry run, whose network has learned nothing; train one"
        )
    return trained_of(state, facts, path, note)


def trained_of(state: State, facts: Facts, path: Path, note: str = "") -> Trained:
    """The network with the weights `state`, as facts of its training in `path` describe it.

    Raises CheckpointError where they do not fit.
    """
    name, model = _built(state, facts, path)
    mean = _number(facts, "pixel_mean", MNIST_MEAN, path)
    std = _number(facts, "pixel_std", MNIST_STD, path)
    if std <= 0:
        raise _wrong(path, f"a pixel_std of {std}, above 0 expected")
    return Trained(model.eval(), name, mean, std, facts, note)


def load_weights(model: Module, path: str | Path) -> None:
    """Take over the weights in a .npz, .safetensors or .ckpt file; nothing in it is executed.

    Raises:
        CheckpointError: there is no such file, it is damaged, or of another architecture. The
            model is as it was then.
    """
    state, _ = _contents(Path(path))
    difference = _difference(model.state_dict(), state)
    if difference:
        raise CheckpointError(
            f"{shown(path)}: is of another network: {difference}; name weights of this one"
        )
    _take(model, state, path)


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
    write_whole(Path(path), [library.save(state, {_ENTRY: json.dumps(dict(metadata or {}))})])


# --- files ---------------------------------------------------------------------------------------


def _contents(path: Path) -> tuple[State, Facts | None]:
    """The weights in a file, and the facts if it holds any."""
    readers = {".ckpt": _from_checkpoint, ".npz": _from_npz, ".safetensors": _from_safetensors}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise CheckpointError(
            f"{shown(path)}: is no file of weights by its name; one that ends in "
            f"{', '.join(readers)} or a run's folder expected"
        )
    return reader(path)


def _from_npz(path: Path) -> tuple[State, None]:
    return read_npz(path), None


def _from_checkpoint(path: Path) -> tuple[State, Facts]:
    record = read_checkpoint(path)
    if record.state.get("metrics") == []:
        raise CheckpointError(
            f"{shown(path)}: holds no trained network, as no epoch of its training was over; "
            "go on with --resume and its folder"
        )
    beside = {}
    if RunFolder(path.parent).last == path:
        beside = {"data_folder": _facts_beside(path).get("data_folder")}
    return record.weights, {**record.facts, **beside}


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
        raise _damaged(path, f"arrays of type {error} are not supported") from error
    except (SafetensorError, ValueError) as error:
        raise _damaged(path, told(error)) from error
    return state, facts


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{shown(path)}: is damaged, or no file of weights ({reason}); take a copy of it "
        "or name another"
    )


def _library(path: str | Path) -> ModuleType:
    try:
        return import_module("safetensors.numpy")
    except ImportError as error:
        raise CheckpointError(f"{shown(path)}: {HINT}") from error


def _facts_beside(path: Path) -> Facts:
    files = RunFolder(path.parent)
    if not os.path.exists(files.config):
        return {}
    if files.metrics.exists() and not files.metrics.stat().st_size:
        raise CheckpointError(
            f"{shown(path)}: holds no trained network, as no epoch of its training is over; go on "
            "with --resume and its folder"
        )
    return files.facts()


def _number(facts: Facts, name: str, default: float, path: Path) -> float:
    value = facts.get(name, default)
    # The comparison is for integers that are too large for a float.
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e300:
        raise _wrong(path, f"a {name} of {brief(value)}, a number expected")
    return float(value)


def _wrong(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{shown(path)}: the facts of its training are wrong ({reason}); mend or remove them"
    )


# --- networks ------------------------------------------------------------------------------------


def _built(state: State, facts: Facts, path: Path) -> tuple[str, Module]:
    """The network that the weights are of, with them."""
    members = _members(state)
    name = _architecture(members, facts, path)
    # None is built before all are known to fit: small files make no large networks.
    networks = []
    for own in members:
        network = _fresh(name)
        _take(network, own, path)
        networks.append(network)
    vote = any(_position(entry) is not None for entry in state)
    return name, Vote(networks) if vote else networks[0]


def _members(state: State) -> list[State]:
    """The weights of each network of a vote, or those of the only one."""
    positions = [_position(name) for name in state]
    count = len(set(positions))
    if None in positions or set(positions) != set(range(count)) or not count:
        return [state]
    members: list[State] = [{} for _ in range(count)]
    for position, (name, value) in zip(positions, state.items(), strict=True):
        assert position is not None
        members[position][name.split(".", 2)[2]] = value
    return members


def _position(name: str) -> int | None:
    """Which member of a vote the weights of this name belong to."""
    parts = name.split(".", 2)
    if len(parts) == 3 and parts[0] == "members" and parts[1].isdecimal() and len(parts[1]) < 6:
        return int(parts[1])
    return None


def _architecture(members: list[State], facts: Facts, path: Path) -> str:
    known = facts.get("model")
    if known is not None and known not in list(MODELS):
        raise CheckpointError(
            f"{shown(path)}: is of the network {brief(known)}, unknown here; one of "
            f"{', '.join(MODELS)} expected"
        )
    differences = {
        name: _first_difference(members, _fresh(name).state_dict())
        for name in ([known] if known else MODELS)
    }
    fitting = [name for name, difference in differences.items() if not difference]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise CheckpointError(
            f"{shown(path)}: fits the networks {', '.join(fitting)}; put the config.json of its "
            "training beside it"
        )
    reason = (
        f"not of the network {known}: {differences[known]}"
        if known
        else (f"of none of the networks {', '.join(MODELS)}")
    )
    raise CheckpointError(f"{shown(path)}: is {reason}; name weights that were trained here")


def _fresh(name: str) -> Module:
    return MODELS[name](np.random.default_rng(0))  # which weights is all one: they are replaced


def _first_difference(members: list[State], own: State) -> str:
    return next(filter(None, (_difference(own, state) for state in members)), "")


def _difference(own: State, state: State) -> str:
    """What is the first thing in `state` that does not fit a network with the state `own`."""
    for name, array in own.items():
        if name not in state:
            return f"{name} is missing"
        given = state[name]
        if given.shape != array.shape:
            return f"{name} has shape {brief(given.shape)}, {array.shape} expected"
        if not np.can_cast(given.dtype, array.dtype, "same_kind"):
            return f"{name} is {given.dtype}, {array.dtype} expected"
    extra = next((name for name in state if name not in own), None)
    return "" if extra is None else f"{brief(extra)} is unexpected"


def _take(model: Module, state: State, path: str | Path) -> None:
    own = model.state_dict()
    try:
        # All are converted before one is taken over.
        with np.errstate(over="raise"):
            converted = {name: value.astype(own[name].dtype) for name, value in state.items()}
    except FloatingPointError as error:
        raise CheckpointError(
            f"{shown(path)}: has weights too large for this network's type; name weights that "
            "were trained here"
        ) from error
    model.load_state_dict(converted)
