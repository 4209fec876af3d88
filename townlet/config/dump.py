"""Scenarios written as complete YAML files, defaults included."""

from __future__ import annotations

import yaml

from townlet.config.scalars import read_scalar
from townlet.config.scenario import Scenario


class _Dumper(yaml.SafeDumper):
    """A dumper that also quotes text which YAML 1.2 would read as something else; PyYAML knows only YAML 1.1."""

    def represent_text(self, text: str) -> yaml.Node:
        quoted = "'" if not isinstance(read_scalar(text), str) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=quoted)


_Dumper.add_representer(str, _Dumper.represent_text)


def scenario_yaml(scenario: Scenario) -> str:
    """Return the YAML that :func:`townlet.config.load_scenario` reads as the same scenario."""
    content: str = yaml.dump(scenario.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return content
