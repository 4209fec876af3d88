"""A wrong option of the training, which ends a run at its first step."""

from pathlib import Path

import pytest
from dagster import AssetKey
from support.pipeline_runs import SCENARIO, new_instance, reasons

from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.definitions import defs


@pytest.mark.parametrize("first", ["scenario", "rollout_capture"])
def test_a_wrong_option_of_a_mixed_training_is_refused_at_the_runs_first_step(tmp_path: Path, first: str) -> None:
    later = [AssetKey(name) for name in ("rollout_capture", "replay_manifest", "trained_policy", "ppo_telemetry")]
    with new_instance(tmp_path) as instance:
        register_scenarios(instance)
        result = defs.resolve_job_def("train_scenario").execute_in_process(
            instance=instance,
            partition_key=SCENARIO,
            asset_selection=None if first == "scenario" else later,
            run_config={
                "resources": {
                    "trainer": {"config": {"learning_rate": 5.0}},
                    "store": {"config": {"root": str(tmp_path / "store")}},
                },
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            raise_on_error=False,
        )
        assert reasons(result).keys() == {first}
        assert "ppo.learning_rate: found 5.0" in reasons(result)[first]
        made = [path for path in (tmp_path / "store").rglob("*") if path.is_file() and not path.name.startswith(".")]
        assert made == []
