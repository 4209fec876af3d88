#!/usr/bin/env bash
# Guess:     a module that imports the Definitions of its parts and merges them into its own loads with `dg list defs` just
#            as with `dagster definitions validate -w`.
# Versions:  dagster 1.13.27, dagster-dg-cli 1.13.27.
# Behaviour: validate loads it, since a workspace may name the attribute. dg's configuration can name only the module, and dg
#            counts imported Definitions too: it refuses more than one at module scope. If the part's module is imported
#            instead of its Definitions, dg loads it.
# Seen:      imported name: validate loads it, dg refuses it
#            imported module: validate loads it, dg loads it
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export DAGSTER_HOME="$folder/home"
mkdir home town
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "dagster==1.13.27" "dagster-dg-cli==1.13.27" "typer<0.26" 2>/dev/null
cat > pyproject.toml <<'TOML'
[project]
name = "town"
version = "0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "town"
code_location_target_module = "town.whole"
python_environment = "active"
TOML
cat > workspace.yaml <<'YAML'
load_from:
  - python_module: {module_name: town.whole, attribute: whole}
YAML
touch town/__init__.py
cat > town/part.py <<'PY'
from dagster import Definitions, asset


@asset
def shower():
    return 1


part = Definitions(assets=[shower])
PY
answer() { if "$@" >log 2>&1; then echo loads; elif grep -q "more than one Definitions object" log; then echo refuses; else cat log >&2; fi; }
both() {
    local validated listed
    validated=$(PYTHONPATH="$folder" answer venv/bin/dagster definitions validate -w workspace.yaml)
    listed=$(PATH="$folder/venv/bin:$PATH" PYTHONPATH="$folder" answer venv/bin/dg list defs --json)
    echo "$1: validate $validated it, dg $listed it"
}
{
    printf 'from dagster import Definitions\nfrom town.part import part\n\nwhole = Definitions.merge(part)\n' > town/whole.py
    both "imported name"
    printf 'from dagster import Definitions\nfrom town import part\n\nwhole = Definitions.merge(part.part)\n' > town/whole.py
    both "imported module"
} | tee seen
grep -qx 'imported name: validate loads it, dg refuses it' seen
grep -qx 'imported module: validate loads it, dg loads it' seen
