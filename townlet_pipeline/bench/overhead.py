"""Benchmark of Dagster's overhead: a scenario's whole column through it, and by ``townlet`` alone, in one process."""

import contextlib
import io
import shlex
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster
from dagster import DagsterInstance, ExecuteInProcessResult

from townlet.bench.protocol import machine
from townlet.errors import RunError
from townlet_pipeline.instance.project import project_root

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def measure_overhead(scenario: str, repeats: int) -> dict[str, Any]:
    """Measure the column through Dagster and directly, in turn.

    Directly means by the commands that the assets' pages show. A first round of both imports and compiles, and is not
    counted. Each repeat has a store and an instance of its own; creating the instance is not measured, since a project
    does it once.

    Returns, among others:

    - ``overhead_seconds``: the difference of the two medians
    - ``overhead_cpu_seconds``: the same in this process's CPU time, which other work on the machine affects less
    - ``pipeline_spread`` and ``direct_spread``: the fastest and the slowest repeat
    - ``core_share``: the share of the measured time in which this process used a core

    Raises RunError if one of the two fails.
    """
    rounds = [_round(scenario) for _ in range(1 + repeats)][1:]
    pipeline, direct = (_Times(times) for times in zip(*rounds, strict=True))
    return {
        "overhead_seconds": round(pipeline.seconds - direct.seconds, 3),
        "overhead_cpu_seconds": round(pipeline.cpu_seconds - direct.cpu_seconds, 3),
        "pipeline_seconds": round(pipeline.seconds, 3),
        "pipeline_spread": pipeline.spread,
        "direct_seconds": round(direct.seconds, 3),
        "direct_spread": direct.spread,
        "core_share": round(min((pipeline.cpu_total + direct.cpu_total) / (pipeline.total + direct.total), 1.0), 3),
        "repeats": repeats,
        "machine": {**machine(), "dagster": dagster.__version__},
    }


class _Times:
    """Wall-clock and CPU seconds of all repeats of one kind."""

    def __init__(self, times: Sequence[tuple[float, float]]) -> None:
        walls, cpus = zip(*times, strict=True)
        self.seconds, self.cpu_seconds = statistics.median(walls), statistics.median(cpus)
        self.spread = [round(min(walls), 3), round(max(walls), 3)]
        self.total, self.cpu_total = sum(walls), sum(cpus)


@contextlib.contextmanager
def _timed() -> Iterator[list[float]]:
    """Yield a list that receives the block's wall-clock and CPU seconds when it ends."""
    seconds: list[float] = []
    begin, cpu = time.perf_counter(), time.process_time()
    yield seconds
    seconds += [time.perf_counter() - begin, time.process_time() - cpu]


def _round(scenario: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the wall-clock and CPU seconds of the column through Dagster, and of its commands."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(project_root()):
        with _new_instance(Path(folder) / "home") as instance:
            seconds, result = _through_dagster(scenario, Path(folder) / "store", instance)
        return seconds, _directly(_commands(result))


def _through_dagster(
    scenario: str, store: Path, instance: DagsterInstance
) -> tuple[tuple[float, float], ExecuteInProcessResult]:
    """Run the job ``train_scenario`` in this process."""
    from townlet_pipeline.artefacts.partitions import register_scenarios
    from townlet_pipeline.definitions import defs

    job = defs.resolve_job_def("train_scenario")
    register_scenarios(instance)
    config = {**_QUIET, "resources": {"store": {"config": {"root": str(store)}}}}
    with _timed() as seconds:
        result = job.execute_in_process(
            run_config=config, instance=instance, partition_key=scenario, raise_on_error=False
        )
    if not result.success:
        failed = [str(event.step_key) for event in result.all_events if event.is_step_failure]
        raise RunError(f"{scenario} through Dagster: {', '.join(failed) or 'a check'} failed")
    return (seconds[0], seconds[1]), result


def _commands(result: ExecuteInProcessResult) -> list[list[str]]:
    """Return the commands that make a run's assets again, each once, in the order of the assets."""
    made = (event.step_materialization_data.materialization for event in result.get_asset_materialization_events())
    lines = dict.fromkeys(str(materialization.metadata["command"].value) for materialization in made)
    return [shlex.split(line)[1:] for line in lines]


def _directly(commands: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Run the commands of ``townlet`` one after the other in this process."""
    from townlet.cli import main

    with _timed() as seconds:
        for command in commands:
            with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.redirect_stderr(output):
                code = main(command)
            if code:
                raise RunError(f"townlet {command[0]} directly: {output.getvalue().strip()}")
    return seconds[0], seconds[1]


def _new_instance(home: Path) -> DagsterInstance:
    home.mkdir()
    return DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}})
