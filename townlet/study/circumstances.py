"""Circumstances under which a study ran, for its report."""

from __future__ import annotations

import datetime
import os
import platform


def here_and_now() -> str:
    """Today's date and the machine, in words."""
    processor = (
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    return f"Run on {datetime.date.today().isoformat()} ({processor})"
