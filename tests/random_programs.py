"""Random programs, asked for their derivatives: python tests/random_programs.py --seeds 0 1000.

See support.random_programs.asking for what is asked, and of what.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.random_programs.asking import main

if __name__ == "__main__":
    main()
