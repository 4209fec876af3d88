"""Progress of a study."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the units done, the units in all, and a note on the present one.
Progress = Callable[[int, int, str], None]
