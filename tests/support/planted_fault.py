"""A small town with a promoted baseline, and the same packages with one rule changed by 10 %, under a real daemon."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.places import ROOT
from townlet.baselines import BASELINES_FOLDER, promote
from townlet.baselines.build import build_baseline
from townlet.config import load_scenario

TOWN = "waiting"
_SEEDS = 8
#: A rule, and the same with needs that fall 10 % faster.
_RULE, _FASTER = "person.needs[n] - rules.need_decay[n]", "person.needs[n] - 1.1 * rules.need_decay[n]"
_CHANGES = {
    "name: observation_baseline\n": f"name: {TOWN}\n",
    "ticks_per_day: 1\n": "ticks_per_day: 20\n",
    "    decay: {}\n": "    decay: {energy: 0.02, hunger: 0.01, hygiene: 0.01}\n",
    "  rollout_ticks: 20\n": "  rollout_ticks: 20\n  worlds: 2\n  epochs: 1\n  network: {hidden: [16]}\n",
}


def project_with_a_baseline(root: Path) -> Path:
    """Make a project whose one scenario has a baseline, measured by the present rules and promoted."""
    content = (ROOT / "configs" / "scenarios" / "observation_baseline.yaml").read_text()
    for old, new in _CHANGES.items():
        assert content.count(old) == 1, old
        content = content.replace(old, new)
    file = root / "configs" / "scenarios" / f"{TOWN}.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    baseline, town = build_baseline(file, root / "baseline", seeds=_SEEDS, worlds=2).path, load_scenario(file)
    promote(baseline, town, reason="a test", by="ada", folder=root / BASELINES_FOLDER, least_seeds=_SEEDS)
    return root


def packages_with_a_fault(folder: Path) -> Path:
    """Copy the packages, and change the rule in the copy."""
    for package in ("townlet", "townlet_pipeline", "configs"):
        shutil.copytree(ROOT / package, folder / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "townlet" / "world" / "rules" / "needs.py"
    content = file.read_text()
    assert content.count(_RULE) == 1
    file.write_text(content.replace(_RULE, _FASTER))
    return folder


class FaultyCode:
    """The packages with the fault, as the code of an instance."""

    def __init__(self, packages: Path, home: Path, **environment: str) -> None:
        self._packages, self._home = packages, home
        # Rules that run uncompiled need no compiler for a change that is made once.
        more = {"DAGSTER_HOME": str(home), "PYTHONPATH": str(packages), "NUMBA_DISABLE_JIT": "1"}
        self._variables = {**os.environ, **environment, **more}

    @contextmanager
    def daemon(self) -> Iterator[Path]:
        """Run Dagster's daemon on the code, and yield its log."""
        log = self._home / "daemon.log"
        with log.open("wb") as output:
            command = self._command("dagster._daemon", "run")
            process = subprocess.Popen(
                command, cwd=self._packages, env=self._variables, stdout=output, stderr=output, start_new_session=True
            )
            try:
                yield log
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(60)

    def launch_night(self, day: str, cycles: int) -> None:
        """Queue a night's soak, which the daemon starts."""
        key = {"dagster/partition": f"{day}|{TOWN}", "dagster/partition/day": day, "dagster/partition/scenario": TOWN}
        config = {"ops": {"soak_run": {"config": {"cycles": cycles}}}}
        words = ["-j", "nightly_soak", "--tags", json.dumps(key), "--config-json", json.dumps(config)]
        command = self._command("dagster", "job", "launch", *words)
        subprocess.run(command, cwd=self._packages, env=self._variables, check=True, capture_output=True)

    def _command(self, module: str, *words: str) -> list[str]:
        return [sys.executable, "-m", module, *words, "-m", "townlet_pipeline.definitions"]
