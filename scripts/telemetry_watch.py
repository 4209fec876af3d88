"""Entry point of ``townlet watch``."""

import sys

from townlet.cli import run

if __name__ == "__main__":
    run(["watch", *sys.argv[1:]])
