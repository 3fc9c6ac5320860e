"""The files of rows; importing them fills the table."""

from support.jitted_ways import (
    leaving,
    modules,
    python_values,
    shaping,
)

FILES = (leaving, modules, python_values, shaping)
