"""Baselines: for each scenario and metric a distribution over seeds, promoted explicitly and never overwritten."""

from townlet.baselines.baseline import LEAST_SEEDS, Baseline, Distribution, read_baseline, scenario_sha256
from townlet.baselines.compare import Difference, differences
from townlet.baselines.promotion import BASELINES_FOLDER, Promotion, promote, promoted_baseline, promoted_scenarios
from townlet.baselines.review import BaselineReview, review_of
from townlet.baselines.world_metrics import WORLD_METRICS

__all__ = [
    "BASELINES_FOLDER",
    "LEAST_SEEDS",
    "WORLD_METRICS",
    "Baseline",
    "BaselineReview",
    "Difference",
    "Distribution",
    "Promotion",
    "differences",
    "promote",
    "promoted_baseline",
    "promoted_scenarios",
    "read_baseline",
    "review_of",
    "scenario_sha256",
]
