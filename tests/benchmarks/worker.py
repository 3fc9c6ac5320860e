"""The process of one side: python -m benchmarks.worker LIBRARY [--pages], started by `sides`.

Says hello with what importing the library took. Then every line read, a request, is answered with
a block: {"seconds", "first", "numbers", "settled", "peak_bytes"}. A task is made and warmed up when
it is first asked for, and goes on from there in its next block.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.pace import Paced

# What `import` costs is measured on what the user imports, not on this suite's own modules.
IMPORTS = {
    "pullback": ("autograd", "nn"),
    "pytorch": ("torch",),
    "torch_compile": ("torch",),
    "jax": ("jax",),
    "hips": ("autograd",),
    "mygrad": ("mygrad",),
    "tinygrad": ("tinygrad",),
}


# The answers alone go to where they are read; what a library prints goes to stderr.
_channel = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def main(library: str, *options: str) -> None:
    import numpy as np

    before = time.perf_counter()
    try:
        for name in IMPORTS[library]:
            importlib.import_module(name)
        seconds = time.perf_counter() - before
        module = importlib.import_module(f"benchmarks.on_{library}")
    except ImportError as error:
        say({"missing": str(error)})
        return
    if "--pages" in options:
        import autograd

        # An older checkout did so by itself when it was imported.
        getattr(autograd, "keep_pages", bool)()
    say(
        {
            "import_seconds": seconds,
            "peak_bytes": peak_memory(),
            "version": module.VERSION,
            "numpy": np.__version__,
        }
    )
    tasks: dict[str, tuple[Paced, bool]] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = block(module.TASKS, tasks, **request)
        except Exception as error:  # told to the one who asked, who goes on with the other sides
            first = (str(error).splitlines() or [""])[0]
            answer = {"failed": f"{type(error).__name__}: {first}"}
        say(answer)


def block(
    makers: dict[str, Any],
    tasks: dict[str, tuple[Paced, bool]],
    task: str,
    arguments: dict[str, Any],
    checked: int,
    warm: float,
    seconds: float,
) -> dict[str, Any]:
    key = json.dumps([task, arguments])
    if key not in tasks:
        paced = Paced(makers[task](**arguments))
        gc.collect()  # what making left over is not to be collected in a run
        tasks[key] = paced, paced.warm_up(checked, warm)
    paced, settled = tasks[key]
    times = paced.block(seconds)
    found = {"seconds": times, "first": paced.first, "numbers": paced.numbers, "settled": settled}
    return found | {"peak_bytes": peak_memory()}


def peak_memory() -> int:
    """The most memory that this process has had resident, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss starts at what the parent had; this starts with the program.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=_channel, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
