"""python -m mnist: what a trained network says of pictures and of the test set."""

import sys

from mnist.commands import main

if __name__ == "__main__":
    sys.exit(main())
