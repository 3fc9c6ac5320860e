"""The files of rows; importing them fills the table."""

from importlib import import_module

_NAMES = [
    "asking",
    "attributes",
    "callees",
    "counting",
    "deciding",
    "drawing",
    "keeping",
    "lasting",
    "leaving",
    "masking",
    "modules",
    "nesting",
    "optimizers",
    "python_values",
    "remembering",
    "returning",
    "running",
    "scheduling",
    "shaping",
    "stepping",
    "surrounding",
    "sweeping",
    "telling_apart",
    "transforming",
]

FILES = tuple([import_module(f"support.jitted_ways.{name}") for name in _NAMES])
