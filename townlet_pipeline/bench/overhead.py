"""What Dagster costs: a scenario's whole column through it, and the same work by ``townlet`` alone, in one process."""

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
    """Seconds of each of the two, in turn, and ``overhead_seconds``, the difference of their medians.

    The same work is that of the commands which the assets' pages say they can be made again with. A first round of
    both imports and compiles, and is not counted. Each repeat has a store and an instance of its own; making the
    instance is not measured, since a project does it once.

    ``overhead_cpu_seconds`` is the difference in this process's processor time, which other work on the machine
    lengthens less; ``pipeline_spread`` and ``direct_spread`` are the fastest and the slowest repeat; ``core_share`` is
    the share of the measured time in which this process worked.

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
    """Repeats of one kind: wall-clock and processor seconds of each."""

    def __init__(self, times: Sequence[tuple[float, float]]) -> None:
        walls, cpus = zip(*times, strict=True)
        self.seconds, self.cpu_seconds = statistics.median(walls), statistics.median(cpus)
        self.spread = [round(min(walls), 3), round(max(walls), 3)]
        self.total, self.cpu_total = sum(walls), sum(cpus)


@contextlib.contextmanager
def _timed() -> Iterator[list[float]]:
    """Yields a list that holds wall-clock and processor seconds of the block after it."""
    seconds: list[float] = []
    begin, cpu = time.perf_counter(), time.process_time()
    yield seconds
    seconds += [time.perf_counter() - begin, time.process_time() - cpu]


def _round(scenario: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds of the column through Dagster, and of its commands."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(project_root()):
        with _new_instance(Path(folder) / "home") as instance:
            seconds, result = _through_dagster(scenario, Path(folder) / "store", instance)
        return seconds, _directly(_commands(result))


def _through_dagster(
    scenario: str, store: Path, instance: DagsterInstance
) -> tuple[tuple[float, float], ExecuteInProcessResult]:
    """The job ``train_scenario`` in this process."""
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
    """What makes the assets of a run again, each command once, in the order in which they were made."""
    made = (event.step_materialization_data.materialization for event in result.get_asset_materialization_events())
    lines = dict.fromkeys(str(materialization.metadata["command"].value) for materialization in made)
    return [shlex.split(line)[1:] for line in lines]


def _directly(commands: Sequence[Sequence[str]]) -> tuple[float, float]:
    """The commands of ``townlet``, one after the other, in this process."""
    from townlet.cli import main

    with _timed() as seconds:
        for command in commands:
            with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
                code = main(command)
            if code:
                raise RunError(f"townlet {command[0]} directly: {said.getvalue().strip()}")
    return seconds[0], seconds[1]


def _new_instance(home: Path) -> DagsterInstance:
    home.mkdir()
    return DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}})
