"""Partitions of a policy's soaks: by day and policy."""

from dagster import MultiPartitionsDefinition

from townlet_pipeline.artefacts.partitions import outside_policies
from townlet_pipeline.soak.partitions import days

policy_nights = MultiPartitionsDefinition({"day": days, "policy": outside_policies})
