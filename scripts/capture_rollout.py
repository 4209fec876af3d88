"""Entry point of ``townlet capture``."""

import sys

from townlet.cli import run

if __name__ == "__main__":
    run(["capture", *sys.argv[1:]])
