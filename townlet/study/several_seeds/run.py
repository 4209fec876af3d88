"""A whole study of several seeds: all trainings, their scores, and the files about all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from townlet.errors import InputError
from townlet.files.storage import exclusive, require_folder
from townlet.study.several_seeds.one_seed import SeedOutcome
from townlet.study.several_seeds.plan import MOST_SEEDS, SeedsPlan, default_jobs
from townlet.study.several_seeds.processes import run_seeds
from townlet.study.several_seeds.report import write_results
from townlet.study.several_seeds.results import RESULT_NAMES, SeedsResults, collect_results


class SeedsInterrupted(KeyboardInterrupt):
    """Ctrl-C; the message says how many seeds are done, and how to go on."""


#: Called with the epochs done, those of all seeds, and a note.
SeedsProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class SeedsStudy:
    """What came of a study: its results, and what this process did for them."""

    results: SeedsResults
    outcomes: tuple[SeedOutcome, ...]
    """One per seed, in order."""


def train_seeds(plan: SeedsPlan, *, jobs: int | None = None, progress: SeedsProgress | None = None) -> SeedsStudy:
    """Train with every seed of a plan, score the policies, and write ``seeds.json``, ``seeds.md`` and ``seeds.png``.

    With ``resume`` among the plan's options, finished seeds are not done again, and unfinished ones go on from their
    checkpoint: the files have the bytes that an uninterrupted study gives them, whatever ``jobs`` is. A training that
    diverges counts as chance in the scores, and does not stop the others.

    Args:
        plan: see :meth:`SeedsPlan.of`.
        jobs: trainings side by side, each in a process of its own; by default one per core.
        progress: called after each epoch of any seed.

    Raises InputError for unusable options, before anything is changed; SeedsInterrupted for Ctrl-C; and RunError if
    every training diverged, or a process died.
    """
    side_by_side = default_jobs(len(plan.seeds)) if jobs is None else jobs
    if not 1 <= side_by_side <= MOST_SEEDS:
        raise InputError.of("options", "--jobs", str(side_by_side), f"from 1 to {MOST_SEEDS:,}")
    require_folder(plan.folder, RESULT_NAMES)
    board = _Board(plan, progress or (lambda done, total, note: None))
    with exclusive(plan.folder):
        try:
            run_seeds(plan, min(side_by_side, len(plan.seeds)), board)
        except KeyboardInterrupt:
            raise SeedsInterrupted(board.how_to_go_on()) from None
        results = collect_results(plan)
        write_results(plan, results)
    return SeedsStudy(results, tuple(board.outcomes[seed] for seed in plan.seeds))


@dataclass
class _Board:
    """What is known of all seeds while they are trained."""

    plan: SeedsPlan
    progress: SeedsProgress
    outcomes: dict[int, SeedOutcome] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    begun: bool = False

    def epoch(self, seed: int, number: int, reward: float) -> None:
        """Count an epoch of a seed. The first one of all makes what earlier results say untrue."""
        if not self.begun:
            self.begun = True
            for name in RESULT_NAMES:
                (self.plan.folder / name).unlink(missing_ok=True)
        self.epochs[seed] = number
        self._show(f"{self._done()}; seed {seed}: reward {reward:.3f}")

    def done(self, outcome: SeedOutcome) -> None:
        """Count a seed."""
        self.outcomes[outcome.seed] = outcome
        self.epochs[outcome.seed] = self.plan.planned_epochs
        self._show(self._done())

    def how_to_go_on(self) -> str:
        """A sentence for somebody who pressed Ctrl-C."""
        return f"{self._done()}, in {self.plan.folder}; the same command with --resume goes on with the others"

    def _done(self) -> str:
        return f"{len(self.outcomes)} of {len(self.plan.seeds)} seeds done"

    def _show(self, note: str) -> None:
        planned = self.plan.planned_epochs
        # A hand-over adds epochs that no plan foresees.
        done = sum(min(number, planned) for number in self.epochs.values())
        self.progress(done, planned * len(self.plan.seeds), note)
