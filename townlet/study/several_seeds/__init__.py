"""Study of several seeds: the same training with each of them, every policy scored in the same unseen worlds."""

from townlet.study.several_seeds.plan import SeedsPlan, default_jobs
from townlet.study.several_seeds.results import SEEDS_NAME, SeedsResults, read_results
from townlet.study.several_seeds.run import SeedsInterrupted, train_seeds

__all__ = [
    "SEEDS_NAME",
    "SeedsInterrupted",
    "SeedsPlan",
    "SeedsResults",
    "default_jobs",
    "read_results",
    "train_seeds",
]
