"""Workers of the study: its pieces spread over several processes, each result kept in a folder."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from townlet.host.processes import exit_with_parent
from townlet.sources import sources_sha256
from townlet.study.conflict.execute import do, read_judgement
from townlet.study.conflict.settings import Settings
from townlet.study.conflict.tasks import Continuation, Judgement, Piece, Policy

Progress = Callable[[int, int, str], None]


def methods_hash() -> str:
    """SHA-256 of the sources that decide what a policy becomes and how it is judged, as they were when first asked.

    What the configuration says is part of each piece's own name; see :func:`digest`.
    """
    return sources_sha256("townlet.study.conflict.execute")


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
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), exit_with_parent) as pool:
        for name, pieces in stages:
            for finished in _all_done(pool, pieces, settings, folder):
                done += weight[name]
                progress(done, total, f"{name}: {finished} of {len(pieces)}")
    return {judgement: read_judgement(judgement, settings, folder) for judgement in dict.fromkeys(judgements)}


def cache_folder(folder: Path) -> Path:
    """Where results of the present sources are kept."""
    return folder / methods_hash()[:12]


def _all_done(pool: ProcessPoolExecutor, pieces: list[Piece], settings: Settings, folder: Path) -> Iterator[int]:
    futures = [pool.submit(do, piece, settings, folder) for piece in pieces]
    try:
        for finished, future in enumerate(as_completed(futures), 1):
            future.result()
            yield finished
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
