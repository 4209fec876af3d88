"""The same as ``townlet validate``."""

import sys

from townlet.cli import main

if __name__ == "__main__":
    sys.exit(main(["validate", *sys.argv[1:]]))
