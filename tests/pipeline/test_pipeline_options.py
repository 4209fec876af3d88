"""A wrong option of the training, which ends a run at its first step."""

from pathlib import Path

from support.pipeline_runs import SCENARIO, new_instance, reasons

from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.definitions import defs


def test_a_wrong_option_of_the_training_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        register_scenarios(instance)
        result = defs.resolve_job_def("train_scenario").execute_in_process(
            instance=instance,
            partition_key=SCENARIO,
            run_config={
                "resources": {
                    "trainer": {"config": {"learning_rate": 5.0}},
                    "store": {"config": {"root": str(tmp_path / "store")}},
                },
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            raise_on_error=False,
        )
        assert reasons(result).keys() == {"scenario"}
        assert "ppo.learning_rate: found 5.0" in reasons(result)["scenario"]
        assert list((tmp_path / "store").rglob("*.yaml")) == []
