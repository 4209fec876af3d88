"""The same as ``townlet train``."""

import sys

from townlet.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
