"""What DESIGN.md says of the source itself: imports point downward, files stay short, rules live in
autograd, names mean one thing."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import autograd
from autograd import Tensor

ROOT = Path(autograd.__file__).parents[1]
PACKAGES = ["autograd", "nn", "mnist"]
LONGEST = 420

# From the bottom up. A module imports from lower layers and from its own; what is not listed here
# has the layer of the package that it is in.
LAYERS = [
    ["autograd.engine"],
    ["autograd.runtime", "autograd.random"],
    ["autograd.native"],
    ["autograd.ops"],
    ["autograd.program"],
    ["autograd.lowering"],
    ["autograd.transforms"],
    ["autograd.jitting"],
    ["autograd.interop", "autograd.profiling", "autograd.checking", "autograd.explanation"],
    ["autograd"],
    ["nn"],
    ["mnist.data", "mnist.config", "mnist.engines", "mnist.models", "mnist.recipes"],
    ["mnist.storage", "mnist.images"],
    ["mnist.results"],
    ["mnist.training", "mnist.serving"],
    ["mnist"],
    ["train"],
]
_LAYER = {module: layer for layer, modules in enumerate(LAYERS) for module in modules}


def sources() -> list[Path]:
    found = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    train = ROOT / "train.py"
    return [*found, train] if train.exists() else found


def name_of(path: Path) -> str:
    """The dotted name of the module in a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sources()}
every_module = pytest.mark.parametrize("module", MODULES)


def layer_of(module: str) -> int:
    """The layer of the nearest listed ancestor. The root of autograd lends its layer to nobody."""
    while module not in _LAYER:
        assert "." in module, f"{module} has no layer"
        module = module.rpartition(".")[0]
        assert module != "autograd", "a new module of autograd: give it a place in LAYERS"
    return _LAYER[module]


def imports(tree: ast.Module, module: str, package: bool) -> Iterator[tuple[str, int]]:
    """The project's own modules that a file imports anywhere in it, and the line.

    What stands under `if TYPE_CHECKING:` is left out: it never runs.
    """
    exempt = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    if not module.startswith("autograd"):
        exempt = set()  # only inside autograd do types refer upward
    for node in ast.walk(tree):
        if id(node) in exempt:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                ancestors = module.split(".")
                kept = ancestors[: len(ancestors) - node.level + package]
                base = ".".join([*kept, *([base] if base else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else base for name in names]
        else:
            continue
        yield from (
            (name, node.lineno) for name in names if name.split(".")[0] in [*PACKAGES, "train"]
        )


COMMANDS = sorted((ROOT / "tests").glob("[!t]*.py"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda path: path.stem)
def test_commands_beside_the_tests_start(command: Path, tmp_path: Path) -> None:
    """Also where nothing but the folder of the command is known to Python."""
    if command.stem == "conftest":
        return
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(command), "--help"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")


def parse(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@every_module
def test_imports_point_downward(module: str) -> None:
    package = MODULES[module].name == "__init__.py"
    for imported, line in imports(parse(module), module, package):
        assert layer_of(imported) <= layer_of(module), (
            f"{MODULES[module].name}, line {line}: {module} imports {imported}, from above it"
        )


def test_the_walk_sees_every_kind_of_import() -> None:
    tree = ast.parse("""
import numpy, nn.layers
from nn import Module, init as start
from . import config
from .config import Config
def f():
    import nn.optim
if TYPE_CHECKING:
    import nn.schedule
""")
    found = ["mnist.config", "mnist.config", "nn", "nn.init", "nn.layers", "nn.optim"]
    assert sorted(name for name, _ in imports(tree, "autograd.engine.tape", False)) == [
        *["autograd.engine", "autograd.engine.config"],
        *(name for name in found if name.startswith("nn")),
    ]
    assert sorted(name for name, _ in imports(tree, "mnist.module", False)) == [
        *found,
        "nn.schedule",
    ]


@pytest.mark.parametrize("module", [name for name in MODULES if "engine" not in name.split(".")])
def test_storage_and_calls_are_the_engines(module: str) -> None:
    """Others read and assign `data` and `grad`, and nobody reads bytecode but debug mode, to tell
    `buffer[i] = t` from `float(t)`."""
    forbidden = {"_array", "_grad", "co_code"}
    if module == "autograd.profiling.conversions":
        forbidden.remove("co_code")
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Attribute):
            assert node.attr not in forbidden, f"{module}, line {node.lineno}"
    assert not any(name == "dis" for name, _ in _every_import(parse(module)))


def _every_import(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.lineno


@every_module
def test_files_stay_short(module: str) -> None:
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{module} has {lines} lines; split it where that reads better"


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("autograd")])
def test_no_derivative_outside_autograd(module: str) -> None:
    """A layer is a forward composition: nn and mnist declare no primitive and no pullback."""
    forbidden = {"primitive", "Primitive", "defvjp", "custom_vjp"}
    for node in ast.walk(parse(module)):
        used = {
            getattr(node, "id", None),  # a name
            getattr(node, "attr", None),  # an attribute
            *([node.name] if isinstance(node, ast.alias) else []),
        }
        assert not used & forbidden, f"{module}, line {getattr(node, 'lineno', '?')}: {used}"


@pytest.mark.parametrize(
    "package", [name for name, path in MODULES.items() if path.name == "__init__.py"]
)
def test_modules_and_public_names_differ(package: str) -> None:
    """Else `autograd.sum` would be the module or the function, by the order of imports."""
    names = {
        alias.asname or alias.name
        for node in ast.walk(parse(package))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{node.module}.{alias.name}" not in MODULES
    }
    modules = {name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == package}
    assert not names & modules


@pytest.mark.parametrize("name", autograd.__all__)
def test_public_names_exist_and_are_documented(name: str) -> None:
    thing = getattr(autograd, name)
    if not inspect.ismodule(thing):
        assert thing.__doc__, f"autograd.{name} has no docstring"
        assert thing.__doc__ != type(thing).__doc__, f"autograd.{name} has no docstring of its own"


def test_public_names_are_listed_once_and_in_order() -> None:
    assert autograd.__all__ == sorted(set(autograd.__all__))


def test_attached_methods_are_those_declared() -> None:
    """autograd.interop declares for readers and type checkers what it attaches to Tensor."""
    own, declared = (
        next(
            defined_in(node.body)
            for node in ast.walk(parse(module))
            if isinstance(node, ast.ClassDef) and node.name == name
        )
        for module, name in [
            ("autograd.engine.tensor", "Tensor"),
            ("autograd.interop.methods", "Methods"),
        ]
    )

    class Empty:
        __slots__ = ("__weakref__",)
        annotated: int

    assert set(vars(Tensor)) - own - set(vars(Empty)) == declared


def defined_in(body: list[ast.stmt]) -> set[str]:
    """The names that the statements of a class body define or annotate."""
    names = set()
    for node in body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
        elif isinstance(node, ast.Assign):
            names |= {ast.unparse(target) for target in node.targets}
    return names


def test_importing_autograd_imports_numpy_alone() -> None:
    program = (
        "import sys; import numpy; before = set(sys.modules); import autograd; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert "autograd" in imported
    assert imported - {"autograd", "numpy"} <= set(sys.stdlib_module_names)
