#!/usr/bin/env bash
# Guess:     agents that are all truncated in the same step are truncated, so a learner adds the values of their last
#            observations.
# Versions:  ray 2.60.0 (RLlib), gymnasium 1.2.2, numpy 2.1.3, torch 2.13.0.
# Behaviour: MultiAgentEpisode calls an episode terminated as soon as every agent in it is done, for whichever reason, and
#            then marks each of them as terminated; a learner adds no value. Agents of whom only `__all__` is truncated are
#            truncated. So an environment that marks each agent, as PettingZoo's do, loses the values at its time limit.
# Seen:      each agent and __all__: terminated [True, True], truncated [True, True]
#            __all__ alone: terminated [False, False], truncated [True, True]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "torch==2.13.0" "ray[rllib]==2.60.0" "gymnasium==1.2.2" "numpy==2.1.3" 2>/dev/null
cat > look.py <<'PY'
from ray.rllib.env.multi_agent_episode import MultiAgentEpisode

EVERYBODY = {"a": True, "b": True}
for name, truncated in {
    "each agent and __all__": {**EVERYBODY, "__all__": True},
    "each agent": {**EVERYBODY, "__all__": False},
    "__all__ alone": {"__all__": True},
}.items():
    episode = MultiAgentEpisode()
    episode.add_env_reset(observations={"a": 0, "b": 0})
    episode.add_env_step(
        observations={"a": 1, "b": 1},
        actions={"a": 0, "b": 0},
        rewards={"a": 1.0, "b": 1.0},
        infos={},
        terminateds={"a": False, "b": False, "__all__": False},
        truncateds=truncated,
    )
    agents = episode.agent_episodes.values()
    ended = [agent.is_terminated for agent in agents]
    print(f"{name}: terminated {ended}, truncated {[agent.is_truncated for agent in agents]}")
    assert ended == [name != "__all__ alone"] * 2
PY
venv/bin/python look.py
