"""The command ``townlet pipeline run [SCENARIO]``, which materializes a scenario's whole column."""

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
from townlet_pipeline.instance.commands import print_line, run_command
from townlet_pipeline.instance.project import ensure_project

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
    """Materialize a scenario's whole column and print a summary. Exits with 1 if a step or a gate fails."""
    training = {"mode": mode, "cycles": cycles, "epochs": epochs, "seed": seed}
    passed = materialize_column(scenario, home=home, store=store, training=training)
    raise typer.Exit(0 if passed else 1)


def materialize_column(scenario: str, *, home: Path | None, store: Path | None, training: dict[str, Any]) -> bool:
    """Run the job ``train_scenario`` for a scenario in this process; return whether the whole run succeeded.

    Raises InputError for an unknown scenario or mode.
    """
    from townlet_pipeline.artefacts.partitions import known_scenarios
    from townlet_pipeline.instance.home import settings_warning
    from townlet_pipeline.instance.opening import home_lock, open_instance
    from townlet_pipeline.runs.dead_runs import close_dead_runs
    from townlet_pipeline.soak.promotions import report_project

    if made := ensure_project():
        print_line(made)
    with open_instance(home) as instance:
        folder = Path(instance.root_directory)
        if warning := settings_warning(folder):
            print_line(warning)
        with home_lock(folder):
            report_project(instance, say=lambda fault: print_line(fault, sys.stderr))
        _require_known(scenario, known_scenarios(instance))
        _require_mode(training["mode"])
        with _scenario_lock(folder, scenario):
            _announce_compilation()
            for closed in close_dead_runs(instance):
                print_line(f"closed run {closed.run_id}: its worker is dead")
            print_line(f"{scenario}: materializing into {folder}")
            result = _execute(instance, scenario, _run_config(store, training))
            _report_failure(instance, result)
    if not result.success:
        print_line(f"{scenario}: failed; assets downstream of the failure were left unchanged", sys.stderr)
        return False
    _print_summary(scenario, store)
    return True


def _execute(instance: "DagsterInstance", scenario: str, config: dict[str, Any]) -> "ExecuteInProcessResult":
    from townlet_pipeline.definitions import defs
    from townlet_pipeline.runs.console import ConsoleReporter
    from townlet_pipeline.runs.worker import worker_tags
    from townlet_pipeline.runs.worker_lock import hold_worker_lock

    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, ConsoleReporter(print_line))
    with hold_worker_lock(instance, run_id):
        return defs.resolve_job_def("train_scenario").execute_in_process(
            run_config=config,
            instance=instance,
            partition_key=scenario,
            raise_on_error=False,
            run_id=run_id,
            tags=worker_tags(run_id),
        )


@contextmanager
def _scenario_lock(folder: Path, scenario: str) -> Iterator[None]:
    """Hold the scenario's lock in this home; wait while another terminal makes the scenario's column."""
    locks = folder / "turns"
    locks.mkdir(exist_ok=True)
    lock = filelock.FileLock(locks / f"{urllib.parse.quote(scenario, safe='')}.lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        print_line(f"{scenario}: waiting for another run of this scenario in a terminal to end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _report_failure(instance: "DagsterInstance", result: "ExecuteInProcessResult") -> None:
    """Write the incident's page now if the run failed, because the daemon, whose sensor would write it, may not run."""
    from townlet_pipeline.instance.project import shown
    from townlet_pipeline.runs.incidents import incidents_folder, report_incident

    run = instance.get_run_by_id(result.run_id)
    if result.success or run is None:
        return
    try:
        report = report_incident(instance, run, incidents_folder())
    except OSError as error:
        print_line(f"no incident page could be written: {error.filename}: {error.strerror}", sys.stderr)
        return
    if report is not None:
        page, outcome = report
        print_line(f"incident: {shown(page)}; {outcome}", sys.stderr)


def _run_config(store: Path | None, training: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in training.items() if value is not None}
    config: dict[str, Any] = {
        "resources": {"trainer": {"config": given}},
        # ConsoleReporter prints what matters; Dagster's full log stays in the instance.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    if store is not None:
        config["resources"]["store"] = {"config": {"root": str(store.resolve())}}
    return config


def _require_known(scenario: str, known: list[str]) -> None:
    """Raise InputError if the scenario is no partition, with the faults of its file if it has one."""
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


def _announce_compilation() -> None:
    from townlet.world.engine.compile import is_compiled

    if not is_compiled():
        print_line("compiling the town's rules, once per version")


def _print_summary(scenario: str, store: Path | None) -> None:
    """Print the policy beside the script, the state of the training's telemetry, and where to look next."""
    from townlet.evaluation import read_evaluation
    from townlet.files.storage import read_json
    from townlet.telemetry import read_records
    from townlet.view.policy_verdict import policy_verdict
    from townlet_pipeline.artefacts import files
    from townlet_pipeline.artefacts.store import StoreResource
    from townlet_pipeline.instance.project import command_line, shown

    place = StoreResource(root=str(store.resolve())) if store is not None else StoreResource()
    records = read_records(files.log(place, scenario))
    alerts = len(read_json(files.alerts(place, scenario), "telemetry alerts")["alerts"])
    evaluation = read_evaluation(files.evaluation(place, scenario))
    print_line(f"\nin {evaluation['worlds']} worlds that the policy was not trained in:")
    for line in policy_verdict(evaluation).lines():
        print_line(f"  {line}")
    print_line(f"\ntelemetry: {len(records)} records valid, {alerts or 'no'} alert{'' if alerts == 1 else 's'}")
    print_line(f"\nreport: {shown(files.report(place, scenario))}")
    print_line(f"{command_line('ui')} shows the lineage, the plots and every run")


if __name__ == "__main__":
    run_command(app)
