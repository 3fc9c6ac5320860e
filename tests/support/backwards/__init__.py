"""Backward passes in published styles, each right, with mistakes to plant in its source.

A module has `case(rng)`, the arguments of `check_backward`; MISTAKES, pairs of source text, the
first of which is on one line; and LINES, the line to be named where it is another than that.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
