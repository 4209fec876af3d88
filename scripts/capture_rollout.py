"""The same as ``townlet capture``."""

import sys

from townlet.cli import main

if __name__ == "__main__":
    sys.exit(main(["capture", *sys.argv[1:]]))
