"""``python -m townlet_pipeline.run [SCENARIO]``: a scenario's whole column, from this terminal, into Dagster."""

import sys
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import filelock
import typer

from townlet.errors import InputError
from townlet_pipeline.instance.commands import say, start

if TYPE_CHECKING:
    from dagster import DagsterInstance, ExecuteInProcessResult

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="Name of a scenario.")] = "queue_conflict",
    home: Annotated[
        Path | None, typer.Option(help="Dagster's folder; by default $DAGSTER_HOME, else .dagster here.")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Folder for artefacts; by default runs/store.")] = None,
    mode: Annotated[str, typer.Option(help="mixed, rollout or replay.")] = "mixed",
    cycles: Annotated[int | None, typer.Option(help="Training cycles; by default the scenario's.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over each batch of data.")] = None,
    seed: Annotated[int | None, typer.Option(help="Training seed.")] = None,
) -> None:
    """Materialize everything of one scenario and say what came out; exit with 1 if a step or a blocking check fails."""
    training = {"mode": mode, "cycles": cycles, "epochs": epochs, "seed": seed}
    passed = materialize_column(scenario, home=home, store=store, training=training)
    raise typer.Exit(0 if passed else 1)


def materialize_column(scenario: str, *, home: Path | None, store: Path | None, training: dict[str, Any]) -> bool:
    """Run the job ``train_scenario`` for a scenario in this process; return whether all of it succeeded.

    Raises InputError for an unknown scenario or mode.
    """
    from townlet_pipeline.artefacts.partitions import known_scenarios, register_scenarios
    from townlet_pipeline.instance.home import own_settings
    from townlet_pipeline.instance.instance import alone, open_instance
    from townlet_pipeline.runs.dead_runs import reap

    with open_instance(home) as instance:
        folder = Path(instance.root_directory)
        if told := own_settings(folder):
            say(told)
        with alone(folder):
            register_scenarios(instance, say=lambda told: say(f"no partition: {told}", sys.stderr))
        _require_known(scenario, known_scenarios(instance))
        _require_mode(training["mode"])
        with _in_turn(folder, scenario):
            _say_if_compiling()
            for closed in reap(instance):
                say(f"closed run {closed.run_id}: its process is gone")
            say(f"{scenario}: materializing into {folder}")
            result = _execute(instance, scenario, _run_config(store, training))
            _report_if_failed(instance, result)
    if not result.success:
        say(f"{scenario}: failed; what is downstream of the failure was left as it was", sys.stderr)
        return False
    _conclude(scenario, store)
    return True


def _execute(instance: "DagsterInstance", scenario: str, config: dict[str, Any]) -> "ExecuteInProcessResult":
    from townlet_pipeline.definitions import defs
    from townlet_pipeline.runs.console import ConsoleReporter
    from townlet_pipeline.runs.worker import worker_tags
    from townlet_pipeline.runs.worker_lock import present

    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, ConsoleReporter(say))
    with present(instance, run_id):
        return defs.resolve_job_def("train_scenario").execute_in_process(
            run_config=config,
            instance=instance,
            partition_key=scenario,
            raise_on_error=False,
            run_id=run_id,
            tags=worker_tags(run_id),
        )


@contextmanager
def _in_turn(folder: Path, scenario: str) -> Iterator[None]:
    """Wait until no other terminal makes this scenario's column in this home."""
    turns = folder / "turns"
    turns.mkdir(exist_ok=True)
    turn = filelock.FileLock(turns / f"{urllib.parse.quote(scenario, safe='')}.lock")
    try:
        turn.acquire(blocking=False)
    except filelock.Timeout:
        say(f"{scenario}: waiting for another make run of it to end")
        turn.acquire()
    try:
        yield
    finally:
        turn.release()


def _report_if_failed(instance: "DagsterInstance", result: "ExecuteInProcessResult") -> None:
    """Write the incident at once: no daemon may run, and one that is started later does not look back."""
    from townlet_pipeline.instance.project import shown
    from townlet_pipeline.runs.incidents import incidents_folder, report_incident

    run = instance.get_run_by_id(result.run_id)
    if result.success or run is None:
        return
    try:
        told = report_incident(instance, run, incidents_folder())
    except OSError as error:
        say(f"no incident page could be written: {error.filename}: {error.strerror}", sys.stderr)
        return
    if told is not None:
        say(f"incident: {shown(told[0])}; {told[1]}", sys.stderr)


def _run_config(store: Path | None, training: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in training.items() if value is not None}
    config: dict[str, Any] = {
        "resources": {"trainer": {"config": given}},
        # The reporter says what a person wants to know; Dagster's own log stays in the instance.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    if store is not None:
        config["resources"]["store"] = {"config": {"root": str(store.resolve())}}
    return config


def _require_known(scenario: str, known: list[str]) -> None:
    """Raise InputError for what is no partition: with the faults of its file, if there is one."""
    from townlet.config import load_scenario
    from townlet.errors import nearest_name
    from townlet_pipeline.artefacts.partitions import files_on_disk
    from townlet_pipeline.instance.project import scenario_file

    if scenario in known:
        return
    if scenario in files_on_disk():
        load_scenario(scenario_file(scenario))
    raise InputError.of("run", "SCENARIO", repr(scenario), nearest_name(scenario, known))


def _require_mode(mode: str) -> None:
    from townlet.errors import nearest_name
    from townlet_pipeline.resources import Mode

    modes = [choice.value for choice in Mode]
    if mode not in modes:
        raise InputError.of("run", "--mode", repr(mode), nearest_name(mode, modes))


def _say_if_compiling() -> None:
    from townlet.world.engine.compile import is_compiled

    if not is_compiled():
        say("compiling the town's rules, once per version")


def _conclude(scenario: str, store: Path | None) -> None:
    """Print the figures of the training, the verdict on its telemetry, and where to look next."""
    from townlet.files.storage import read_json
    from townlet.telemetry import read_records
    from townlet.view.key_figures import key_figures
    from townlet_pipeline.artefacts import files
    from townlet_pipeline.instance.project import shown
    from townlet_pipeline.resources import StoreResource

    place = StoreResource(root=str(store.resolve())) if store is not None else StoreResource()
    records = read_records(files.log(place, scenario))
    alerts = len(read_json(files.alerts(place, scenario), "telemetry alerts")["alerts"])
    say("")
    for figure in key_figures(records)[:2]:
        say(f"  {figure}")
    say(f"  telemetry: {len(records)} records valid, {alerts or 'no'} alert{'' if alerts == 1 else 's'}")
    say(f"\nreport: {shown(files.report(place, scenario))}\nmake ui shows the lineage, the plots and every run")


if __name__ == "__main__":
    start(app)
