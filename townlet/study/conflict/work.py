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
from multiprocessing.process import BaseProcess
from pathlib import Path

from townlet.sources import sources_sha256
from townlet.study.conflict.arms import AWARE, Arm
from townlet.study.conflict.settings import CONTINUATION_SEED, EVALUATION_SEED, Settings, training_config
from townlet.study.conflict.town import StudyTown, study_scenario

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
class Continuation(Policy):
    """A policy to train further: its arm's way, from what the conflict-aware arm has learnt from the seed."""

    @property
    def origin(self) -> Policy:
        """The policy with whose weights its training begins."""
        return Policy(AWARE, self.seed, self.town)

    @property
    def training_seed(self) -> int:
        """A seed of its own, so that it meets other days than those from which the first part was learnt."""
        return CONTINUATION_SEED + self.seed


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
    done = [asdict(what), _amounts(what, settings), [scenario.digest for scenario in scenarios]]
    return hashlib.sha256(json.dumps(done, sort_keys=True).encode()).hexdigest()[:20]


def _amounts(what: Piece, settings: Settings) -> dict[str, int]:
    """The settings that decide what comes out of a single piece; the others are how many."""
    names = ["cycles", "worlds", "rollout_ticks", "cloning_worlds", "cloning_epochs"]
    if isinstance(what, Judgement):
        names.append("evaluation_worlds")
    if isinstance(what.policy if isinstance(what, Judgement) else what, Continuation):
        names.append("further_cycles")
    return {name: getattr(settings, name) for name in names}


def methods_hash() -> str:
    """SHA-256 of the sources that decide what a policy becomes and how it is judged, as they were when first asked.

    What the configuration says is part of each piece's own name; see :func:`digest`.
    """
    return sources_sha256("townlet.study.conflict.pieces")


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
    further = [policy for policy in learning if isinstance(policy, Continuation)]
    first = [policy for policy in learning if policy not in further]
    first = list(dict.fromkeys([*first, *(policy.origin for policy in further)]))
    stages: list[tuple[str, list[Piece]]] = [
        ("cloning", list(dict.fromkeys(policy.start for policy in first))),
        ("training", list(first)),
        ("continuing", list(further)),
        ("judging", list(dict.fromkeys(judgements))),
    ]
    # A training takes about twenty times as long as the rest.
    weight = {"cloning": 3, "training": 20, "continuing": 40, "judging": 1}
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
