"""The study's work, in pieces that are cached: policies to train, and judgements of them; over several processes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

from townlet.study.conflict.arms import AWARE, Arm
from townlet.study.conflict.settings import EVALUATION_SEED, Settings, training_config
from townlet.study.conflict.town import StudyTown, study_scenario
from townlet.world.compile import sources_hash

Progress = Callable[[int, int, str], None]

#: Companies in which some of the people are not of the arm that is judged.
COMPANIES = ("two queue-jumpers", "two doormats", "half of another seed")


@dataclass(frozen=True)
class Start:
    """A warm start, the same for all arms that see the same, in whatever town they are trained."""

    sees_conflict: bool
    seed: int


@dataclass(frozen=True)
class Policy:
    """A policy to train: an arm in a town from a seed. An arm with a script needs no training."""

    arm: Arm
    seed: int
    town: StudyTown

    @property
    def start(self) -> Start:
        """The weights with which its training begins."""
        return Start(self.arm.sees_conflict, self.seed)


@dataclass(frozen=True)
class Judgement:
    """A policy to judge, in a town and a company; ``other_seed`` is the seed of the strangers among the people."""

    policy: Policy
    town: StudyTown
    company: str = ""
    other_seed: int = -1


Piece = Start | Policy | Judgement


def digest(what: Piece, settings: Settings) -> str:
    """Name of a cached result: a hash of what was done, of how much of it, and of the town and the trainer."""
    policy = what.policy if isinstance(what, Judgement) else what
    arm, grown = (policy.arm, policy.town) if isinstance(policy, Policy) else (AWARE, StudyTown())
    sees = policy.sees_conflict if isinstance(policy, Start) else arm.sees_conflict
    towns = [grown, what.town] if isinstance(what, Judgement) else [grown]
    training = training_config(settings, policy.seed)
    scenarios = [study_scenario(town, sees_conflict=sees, penalty=arm.penalty, training=training) for town in towns]
    done = [asdict(what), settings.of_one_piece(), [scenario.digest for scenario in scenarios]]
    return hashlib.sha256(json.dumps(done, sort_keys=True).encode()).hexdigest()[:20]


@cache
def methods_hash() -> str:
    """SHA-256 of the sources that decide what a policy becomes and how it is judged, as they were when first asked.

    What the configuration says is part of each piece's own name; see :func:`digest`.
    """
    package, here = Path(__file__).parents[2], Path(__file__).parent
    methods = "cloning", "company", "evaluate", "learner", "pieces", "scripts", "shaping", "work"
    decisive = [here / f"{name}.py" for name in methods]
    decisive += [package / f"{name}.py" for name in ("rollout", "simulation", "workers")]
    sources = sorted([*decisive, *package.glob("training/*.py"), *package.glob("behavior/*.py")])
    content = b"".join(path.read_bytes() for path in sources)
    return hashlib.sha256(sources_hash().encode() + content).hexdigest()


def run_study(
    policies: Sequence[Policy],
    judgements: Sequence[Judgement],
    settings: Settings,
    folder: Path,
    processes: int,
    progress: Progress,
) -> dict[Judgement, dict[str, float]]:
    """The metrics of all judgements; whatever the same sources have put into the folder already is not done again.

    Raises what a piece of work raises; the pieces done by then are kept.
    """
    from townlet.study.conflict.pieces import read_judgement

    folder = cache_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    learning = [policy for policy in dict.fromkeys(policies) if not policy.arm.script]
    stages: list[tuple[str, list[Piece]]] = [
        ("cloning", list(dict.fromkeys(policy.start for policy in learning))),
        ("training", list(learning)),
        ("judging", list(dict.fromkeys(judgements))),
    ]
    # A training takes about twenty times as long as the rest.
    weight = {"cloning": 3, "training": 20, "judging": 1}
    total = sum(weight[name] * len(pieces) for name, pieces in stages)
    done = 0
    # Fresh interpreters: torch's threads do not survive a fork.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _end_with_the_study) as pool:
        for name, pieces in stages:
            for finished in _all_done(pool, pieces, settings, folder):
                done += weight[name]
                progress(done, total, f"{name}: {finished} of {len(pieces)}")
    return {judgement: read_judgement(judgement, settings, folder) for judgement in dict.fromkeys(judgements)}


def cache_folder(folder: Path) -> Path:
    """Where results of the present sources are kept."""
    return folder / methods_hash()[:12]


def _end_with_the_study() -> None:
    """Let this process end as soon as the one that started it has, however that came about."""
    study = multiprocessing.parent_process()
    if study is not None:
        threading.Thread(target=_end_after, args=(study,), daemon=True).start()


def _end_after(study: BaseProcess) -> None:
    study.join()
    os._exit(1)


def _all_done(pool: ProcessPoolExecutor, pieces: list[Piece], settings: Settings, folder: Path) -> Iterator[int]:
    from townlet.study.conflict.pieces import do

    futures = [pool.submit(do, piece, settings, folder) for piece in pieces]
    try:
        for finished, future in enumerate(as_completed(futures), 1):
            future.result()
            yield finished
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def evaluation_seed(seed: int) -> int:
    """The seed of the towns in which all policies of a seed are judged, so that arms can be compared in pairs."""
    return EVALUATION_SEED + seed
