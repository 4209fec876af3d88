"""A name that the setup.py of PufferLib 3.0.0 reads but does not define under NO_OCEAN=1, for its build alone.

Without NO_OCEAN=1 it downloads two libraries and compiles all of its own environments, which Townlet does not need.
"""

import builtins

builtins.c_extension_paths = []  # type: ignore[attr-defined]
