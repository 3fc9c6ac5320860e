"""python -m mnist: what a trained network says of pictures and of the test set."""

import sys

from autograd import keep_pages
from mnist.commands import main

if __name__ == "__main__":
    keep_pages()
    sys.exit(main())
