"""The baseline of a scenario, measured anew and compared with the promoted one."""

from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, Config, DataVersion, MaterializeResult, MetadataValue
from pydantic import Field

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.instance.pools import SIMULATION
from townlet_pipeline.instance.project import project_root
from townlet_pipeline.soak.scenario_copy import current_copy, read_scenario

if TYPE_CHECKING:
    from townlet.baselines import Baseline, BaselineReview, Difference

_METRICS = {
    "metric": "what is measured, in one rollout per seed",
    "mean": "over the seeds",
    "sd": "standard deviation",
    "low": "5 % quantile",
    "high": "95 % quantile",
    "promoted": "mean of the promoted baseline; empty without one",
    "change": "from the promoted baseline to this one, with its 95 % interval",
}
_REVIEW = {
    "question": "about the promoted baseline, not about this measurement",
    "answer": "from its file and its ledger",
}
_PROMOTIONS = {
    "promoted_at": "when",
    "baseline": "which one",
    "by": "who promoted it",
    "reason": "why",
    "replaced": "what it replaced",
}


class BaselineConfig(Config):
    """Size of a measurement, and who acts."""

    seeds: int = Field(default=30, description="Number of seeds, one rollout each; fewer than 30 cannot be promoted.")
    first_seed: int = Field(default=0, description="First seed; the others follow it.")
    worlds: int | None = Field(
        default=None, description="Worlds under each seed; empty: as many as the promoted baseline has, otherwise 256."
    )
    behavior: str | None = Field(
        default=None, description="Who acts; empty: the schedule if there is one, otherwise the heuristic."
    )


@townlet_asset("baselines", "json", "numba", deps=["scenario"], pool=SIMULATION, code_version=code_version(__file__))
def conflict_baselines(
    context: AssetExecutionContext, config: BaselineConfig, store: StoreResource
) -> MaterializeResult[None]:
    """The distribution of every metric over at least 30 seeds, measured again and compared with the promoted one.

    It promotes nothing. `promoted…` is about the promoted baseline, `measured…` about this measurement. Its version is
    a hash over the figures, the scenario and who acted: the same figures have the same version.
    """
    from townlet.baselines import BASELINES_FOLDER, differences, promoted_scenarios, review_of
    from townlet.baselines.build import build_baseline, default_worlds
    from townlet.files.storage import pretty_json, write_atomically

    name, home = context.partition_key, project_root() / BASELINES_FOLDER
    source = current_copy(store, name, context.run.run_id)
    out = files.main_file(store, name, "conflict_baselines")
    asked = {key: value for key, value in config.model_dump().items() if value is not None}
    options = {"worlds": default_worlds(name, home), **asked}
    result = build_baseline(source, out.parent, **options)
    baseline = result.baseline
    write_atomically(out, pretty_json(baseline.model_dump(mode="json")))
    review = review_of(home, name) if name in promoted_scenarios(home) else None
    changes = differences(review.baseline if review else None, baseline)
    return MaterializeResult(
        data_version=DataVersion(baseline_version(baseline)),
        metadata={
            "headline": _headline(baseline, review),
            "metrics": metadata.table(_rows(baseline, changes), _METRICS),
            **_promoted(review),
            "measured_baseline": baseline.sha256,
            "measured_rollouts": MetadataValue.json(baseline.manifests),
            "measured_behavior": baseline.behavior,
            "measured_policy": baseline.policy_sha256 or "none",
            "measured_code": MetadataValue.json(baseline.code.model_dump()),
            **read_scenario(store, name, source),
            "path": MetadataValue.path(str(result.path)),
            "command": metadata.command(
                "baselines", "build", source, options={"output": out.parent, "copy": out, **options}
            ),
        },
    )


def baseline_version(baseline: "Baseline") -> str:
    """The data version of a baseline: a hash over the figures, the scenario and who acted."""
    from townlet.files.storage import canonical_json, sha256

    content = baseline.model_dump(mode="json", exclude={"sha256", "code", "made_with"})
    return sha256(canonical_json(content).encode())


def _headline(baseline: "Baseline", review: "BaselineReview | None") -> str:
    from townlet.baselines.compare import comparison_in_words

    return f"{baseline.size}; {comparison_in_words(review.baseline, baseline) if review else 'none is promoted'}"


def _promoted(review: "BaselineReview | None") -> dict[str, MetadataValue[Any]]:
    """Six answers about the promoted baseline, and all promotions, the latest first."""
    if review is None:
        return {"promoted_baseline_review": MetadataValue.text("no baseline of this scenario is promoted")}
    answers = [{"question": question, "answer": answer} for question, answer in review.sentences()]
    return {
        "promoted_baseline_review": metadata.table(answers, _REVIEW),
        "promoted_baseline": MetadataValue.json(review.as_json()),
        "promotions": metadata.table(
            [
                {
                    "promoted_at": entry.promoted_at,
                    "baseline": entry.baseline[:12],
                    "by": entry.by,
                    "reason": entry.reason,
                    "replaced": (entry.parent or "nothing")[:12],
                }
                for entry in reversed(review.promotions)
            ],
            _PROMOTIONS,
        ),
    }


def _rows(baseline: "Baseline", changes: "dict[str, Difference]") -> list[dict[str, str | float]]:
    """A row for each metric."""
    return [
        {
            "metric": name,
            "mean": metric.mean,
            "sd": metric.sd,
            "low": metric.quantiles["0.05"],
            "high": metric.quantiles["0.95"],
            "promoted": _number(changes[name].old) if name in changes else "",
            "change": _change(changes[name]) if name in changes else "",
        }
        for name, metric in baseline.metrics.items()
    ]


def _change(change: "Difference") -> str:
    return f"{_number(change.change)} ({_number(change.low)} to {_number(change.high)})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.5g}"
