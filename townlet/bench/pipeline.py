"""``townlet bench pipeline``: the cost of running a scenario's column through Dagster, beyond the work itself."""

from __future__ import annotations

import importlib.util
import statistics
from typing import Any

from townlet.bench.process import measure_apart
from townlet.errors import InputError
from townlet.host.workers import available_cores


def bench_pipeline(scenario: str, *, repeats: int) -> dict[str, Any]:
    """Measure the pipeline's overhead and loading, each in a process of its own.

    Returns ``case``, the keys of ``townlet_pipeline.bench.overhead.measure_overhead``, and medians with their spreads
    of ``townlet_pipeline.bench.loading.measure_loading`` over as many fresh processes. Raises InputError if there is
    no such scenario, and RunError if a run fails.
    """
    from townlet.config.find import find_scenario

    for package in ("dagster", "townlet_pipeline"):
        if importlib.util.find_spec(package) is None:
            raise InputError.of("bench pipeline", "", f"no {package}", "the packages: pip install 'townlet[pipeline]'")
    find_scenario(scenario)
    # The measured instance is local, whatever this environment says.
    apart: dict[str, Any] = {"environment": {"TOWNLET_ENV": "local"}, "cores": available_cores()}
    overhead, loading = (
        "townlet_pipeline.bench.overhead:measure_overhead",
        "townlet_pipeline.bench.loading:measure_loading",
    )
    measured = measure_apart(overhead, {"scenario": scenario, "repeats": repeats}, **apart)
    # All modules are byte-compiled by now, by the measurement above.
    loaded = [measure_apart(loading, {"scenario": scenario}, **apart) for _ in range(repeats)]
    for kind in ("import", "resolve"):
        seconds = [one[f"{kind}_seconds"] for one in loaded]
        measured[f"{kind}_seconds"] = round(statistics.median(seconds), 3)
        measured[f"{kind}_spread"] = [round(min(seconds), 3), round(max(seconds), 3)]
    return {"case": f"{scenario}, whole column", **measured}
