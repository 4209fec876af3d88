"""Entry point of ``townlet validate``."""

import sys

from townlet.cli import run

if __name__ == "__main__":
    run(["validate", *sys.argv[1:]])
