"""``python -m townlet_pipeline.run [SCENARIO]``: a scenario's whole column, from this terminal, into Dagster."""

import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from townlet.errors import InputError

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
    try:
        passed = materialize_column(
            scenario, home=home, store=store, training={"mode": mode, "cycles": cycles, "epochs": epochs, "seed": seed}
        )
    except InputError as error:
        for fault in error.faults:
            print(f"error: {fault}", file=sys.stderr)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if passed else 1)


def materialize_column(scenario: str, *, home: Path | None, store: Path | None, training: dict[str, Any]) -> bool:
    """Run the job ``train_scenario`` for a scenario in this process; return whether all of it succeeded.

    Raises InputError for an unknown scenario or mode.
    """
    from townlet_pipeline.home import ensure_home, own_settings

    folder = ensure_home(home)
    if told := own_settings(folder):
        print(told, flush=True)

    from dagster import DagsterInstance

    from townlet_pipeline.console import ConsoleReporter
    from townlet_pipeline.definitions import defs
    from townlet_pipeline.partitions import known_scenarios, register_scenarios
    from townlet_pipeline.presence import present
    from townlet_pipeline.reaper import reap
    from townlet_pipeline.worker import worker_tags

    run_id = str(uuid.uuid4())
    with DagsterInstance.get() as instance:
        register_scenarios(instance, say=lambda told: print(f"no partition: {told}", file=sys.stderr, flush=True))
        _require_known(scenario, known_scenarios(instance))
        _require_mode(training["mode"])
        _say_if_compiling()
        for closed in reap(instance):
            print(f"closed run {closed.run_id}: its process is gone", flush=True)
        print(f"{scenario}: materializing into {folder}", flush=True)
        instance.add_event_listener(run_id, ConsoleReporter(lambda line: print(line, flush=True)))
        with present(instance, run_id):
            result = defs.resolve_job_def("train_scenario").execute_in_process(
                run_config=_run_config(store, training),
                instance=instance,
                partition_key=scenario,
                raise_on_error=False,
                run_id=run_id,
                tags=worker_tags(run_id),
            )
    if not result.success:
        print(f"{scenario}: failed; what is downstream of the failure was left as it was", file=sys.stderr)
        return False
    _conclude(scenario, store)
    return True


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
    from townlet_pipeline.partitions import files_on_disk
    from townlet_pipeline.project import scenario_file

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
    from townlet.world.compile import is_compiled

    if not is_compiled():
        print("compiling the town's rules, once per version", flush=True)


def _conclude(scenario: str, store: Path | None) -> None:
    """Print the figures of the training, the verdict on its telemetry, and where to look next."""
    from townlet.storage import read_json
    from townlet.telemetry import read_records
    from townlet.view.headline import headline
    from townlet_pipeline import files
    from townlet_pipeline.project import shown
    from townlet_pipeline.resources import StoreResource

    place = StoreResource(root=str(store.resolve())) if store is not None else StoreResource()
    records = read_records(files.log(place, scenario))
    alerts = len(read_json(files.alerts(place, scenario), "telemetry alerts")["alerts"])
    print()
    for figure in headline(records)[:2]:
        print(f"  {figure}")
    print(f"  telemetry: {len(records)} records valid, {alerts or 'no'} alert{'' if alerts == 1 else 's'}")
    print(f"\nreport: {shown(files.report(place, scenario))}\nmake ui shows the lineage, the plots and every run")


def main() -> None:
    """Entry point of ``python -m townlet_pipeline.run``."""
    app()


if __name__ == "__main__":
    main()
