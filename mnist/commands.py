"""The subcommands of `python -m mnist`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist import results
from mnist.data.dataset import CHOICES, Dataset
from mnist.data.files import shown
from mnist.data.idx import DataError
from mnist.images.digits import Digit, to_mnist
from mnist.images.pictures import PictureError, read_picture
from mnist.results.predictions import log_probabilities, wilson
from mnist.speaking import complain, described, into_nothing, ready_streams
from mnist.storage.records import Facts, data_of
from mnist.storage.runs import RunFolder, read_run
from mnist.storage.weights import Trained, load_trained, save_safetensors

RUNS = Path("runs")
_BAR = 40  # characters of a probability of 1
_INTERRUPTED, _PIPE_CLOSED = 130, 141  # 128 and the number of the signal, as shells have it

_EXAMPLES = """\
examples:
  python -m mnist predict seven.png              what digit is this? (newest run in ./runs)
  python -m mnist predict *.png --json           one JSON object a line
  python -m mnist predict --show < photo.png     from standard input; show what the network sees
  python -m mnist evaluate runs/first            loss and accuracy on the test set
  python -m mnist report runs/first              pictures and report.html
  python -m mnist compare runs/first runs/second
  python -m mnist serve runs/first               draw digits in the browser
  python -m mnist export runs/first net.safetensors

