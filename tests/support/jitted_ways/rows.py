"""The files of rows; importing them fills the table."""

from support.jitted_ways import (
    drawing,
    leaving,
    modules,
    optimizers,
    python_values,
    returning,
    running,
    shaping,
    transforming,
)

FILES = (
    drawing,
    leaving,
    modules,
    optimizers,
    python_values,
    returning,
    running,
    shaping,
    transforming,
)
