"""Benchmark of loading the code location, and of resolving it for a project of many scenarios.

Nothing here imports Dagster before the time is taken.
"""

import os
import tempfile
import time
from pathlib import Path

#: Scenarios in the project that is resolved.
SCENARIOS = 200


def measure_loading(scenario: str) -> dict[str, float]:
    """Return ``import_seconds`` and ``resolve_seconds``, for a project with :data:`SCENARIOS` copies of a scenario.

    The former is the time to import ``townlet_pipeline.definitions`` when Dagster is imported already. The latter is
    the time to resolve all jobs, the sensor's first evaluation of every file, and the partitions of every asset. Call
    this once per process.
    """
    from townlet.errors import RunError
    from townlet_pipeline.instance.project import scenario_file, scenario_folder

    text = scenario_file(scenario).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        copies = scenario_folder(Path(folder))
        copies.mkdir(parents=True)
        for number in range(SCENARIOS):
            copy = text.replace(f"name: {scenario}\n", f"name: copy_{number}\n", 1)
            (copies / f"copy_{number}.yaml").write_text(copy, encoding="utf-8")
        os.environ["TOWNLET_PROJECT"] = folder
        import dagster

        begun = time.perf_counter()
        from townlet_pipeline.artefacts.partitions import scenarios
        from townlet_pipeline.column.sensors import scenario_files
        from townlet_pipeline.definitions import defs

        imported = time.perf_counter()
        repository = defs.get_repository_def()
        repository.get_all_jobs()
        with dagster.DagsterInstance.ephemeral() as instance:
            context = dagster.build_sensor_context(
                instance=instance, resources={"store": (defs.resources or {})["store"]}, repository_def=repository
            )
            found = scenario_files(context)
            for request in getattr(found, "dynamic_partitions_requests", None) or []:
                instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
            keys = scenarios.get_partition_keys(dynamic_partitions_store=instance)
            if len(keys) != SCENARIOS:
                raise RunError(f"{len(keys)} partitions of {SCENARIOS} scenario files")
            for spec in defs.resolve_all_asset_specs():
                if spec.partitions_def:
                    spec.partitions_def.get_partition_keys(dynamic_partitions_store=instance)
        resolved = time.perf_counter()
    return {"import_seconds": imported - begun, "resolve_seconds": resolved - imported}
