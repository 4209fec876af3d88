"""The same as ``townlet watch``."""

import sys

from townlet.cli import main

if __name__ == "__main__":
    sys.exit(main(["watch", *sys.argv[1:]]))
