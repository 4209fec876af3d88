"""Review of a promoted baseline: six questions with their answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from townlet.files.storage import AnyPath

if TYPE_CHECKING:
    from upath import UPath

    from townlet.baselines import Baseline
    from townlet.baselines.promotion import Promotion


@dataclass(frozen=True)
class BaselineReview:
    """A promoted baseline, and the answers to six questions about it."""

    file: "Path | UPath"
    baseline: "Baseline"
    promotion: "Promotion"

    def sentences(self) -> list[tuple[str, str]]:
        """The six questions, each with its answer in plain text."""
        baseline, entry = self.baseline, self.promotion
        return [
            ("Which rollouts?", f"{len(baseline.seeds)} seeds of {baseline.worlds} worlds, {baseline.ticks} ticks."),
            ("Which policy or script acted?", f"{baseline.behavior}, {baseline.policy_sha256 or 'no policy'}."),
            ("Which code and commit?", str(baseline.code.model_dump())),
            ("Who promoted it?", f"{entry.by}, at {entry.promoted_at}."),
            ("Why?", entry.reason),
            ("What did it replace?", (entry.parent or "Nothing: it is the scenario's first baseline.")[:64]),
        ]


def review_of(home: AnyPath, scenario: str) -> BaselineReview:
    """The review of a scenario's promoted baseline, in the folder of all promoted baselines.

    Raises InputError if the scenario has none, and for a damaged baseline or ledger.
    """
    from townlet.baselines import promoted_baseline
    from townlet.baselines.promotion import read_ledger
    from townlet.files.storage import as_path

    folder = as_path(home)
    file, baseline = promoted_baseline(scenario, folder)
    return BaselineReview(file, baseline, read_ledger(folder / scenario, scenario).promotions[-1])
