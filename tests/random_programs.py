"""Random programs, asked for their derivatives: python tests/random_programs.py --seeds 0 1000.

See support.random_programs.asking for what is asked, and of what.
"""

from support.random_programs.asking import main

if __name__ == "__main__":
    main()
