"""Definitions of policies made elsewhere: assets, checks, and sensors."""

from datetime import timedelta

from dagster import AssetSelection, Definitions

from townlet_pipeline.artefacts.automation import WHEN_NEW_OR_CHANGED, automated, automation_sensor
from townlet_pipeline.soak.outside import checks
from townlet_pipeline.soak.outside.assets.outside_baseline import outside_baseline
from townlet_pipeline.soak.outside.assets.outside_capture import outside_capture
from townlet_pipeline.soak.outside.assets.outside_evaluation import outside_evaluation
from townlet_pipeline.soak.outside.assets.outside_policy import outside_policy
from townlet_pipeline.soak.outside.assets.outside_report import outside_report
from townlet_pipeline.soak.outside.assets.outside_soak import outside_soak
from townlet_pipeline.soak.outside.declarations import policy_file
from townlet_pipeline.soak.outside.policy_files import policy_files

#: Assets made once of each version of a policy, and those of a night.
ONCE = [outside_policy, outside_capture, outside_evaluation, outside_baseline]
NIGHTLY = [outside_soak, outside_report]

stale_policies = automation_sensor(
    "stale_policies",
    AssetSelection.assets(*ONCE),
    "Checks, records, evaluates and measures a policy made elsewhere when it is declared, edited or trained further. "
    "The policy's code is run. Off until somebody switches it on.",
    max_runtime=timedelta(hours=4),
)

defs = Definitions(
    assets=[policy_file, *automated(ONCE, WHEN_NEW_OR_CHANGED), *NIGHTLY],
    asset_checks=checks.ALL,
    sensors=[policy_files, stale_policies],
)
