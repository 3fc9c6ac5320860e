"""What tests and the commands beside them share.

A command, `python tests/points.py`, finds its own folder first, in which `nn` and `mnist` are
folders of tests: the packages of these names are in the folder above.
"""

import sys
from pathlib import Path

_ROOT = str(Path(__file__).parents[2])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)
