"""One partition per scenario: everything one scenario's run makes is one column of assets."""

from dagster import StaticPartitionsDefinition

from townlet.config import scenario_names
from townlet_pipeline.project import project_root, scenario_folder

#: The scenario files there were when this code location was loaded; reload it after adding one.
scenarios = StaticPartitionsDefinition(scenario_names(scenario_folder(project_root())))
