"""Entry point of ``townlet train``."""

import sys

from townlet.cli import run

if __name__ == "__main__":
    run(["train", *sys.argv[1:]])
