"""The baseline of a policy made elsewhere, with which its soaks are compared."""

from typing import Any

from dagster import AssetExecutionContext, Config, DataVersion, MaterializeResult, MetadataValue
from pydantic import Field

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.partitions import outside_policies
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.pools import SIMULATION
from townlet_pipeline.instance.project import project_root
from townlet_pipeline.soak.assets.conflict_baselines import baseline_version
from townlet_pipeline.soak.outside.checked import checked_policy

_METRICS = {
    "metric": "what is measured, in one rollout per seed",
    "mean": "over the seeds",
    "sd": "standard deviation",
    "low": "5 % quantile",
    "high": "95 % quantile",
}


class OutsideBaselineConfig(Config):
    """Size of a measurement."""

    seeds: int = Field(default=30, ge=30, description="Number of seeds, one rollout each; at least 30.")
    worlds: int | None = Field(
        default=None, description="Worlds under each seed; empty: as many as the scenario's promoted baseline, or 256."
    )


@townlet_asset(
    "outside",
    "json",
    deps=["outside_policy"],
    partitions=outside_policies,
    pool=SIMULATION,
    code_version=code_version(__file__),
)
def outside_baseline(
    context: AssetExecutionContext, config: OutsideBaselineConfig, store: StoreResource
) -> MaterializeResult[None]:
    """The distribution of every metric over at least 30 seeds, with the policy acting. No rollout is recorded.

    The policy's soaks are compared with it. It cannot be promoted. Its version is a hash over the figures, the scenario
    and who acted.
    """
    from townlet.baselines import BASELINES_FOLDER
    from townlet.baselines.build import build_baseline, default_worlds
    from townlet.files.storage import pretty_json, write_atomically

    checked = checked_policy(context, store, context.partition_key)
    out = files.main_file(store, checked.policy.name, "outside_baseline")
    worlds = config.worlds or default_worlds(checked.policy.declared.scenario, project_root() / BASELINES_FOLDER)
    options: dict[str, Any] = {"seeds": config.seeds, "worlds": worlds, **checked.policy.acting}
    result = build_baseline(checked.scenario, out.parent, captures=False, **options)
    baseline = result.baseline
    write_atomically(out, pretty_json(baseline.model_dump(mode="json")))
    return MaterializeResult(
        data_version=DataVersion(baseline_version(baseline)),
        metadata={
            "headline": f"{baseline.size}, {baseline.behavior}",
            "metrics": metadata.table(
                [
                    {
                        "metric": name,
                        "mean": metric.mean,
                        "sd": metric.sd,
                        "low": metric.quantiles["0.05"],
                        "high": metric.quantiles["0.95"],
                    }
                    for name, metric in baseline.metrics.items()
                ],
                _METRICS,
            ),
            "baseline": baseline.sha256,
            "behavior": baseline.behavior,
            "identity": baseline.acted or "none",
            **checked.read(store),
            "path": MetadataValue.path(str(out)),
            "command": metadata.command(
                "baselines",
                "build",
                checked.scenario,
                "--no-captures",
                options={"output": out.parent, "copy": out, **options},
            ),
        },
    )
