"""Entry point of ``townlet summary``."""

import sys

from townlet.cli import run

if __name__ == "__main__":
    run(["summary", *sys.argv[1:]])
