#!/usr/bin/env bash
# Guess:     a mapping that joins partitions by their keys treats all key sets alike: either both definitions must be the
#            same one, or equal keys are enough.
# Version:   dagster 1.13.27.
# Behaviour: IdentityPartitionMapping joins two different dynamic definitions by their keys.
#            MultiToSingleDimensionPartitionMapping joins a dimension only to the definition that it was built from, and
#            refuses another dynamic one, even if the dimension is named. So nights of some of the scenarios cannot hang on
#            an asset of all scenarios.
# Seen:      identity, another set: loads
#            dimension, same set: loads
#            dimension, another set: refused
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export DAGSTER_HOME="$folder/home"
mkdir home
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "dagster==1.13.27" 2>/dev/null
cat > joined.py <<'PY'
from dagster import (
    AssetDep,
    DagsterInvalidDefinitionError,
    DailyPartitionsDefinition,
    Definitions,
    DynamicPartitionsDefinition,
    IdentityPartitionMapping,
    MultiPartitionsDefinition,
    MultiToSingleDimensionPartitionMapping,
    asset,
)

everything, some = DynamicPartitionsDefinition(name="scenarios"), DynamicPartitionsDefinition(name="soaked")
nights = MultiPartitionsDefinition({"day": DailyPartitionsDefinition(start_date="2026-11-01"), "scenario": some})
dimension = MultiToSingleDimensionPartitionMapping(partition_dimension_name="scenario")


def joined(upstream, downstream, mapping):
    @asset(partitions_def=upstream)
    def scenario():
        return 1

    try:

        @asset(partitions_def=downstream, deps=[AssetDep(scenario, partition_mapping=mapping)])
        def soak():
            return 1

        Definitions.validate_loadable(Definitions(assets=[scenario, soak]))
    except DagsterInvalidDefinitionError:
        return "refused"
    return "loads"


print("identity, another set:", joined(everything, some, IdentityPartitionMapping()))
print("dimension, same set:", joined(some, nights, dimension))
print("dimension, another set:", joined(everything, nights, dimension))
PY
venv/bin/python -W ignore joined.py | tee seen
grep -qx 'identity, another set: loads' seen
grep -qx 'dimension, same set: loads' seen
grep -qx 'dimension, another set: refused' seen
