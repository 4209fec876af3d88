"""Check of a policy made elsewhere: it is loaded and acts for a short episode, and all that is known of it is written.

Captures, evaluations, baselines and soaks then use it as they use any behaviour.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from townlet.errors import InputError
from townlet.files.storage import canonical_json, pretty_json, read_json, require_field, sha256, write_atomically
from townlet.policies.declared import DeclaredPolicy
from townlet.policies.origin import in_order_of_names

if TYPE_CHECKING:
    from townlet.behavior.choose import Choice
    from townlet.config import Scenario
    from townlet.rollout import RolloutBuffer

#: Size of the episode: long enough for most choices to come up.
WORLDS, TICKS = 2, 64

_WHAT = "a checked policy (townlet check)"


def check_policy(policy: DeclaredPolicy, scenario_path: Path) -> dict[str, Any]:
    """Load a declared policy, let it act twice from the same seed, and describe it. Its code is run.

    Returns the content of ``outside_policy.json``: the declaration, the behaviour as captures name it, the hash that
    identifies it, the hashes of its files, and what the episode showed. ``repeats`` says whether the same seed gave the
    same actions again; only then can captures of it be made again.

    Raises InputError for a declared hash that is not the file's, and for a policy that cannot be loaded or cannot act.
    """
    from townlet.behavior.choose import choose_behavior
    from townlet.capture.manifest import BehaviorEntry
    from townlet.config import load_scenario

    scenario, hashes = load_scenario(scenario_path), policy.hashes()
    words, place = policy.acting.get("behavior"), policy.acting.get("policy")
    first = choose_behavior(scenario, words, place)
    buffer, again = _episode(first), _episode(choose_behavior(scenario, words, place))
    entry = BehaviorEntry.of(first.behavior, first.policy_sha256, first.origin)
    return {
        "format": "townlet-outside-policy",
        "version": 1,
        "name": policy.name,
        "declared": policy.declared.model_dump(mode="json"),
        "scenario": {"name": scenario.name, "config_sha256": scenario.digest},
        "behavior": entry.model_dump(mode="json"),
        "identity": first.identity,
        "files": hashes,
        "episode": _described(first.scenario, buffer, again),
    }


def write_check(content: dict[str, Any], output: Path) -> str:
    """Write what :func:`check_policy` returns, and return :func:`version_of` it."""
    write_atomically(output, pretty_json(content))
    return version_of(content)


def version_of(content: dict[str, Any]) -> str:
    """SHA-256 of all that decides what a checked policy does: itself, its declared files and its scenario.

    Words, places of files and provenance do not change it.
    """
    decides = [content["identity"], in_order_of_names(content["files"]), content["scenario"]]
    return sha256(canonical_json(decides).encode())


def require_checked(policy: DeclaredPolicy, scenario: Scenario, check: Path) -> tuple[str, Choice]:
    """The version of a checked policy and who acts, if it is still the one that was checked. Its code is run.

    Raises InputError if the policy, one of its files or the scenario is another one.
    """
    from townlet.behavior.choose import choose_behavior

    content = read_json(check, _WHAT)
    identity = require_field(content, "identity", check, _WHAT, str)
    scenario_sha256 = require_field(content, "scenario.config_sha256", check, _WHAT, str)
    acting = choose_behavior(scenario, policy.acting.get("behavior"), policy.acting.get("policy"))
    found = {"identity": acting.identity, "scenario.config_sha256": scenario.digest, "files": policy.hashes()}
    checked = {"identity": identity, "scenario.config_sha256": scenario_sha256, "files": content.get("files")}
    for field, value in checked.items():
        if found[field] != value:
            raise InputError.of(check, field, str(value), f"{found[field]}, as it is now: check the policy again")
    return version_of(content), acting


def _episode(acting: Choice) -> RolloutBuffer:
    from townlet.host.torch_settings import repeatable
    from townlet.simulation import SimulationLoop

    scenario = acting.scenario
    loop = SimulationLoop(scenario, worlds=WORLDS, seed=scenario.seed)
    buffer = loop.new_buffer(min(TICKS, scenario.ticks))
    with repeatable(scenario.training.threads):
        loop.collect(buffer, acting.behavior)
    return buffer


def _described(scenario: Scenario, buffer: RolloutBuffer, again: RolloutBuffer) -> dict[str, Any]:
    from townlet.world.rules.actions import action_names

    here = buffer.alive
    chosen = sorted(set(buffer.action[here].tolist()))
    names = action_names(scenario.object_types)
    return {
        "worlds": WORLDS,
        "ticks": buffer.ticks,
        "seed": scenario.seed,
        "agent_steps": int(here.sum()),
        "reward_mean": float(buffer.reward[here].mean()),
        "actions": [names[action] for action in chosen],
        "repeats": bool((buffer.action == again.action).all() and (here == again.alive).all()),
    }
