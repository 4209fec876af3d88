#!/usr/bin/env bash
# Guess:     a job's launchpad has the options of those resources that its steps need, and of no others.
# Version:   dagster 1.13.27.
# Behaviour: a job over ops that need no resource offers none of the location's. As soon as one op needs one resource, the
#            job offers all of them, and so does a job over assets that need none.
# Seen:      ops that need none: io_manager
#            ops that need store: io_manager store trainer
#            assets that need none: io_manager store trainer
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export DAGSTER_HOME="$folder/home"
mkdir home
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "dagster==1.13.27" 2>/dev/null
cat > offered.py <<'PY'
from dagster import AssetSelection, ConfigurableResource, Definitions, asset, define_asset_job, job, op


class Trainer(ConfigurableResource):
    epochs: int = 3


class Store(ConfigurableResource):
    root: str = "runs"


@op
def sweep():
    pass


@op
def sweep_store(store: Store):
    pass


@job
def plain():
    sweep()


@job
def storing():
    sweep_store()


@asset
def report():
    return 1


location = Definitions(
    assets=[report],
    jobs=[plain, storing, define_asset_job("reporting", AssetSelection.assets("report"))],
    resources={"trainer": Trainer(), "store": Store()},
)
for name, what in (("plain", "ops that need none"), ("storing", "ops that need store"), ("reporting", "assets that need none")):
    schema = location.resolve_job_def(name).run_config_schema.config_type
    print(f"{what}:", *sorted(schema.fields["resources"].config_type.fields))
PY
venv/bin/python -W ignore offered.py | tee seen
grep -qx 'ops that need none: io_manager' seen
grep -qx 'ops that need store: io_manager store trainer' seen
grep -qx 'assets that need none: io_manager store trainer' seen
