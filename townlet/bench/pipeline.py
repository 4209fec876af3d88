"""``townlet bench pipeline``: what a scenario's column costs through Dagster, beyond the work itself."""

from __future__ import annotations

import importlib.util
from typing import Any

from townlet.bench.process import measure_apart
from townlet.bench.protocol import available_cores
from townlet.errors import InputError


def bench_pipeline(scenario: str, *, repeats: int) -> dict[str, Any]:
    """``case`` and the keys of ``townlet_pipeline.overhead.measure_overhead``, measured in a process of its own.

    Raises InputError where Dagster is not installed or there is no such scenario, and RunError if a run fails.
    """
    from townlet.config.find import find_scenario

    for package in ("dagster", "townlet_pipeline"):
        if importlib.util.find_spec(package) is None:
            raise InputError.of("bench pipeline", "", f"no {package}", "the packages: pip install 'townlet[pipeline]'")
    find_scenario(scenario)
    measured = measure_apart(
        "townlet_pipeline.overhead:measure_overhead",
        {"scenario": scenario, "repeats": repeats},
        # Nothing of it is for others.
        environment={"TOWNLET_ENV": "local"},
        cores=available_cores(),
    )
    return {"case": f"{scenario}, whole column", **measured}
