"""Scenario of a capture, found by the recorded name or in a given file, and checked."""

from __future__ import annotations

from townlet.behavior.brought_observations import with_observations
from townlet.capture import Manifest
from townlet.config import Scenario
from townlet.config.find import scenario_of
from townlet.config.settings import with_settings
from townlet.errors import InputError
from townlet.files.storage import AnyPath


def captured_scenario(recorded: Manifest, manifest: AnyPath, given: Scenario | AnyPath | None) -> Scenario:
    """The scenario of a capture, with the settings in its manifest and the observations of the policy that acted.

    Raises InputError if the hash of its town is not the recorded one.
    """
    own = scenario_of(recorded.scenario.name if given is None else given)
    scenario = with_settings(own, recorded.scenario.settings, str(manifest))
    if scenario.town_digest != recorded.scenario.town_sha256:
        scenario = with_observations(scenario, recorded.observation, manifest)
    if scenario.town_digest != recorded.scenario.town_sha256:
        expected = "the scenario that was captured; --scenario names its file"
        found = f"another town than {recorded.scenario.name} is in its file now" if given is None else "another town"
        raise InputError.of(manifest, "scenario.town_sha256", found, expected)
    return scenario
