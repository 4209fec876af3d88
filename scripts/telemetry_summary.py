"""The same as ``townlet summary``."""

import sys

from townlet.cli import main

if __name__ == "__main__":
    sys.exit(main(["summary", *sys.argv[1:]]))
