"""A night's soak in which a policy made elsewhere acts in the reference rollouts."""

from dagster import AssetExecutionContext, MaterializeResult

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.asset import townlet_asset
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.versions import code_version
from townlet_pipeline.column.train import training_failures
from townlet_pipeline.instance.pools import TRAINING
from townlet_pipeline.soak.assets.conflict_baselines import baseline_version
from townlet_pipeline.soak.assets.soak_run import SoakConfig
from townlet_pipeline.soak.materialize import day_and_what, finished_soak, of_the_day, pinned_capture, soak_or_resume
from townlet_pipeline.soak.outside.checked import checked_policy
from townlet_pipeline.soak.outside.partitions import policy_nights
from townlet_pipeline.soak.progress import LiveSoak


@townlet_asset(
    "outside",
    "jsonl",
    deps=["outside_baseline"],
    partitions=policy_nights,
    pool=TRAINING,
    code_version=code_version(__file__),
)
def outside_soak(context: AssetExecutionContext, config: SoakConfig, store: StoreResource) -> MaterializeResult[None]:
    """A soak as `soak_run`, in whose reference rollouts the policy acts; they are compared with its own baseline.

    A drift shows that the policy, the town or the machine changed. The network that learns beside it is Townlet's: a
    fresh one, or the policy itself if it is one of Townlet's. A killed run resumes where it stopped; with other
    options, other code or another baseline, it begins anew. Its data version is the SHA-256 of `soak.json`.
    """
    from townlet.baselines import read_baseline
    from townlet.soak.options import SoakOptions
    from townlet.soak.run import run_soak

    _, name = day_and_what(context)
    checked = checked_policy(context, store, name)
    baseline, acting = files.main_file(store, name, "outside_baseline"), checked.policy.acting
    options = SoakOptions(
        scenario=checked.scenario,
        baseline=baseline,
        capture=None if checked.brings_observations else pinned_capture(checked.policy.declared.scenario),
        behavior=acting.get("behavior"),
        policy=acting.get("policy"),
        **of_the_day(context, store),
        **config.model_dump(),
    )
    version = baseline_version(read_baseline(baseline))
    with training_failures():
        live = LiveSoak(context)
        result, soak = soak_or_resume(context, options, lambda resume: run_soak(options, resume=resume, progress=live))
        made_from = {"outside_baseline": {name: version}}
        return finished_soak(context, store, options, result, soak, made_from=made_from)