MODEL is the folder of a run, or a .ckpt, .npz or .safetensors file. `python train.py` makes one.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code: 0, 1 after an error, 130 after Ctrl-C."""
    ready_streams()
    try:
        try:
            args = parser().parse_args(argv)
            return int(args.run(args) or 0)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # as with `| head`
        into_nothing(sys.stdout)
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (DataError, OSError, ImportError, MemoryError, RuntimeError, UnicodeError) as error:
        _warn(f"error: {described(error)}")
        return 1


def _warn(text: str) -> None:
    complain(f"mnist: {text}")


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m mnist",
        description="What a trained network says of pictures of digits and of the test set.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.set_defaults(run=lambda args: p.print_help())
    commands = p.add_subparsers(metavar="COMMAND", title="commands")
    network, data = (argparse.ArgumentParser(add_help=False) for _ in range(2))
    network.add_argument("model", metavar="MODEL", type=Path)
    data.add_argument(
        "--dataset",
        choices=CHOICES,
        default="auto",
        help="as for train.py; by default that of the training, which no other may replace",
    )
    data.add_argument("--data-dir", metavar="DIR", help="folder where its four IDX files are now")

    def add(
        run: Callable[[argparse.Namespace], int | None],
        text: str,
        *parents: argparse.ArgumentParser,
    ) -> Any:
        command = commands.add_parser(run.__name__, help=text, description=text, parents=parents)
        command.set_defaults(run=run)
        return command

    c = add(predict, "tell the digits in PNG or PGM pictures, one in each")
    c.add_argument("images", nargs="*", metavar="IMAGE", help="files; - or none: standard input")
    c.add_argument("--model", metavar="MODEL", type=Path, help="default: the newest run in ./runs")
    how = c.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON object a line")
    how.add_argument("--show", action="store_true", help="show what the network sees")

    c = add(evaluate, "loss and accuracy on the test set", network, data)
    c.add_argument("--json", action="store_true", help="a JSON object")

    c = add(report, "write pictures and report.html into the folder of a run", data)
    c.add_argument("folder", metavar="RUN", type=Path)

    c = add(compare, "hold two runs side by side", data)
    c.add_argument("first", metavar="RUN", type=Path)
    c.add_argument("second", metavar="RUN", type=Path)

    c = add(serve, "a page to draw digits on, for browsers on this machine", network)
    c.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    c.add_argument("--port", type=_port, default=8000, metavar="N", help="default: %(default)s")

    c = add(export, "write the weights for other programs, under PyTorch's names", network)
    c.add_argument("out", metavar="OUT.safetensors", type=_safetensors)
    return p


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} given, a port from 0 to 65535 expected")
    return int(text)


def _safetensors(text: str) -> Path:
    if not text.endswith(".safetensors"):
        raise argparse.ArgumentTypeError(f"{text} given, a name that ends in .safetensors expected")
    return Path(text)


# --- predict -------------------------------------------------------------------------------------


def predict(args: argparse.Namespace) -> int:
    """Tell the digit in each picture; a picture that cannot be read does not stop the others."""
    path = args.model
    if path is None:
        path = newest_run(RUNS)
        _warn(f"the network is {shown(path)}")
    trained = _trained(path)
    # For one picture no program is worth making.
    code, scores = 0, trained.scores if len(args.images) > 1 else trained.model
    for image in args.images or ["-"]:
        name = "standard input" if image == "-" else shown(image)
        try:
            digit = to_mnist(_picture(image, name), name)
        except PictureError as error:
            _warn(f"error: {described(error)}")
            code = 1
            continue
        if digit.scattered:
            _warn(f"{name}: the ink lies far apart; one picture is read as one digit")
        known = log_probabilities(scores, digit.image[None], mean=trained.mean, std=trained.std)
        chances = np.exp(known[0])
        if args.json:
            facts = {
                "file": image,
                "label": int(chances.argmax()),
                "probabilities": [float(chance) for chance in chances],
                "inverted": digit.inverted,
            }
            print(json.dumps(facts), flush=True)
        else:
            print(_told(name, digit, chances, args.show), flush=True)
    return code


def _picture(image: str, name: str) -> NDArray[Any]:
    if image != "-":
        return read_picture(image)
    if sys.stdin.isatty():
        _warn("reading a picture from standard input; --help shows how to name files")
    return read_picture(sys.stdin.buffer, name)


def newest_run(runs: Path) -> Path:
    """The folder beneath `runs` whose network was saved last. Raises `DataError` without one."""
    found = []
    for folder in runs.glob("*/"):
        files = RunFolder(folder)
        saved = [path for path in (files.last, files.weights) if path.is_file()]
        if saved and not files.is_dry() and not files.is_untrained():
            found.append((saved[0].stat().st_mtime, folder))
    if not found:
        raise DataError(
            f"no trained network in ./{runs}: train one with `python train.py`, or name one with "
            "--model"
        )
    return max(found)[1]


def _told(name: str, digit: Digit, chances: NDArray[Any], show: bool) -> str:
    lines = [f"{name}: {chances.argmax()}"]
    if show:
        how = "dark on light, inverted" if digit.inverted else "light on dark"
        lines += [f"what the network sees ({how}):", str(digit)]
    for label in sorted(range(10), key=lambda label: -chances[label]):
        bar = "#" * round(_BAR * float(chances[label]))
        lines.append(f"  {label}  {chances[label]:7.2%}  {bar}".rstrip())
    return "\n".join(lines)


# --- the others ----------------------------------------------------------------------------------


def _trained(path: Path) -> Trained:
    trained = load_trained(path)
    if trained.note:
        _warn(f"{shown(path)}: {trained.note}")
    return trained


def _data(args: argparse.Namespace, facts: Facts, path: Path) -> Dataset:
    """The data set that a network was trained on."""
    return data_of(facts, shown(path), args.dataset, args.data_dir)


def evaluate(args: argparse.Namespace) -> None:
    """Print loss and accuracy on the test set, with a 95 % interval (Wilson's)."""
    trained = _trained(args.model)
    dataset = _data(args, trained.facts, args.model)
    found = results.predict(
        trained.scores, dataset.test_images, dataset.test_labels, mean=trained.mean, std=trained.std
    )
    count = len(dataset.test_labels)
    low, high = wilson(found.hits, count)
    if args.json:
        facts = {
            "model": str(args.model),
            "name": trained.name,
            "dataset": dataset.name,
            "images": count,
            "right": found.hits,
            "loss": found.loss,
            "accuracy": found.accuracy,
            "interval": [low, high],
        }
        print(json.dumps(facts))
    else:
        print(
            f"{shown(args.model)} ({trained.network}) on the {count:,} test images of "
            f"{dataset.name}\n"
            f"loss      {found.loss:.4f}\n"
            f"accuracy  {found.accuracy:.2%}, {count - found.hits:,} wrong "
            f"(95 % interval {low:.2%} to {high:.2%})"
        )


def report(args: argparse.Namespace) -> None:
    """Write pictures and a page about a run into its folder."""
    dataset = _data(args, read_run(args.folder).facts, args.folder)
    written = results.write_report(args.folder, dataset)
    print(f"in {shown(args.folder)}: {', '.join(map(str, written))}")


def compare(args: argparse.Namespace) -> None:
    """Print two runs side by side."""
    dataset = _data(args, read_run(args.first).facts, args.first)
    print(results.compare_runs(args.first, args.second, dataset))


def serve(args: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from mnist import serving  # no other command needs a server

    # Flushed, to be read at once through a pipe too.
    announce = partial(print, flush=True)
    serving.serve(_trained(args.model), host=args.host, port=args.port, announce=announce)


def export(args: argparse.Namespace) -> None:
    """Write the weights as safetensors."""
    trained = _trained(args.model)
    save_safetensors(trained.model, args.out, trained.facts)
    print(f"{trained.network}: weights in {shown(args.out)}")
