"""The night of a shipped scenario, as it is scheduled: the code that made its baseline is accepted.

``SOAK_NIGHTS=town_day,town_large SOAK_NIGHT=2027-01-05 python -m pytest tests/soak/test_soak_night.py`` chooses the
scenarios (``all`` for all) and the day, from which the seed follows. By default it is the first third of the quickest
scenario's night.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from support.captures import SCENARIOS

from townlet.baselines import promoted_scenarios
from townlet.soak.evidence import assess_soak
from townlet.soak.options import SoakOptions
from townlet.soak.run import run_soak
from townlet_pipeline.soak.assets.soak_run import SoakConfig

ASKED = os.environ.get("SOAK_NIGHTS", "observation_baseline")
NIGHT = os.environ.get("SOAK_NIGHT", "2026-12-01")
SCHEDULED = SoakConfig().model_dump()
if "SOAK_NIGHTS" not in os.environ:
    SCHEDULED["cycles"] //= 3


@pytest.mark.parametrize("name", promoted_scenarios() if ASKED == "all" else ASKED.split(","))
def test_the_night_of_a_shipped_scenario_is_accepted(name: str, tmp_path: Path) -> None:
    run_soak(
        SoakOptions(
            scenario=SCENARIOS / f"{name}.yaml",
            output=tmp_path,
            seed=date.fromisoformat(NIGHT).toordinal(),
            night=NIGHT,
            **SCHEDULED,
        )
    )
    evidence = assess_soak(tmp_path)
    assert evidence.verdict.decision == "accept", evidence.verdict.reasons
    assert (evidence.soak.manifest["cycles_done"], evidence.soak.manifest["alerts"]) == (SCHEDULED["cycles"], 0)
