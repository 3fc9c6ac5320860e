"""Ways to lose a gradient, and what becomes of it in each: python tests/ways.py.

Each line is a way, and one of: right, error (and what it says), documented (by what numbers leave
the graph, or that the derivative is zero). Exits with 1 where one is WRONG: a gradient is lost in
silence or is another, or an error is not the one that is expected. See support.ways.judging.
"""

import argparse
import sys

from support.ways.table import WAYS, printed

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    sys.exit(printed(WAYS))
