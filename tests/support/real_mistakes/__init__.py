"""Mistakes that people published in backward passes, each recreated with its source.

A module has SOURCE, KIND, FIRST (the first wrong gradient, nearest the loss; None for a right pass),
CAUSE and WORDS (of each of its lists a fitting cause has one), and forward(rng), gradients(tensors)
and right(tensors). They are written as their authors wrote, loops and names and all.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
