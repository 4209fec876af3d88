"""A wrong option of the training, which ends a run at its first step."""

from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey
from support.pipeline_runs import SCENARIO, new_instance, reasons

from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.definitions import defs

RATE = {"trainer": {"config": {"learning_rate": 5.0}}}
COOLDOWN = {"settings": ["rules.queue.cooldown_ticks=9"]}
#: The first step of a run, the options of its resources, and why the step fails.
REFUSED = [
    ("scenario", RATE, "ppo.learning_rate: found 5.0"),
    ("rollout_capture", RATE, "ppo.learning_rate: found 5.0"),
    (
        "scenario",
        {"trainer": {"config": {"settings": ["ppo.gama=0.9"]}}},
        "trainer options: ppo.gama: found unknown key 'gama'",
    ),
    (
        "scenario",
        {"simulator": {"config": {"settings": ["ppo.gamma=0.9"]}}},
        "simulator options: ppo.gamma: found a key on which no capture depends",
    ),
    (
        "scenario",
        {"simulator": {"config": COOLDOWN}},
        "trainer options: settings: found by settings, rules.queue.cooldown_ticks is 9 for simulator and not set for "
        "trainer, expected the same settings of the town for both",
    ),
    (
        "scenario",
        {"trainer": {"config": {"from_policy": "generalist", "settings": ["network.hidden=[8]"]}}},
        "trainer options: training.network.hidden: found [8], expected no such setting",
    ),
]


@pytest.mark.parametrize(("first", "options", "why"), REFUSED)
def test_a_wrong_option_of_a_mixed_training_is_refused_at_the_runs_first_step(
    tmp_path: Path, first: str, options: dict[str, Any], why: str
) -> None:
    later = [AssetKey(name) for name in ("rollout_capture", "replay_manifest", "trained_policy", "ppo_telemetry")]
    with new_instance(tmp_path) as instance:
        register_scenarios(instance)
        result = defs.resolve_job_def("train_scenario").execute_in_process(
            instance=instance,
            partition_key=SCENARIO,
            asset_selection=None if first == "scenario" else later,
            run_config={
                "resources": {
                    **options,
                    "store": {"config": {"root": str(tmp_path / "store")}},
                },
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            raise_on_error=False,
        )
        assert reasons(result).keys() == {first}
        assert why in reasons(result)[first]
        made = [path for path in (tmp_path / "store").rglob("*") if path.is_file() and not path.name.startswith(".")]
        assert made == []
