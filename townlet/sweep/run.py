"""A whole sweep, from its options to its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from townlet.behavior import RandomBehavior
from townlet.config import Scenario
from townlet.errors import InputError, RunError
from townlet.evaluation import measure
from townlet.files.storage import AnyPath, exclusive, require_folder
from townlet.study.progress import Progress
from townlet.sweep.confirm import Confirmation, Confirming
from townlet.sweep.corners import require_corners
from townlet.sweep.crew import Crew
from townlet.sweep.options import PRUNED_BY, SweepOptions, fixed_scenario, plan_of, require_plan
from townlet.sweep.outputs import write_results
from townlet.sweep.records import TrialRecord
from townlet.sweep.results import SweepResult
from townlet.sweep.search import require_optuna, trials_possible
from townlet.sweep.searching import Searching
from townlet.sweep.space import Space, read_space


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C; the message says how the sweep goes on."""


def sweep(
    scenario: Scenario,
    space: AnyPath | Mapping[str, Any],
    options: SweepOptions,
    *,
    settings: Sequence[str] = (),
    cycles: int | None = None,
    file: str | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """Search a space for good settings, confirm the best, and write the results into the folder of the options.

    If the same sweep is in the folder, it goes on there. Trainings go on at their last checkpoints.

    Args:
        scenario: what is trained. All policies are scored in its town, with the fixed settings but none of the space.
        space: a YAML file, or a mapping as a file would hold it; see :func:`townlet.sweep.space.read_space`.
        options: those of the sweep.
        settings: what is fixed for all trials, as ``--set`` takes it.
        cycles: rollouts of each training.
        file: the scenario's file, for the command that the report proposes.
        progress: called with the trainings done, those in all, and a note.

    Raises InputError for unusable input, with nothing written; RunError if no trial has a score; and SweepInterrupted.
    """
    options.require_usable()
    require_optuna()
    fixing = [*settings, *([] if cycles is None else [f"cycles={cycles}"])]
    fixed = fixed_scenario(scenario, read_space(space, scenario), fixing)
    read = read_space(space, fixed)
    require_corners(read, fixed)
    total = trials_possible(read, options)
    _require_metric(fixed, options)
    plan = plan_of(fixed, read, options)
    folder = Path(options.output)
    require_folder(folder)
    with exclusive(folder):
        require_plan(folder, plan)
        records, best, confirmation = _worked(fixed, read, options, total, progress)
        result = SweepResult(
            file=file or scenario.name,
            fixed=fixed,
            space=read,
            options=options,
            records=tuple(records),
            best=best,
            confirmation=confirmation,
        )
        write_results(result)
    return result


def _worked(
    scenario: Scenario, space: Space, options: SweepOptions, total: int, progress: Progress | None
) -> tuple[list[TrialRecord], TrialRecord, Confirmation | None]:
    """All trials, the best of them, and its confirmation, once everything is done."""
    searching = Searching(scenario, space, options, total, lambda: tell())
    confirming: Confirming | None = None

    def tell() -> None:
        if progress is not None:
            done = searching.finished * options.seeds_per_trial + (confirming.done_so_far if confirming else 0)
            planned = max(total, len(searching.records)) * options.seeds_per_trial + 2 * options.confirm
            progress(done, planned, _note(searching, confirming))

    tell()
    try:
        with Crew(options.jobs) as crew:
            crew.run(searching.next_task, searching.stop, searching.done)
            best = searching.best
            if best is None:
                raise RunError(f"no trial has a score; the first one: {searching.records[0].reason or 'pruned'}")
            if not options.confirm or best.settings == space.default:
                return searching.records, best, None
            confirming = Confirming(scenario, best, options, tell)
            crew.run(confirming.next_task, lambda task, step, value: False, confirming.done)
            return searching.records, best, confirming.confirmation
    except KeyboardInterrupt:
        done = f"{searching.finished} of {total} trials are finished"
        if confirming is not None:
            done += f", and {confirming.done_so_far} of {2 * options.confirm} trainings of the confirmation"
        raise SweepInterrupted(f"{done}; the same command goes on there") from None


def _note(searching: Searching, confirming: Confirming | None) -> str:
    best = searching.best
    if best is None:
        return f"trial {max(0, len(searching.records) - 1)}"
    doing = "confirming" if confirming else f"trial {len(searching.records) - 1}"
    return f"{doing}; best {best.score:.4g} in trial {best.number}"


def _require_metric(scenario: Scenario, options: SweepOptions) -> None:
    """Raise InputError for a metric that this town does not have, such as attendance where nobody has a job."""
    if options.metric in PRUNED_BY:
        return
    values = measure(RandomBehavior(), scenario, worlds=2, seed=options.world_seeds(scenario)[0])
    if options.metric not in values:
        raise InputError.of("options", "--metric", options.metric, f"one that this town has: {', '.join(values)}")
