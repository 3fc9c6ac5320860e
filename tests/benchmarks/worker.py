"""The process of one side: python -m benchmarks.worker SIDE, started by `sides`.

Says hello with what importing the library took. Then every line read, {"task", "arguments",
"count"}, is a block: the task is made anew, run `count` times and answered with the times, the
numbers of every run and the peak of the process's memory. Making is not timed.
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

# What `import` costs is measured on what the user imports, not on this suite's own modules.
IMPORTS = {
    "pullback": ("autograd", "nn"),
    "pytorch": ("torch",),
    "jax": ("jax",),
    "hips": ("autograd",),
    "mygrad": ("mygrad",),
    "tinygrad": ("tinygrad",),
}


# The answers alone go to where they are read; what a library prints goes to stderr.
_channel = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def main(side: str) -> None:
    import numpy as np

    before = time.perf_counter()
    try:
        for name in IMPORTS[side]:
            importlib.import_module(name)
        seconds = time.perf_counter() - before
        module = importlib.import_module(f"benchmarks.on_{side}")
    except ImportError as error:
        say({"missing": str(error)})
        return
    say(
        {
            "import_seconds": seconds,
            "peak_bytes": peak_memory(),
            "version": module.VERSION,
            "numpy": np.__version__,
        }
    )
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = block(module.TASKS[request["task"]], request["arguments"], request["count"])
        except Exception as error:  # told to the one who asked, who goes on with the other sides
            answer = {"failed": f"{type(error).__name__}: {error}"}
        say(answer)


def block(make: Any, arguments: dict[str, Any], count: int) -> dict[str, Any]:
    run = make(**arguments)
    gc.collect()  # what making left over is not to be collected in the first run
    seconds, numbers = [], []
    for _ in range(count):
        started = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - started)
        numbers.append(result)
    return {"seconds": seconds, "numbers": numbers, "peak_bytes": peak_memory()}


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
    main(sys.argv[1])
