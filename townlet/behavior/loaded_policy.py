"""Policies for a loop of one's own: actions, log-probabilities and values of observations, without a town."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, SupportsIndex

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from townlet.behavior import policy_file
from townlet.behavior.choose import policy_in_town
from townlet.behavior.evaluate import evaluate_rows, evaluate_values
from townlet.behavior.network import ActorCritic, sample
from townlet.behavior.policy_file import PolicyCard
from townlet.config import Scenario
from townlet.config.find import scenario_of
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.seeds import fold_seed
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

#: One observation, float [F], or several, float [B, F], or as our environments pair them with their masks.
Observation = ArrayLike | Mapping[str, Any]

_KEYS = ("observation", "action_mask")


class LoadedPolicy:
    """A policy that answers for single observations and for batches.

    An observation is float [F] or, in a batch, float [B, F]; or a mapping of ``observation`` and ``action_mask``, as
    :func:`townlet.parallel_env` gives it. A mask is bool [N] or [B, N], or integers 0 and 1, and says which actions are
    legal; a mask that is given beside a mapping is used in place of the mapping's; without any mask all actions are.

    Every method raises InputError for observations that are no finite floats or have another shape, and for masks of
    another shape, type or length, or with a row that leaves no action.

    It computes what a :class:`~townlet.behavior.neural.NeuralBehavior` of the same policy computes. Unlike that, it
    draws its actions from a stream of its own, which ``seed`` begins, and leaves commitments to the environment: a
    policy with ``commitment_ticks`` is meant for masks of an environment with the same number.
    """

    def __init__(
        self,
        network: ActorCritic,
        card: PolicyCard,
        *,
        features: list[str],
        actions: list[str],
        scenario: Scenario | None = None,
        seed: SupportsIndex = 0,
    ) -> None:
        self.card = card
        """The policy's own card: network, features, actions, and where it comes from."""
        self.features, self.actions = tuple(features), tuple(actions)
        """Names of what it observes and of what it chooses from, in order."""
        self.scenario = scenario
        """The town that it was fitted to, in which people observe what it observes; None if to no town."""
        self._network = network
        self._draws = np.random.default_rng(fold_seed(seed))

    @property
    def commitment_ticks(self) -> int:
        """Ticks for which people stay with a choice; 0 if they choose in every tick."""
        return self.card.network.commitment_ticks

    def predict(
        self, observation: Observation, mask: ArrayLike | None = None, deterministic: bool = False
    ) -> int | NDArray[np.int64]:
        """Choose actions: an int for one observation, int64 [B] for a batch.

        They are drawn from the policy's probabilities, with one random number per row; equal seeds and equal calls in
        the same order give equal actions. With ``deterministic`` they are the first of the most probable ones.
        """
        log_probs = self._rows_of_log_probs(observation, mask)
        rows = log_probs.reshape(-1, len(self.actions))
        if deterministic:
            chosen: NDArray[np.int64] = rows.argmax(axis=1)
        else:
            chosen = sample(torch.from_numpy(rows), torch.from_numpy(self._draws.random(len(rows)))).numpy()
        return chosen if log_probs.ndim == 2 else int(chosen[0])

    def log_probs(self, observation: Observation, mask: ArrayLike | None = None) -> NDArray[np.float32]:
        """Log-probabilities of all actions in nats, float32 [N] or [B, N]; those of illegal ones are about −1e30."""
        return self._rows_of_log_probs(observation, mask)

    def value(self, observation: Observation) -> float | NDArray[np.float32]:
        """Estimate the return, in clipped and discounted rewards: a float, or float32 [B]."""
        seen = self._observations(observation)
        values: NDArray[np.float32] = evaluate_values(self._network, _rows(seen)).numpy()
        return values if seen.ndim == 2 else float(values[0])

    def _rows_of_log_probs(self, observation: Observation, mask: ArrayLike | None) -> NDArray[np.float32]:
        """As :meth:`log_probs`."""
        seen = self._observations(observation)
        if mask is None and isinstance(observation, Mapping):
            mask = observation.get(_KEYS[1])
        legal = self._masks(mask, seen)
        found: NDArray[np.float32] = evaluate_rows(self._network, _rows(seen), _rows(legal))[0].numpy()
        return found.reshape(legal.shape)

    def _observations(self, given: Observation) -> NDArray[np.float32]:
        """The observations, float32 [F] or [B, F]."""
        if isinstance(given, Mapping):
            if _KEYS[0] not in given:
                raise _fault("observation", f"a mapping of {', '.join(map(repr, given)) or 'nothing'}", repr(_KEYS[0]))
            seen = _array(given[_KEYS[0]], "observation")
        else:
            seen = _array(given, "observation")
        if seen.dtype.kind != "f":
            raise _fault("observation", f"numbers of type {seen.dtype}", "float32")
        width = len(self.features)
        if seen.ndim not in (1, 2) or seen.shape[-1] != width:
            raise _fault("observation", f"shape {seen.shape}", f"({width},) or (rows, {width}): the policy's features")
        with np.errstate(over="ignore"):
            seen = np.ascontiguousarray(seen, np.float32)
        if not np.isfinite(seen).all():
            row, feature = np.argwhere(~np.isfinite(seen.reshape(-1, width)))[0]
            where = f"observation.{row}.{feature}" if seen.ndim == 2 else f"observation.{feature}"
            raise _fault(
                where, f"{seen.reshape(-1, width)[row, feature]} for {self.features[feature]}", "finite floats"
            )
        return seen

    def _masks(self, given: ArrayLike | None, seen: NDArray[np.float32]) -> NDArray[np.bool_]:
        """The legal actions of these observations, bool [N] or [B, N]."""
        shape = (*seen.shape[:-1], len(self.actions))
        if given is None:
            return np.ones(shape, np.bool_)
        mask = _array(given, "mask")
        if mask.dtype.kind not in "biu":
            raise _fault("mask", f"numbers of type {mask.dtype}", "bool or int8")
        if mask.shape != shape:
            raise _fault("mask", f"shape {mask.shape}", f"{shape}: the policy's actions for each observation")
        legal = np.ascontiguousarray(mask, np.bool_)
        if mask.dtype.kind != "b" and not np.array_equal(legal, mask):
            raise _fault("mask", str(mask[mask != legal][0]), "0 or 1")
        if not legal.any(axis=-1).all():
            row = int(np.flatnonzero(~legal.any(axis=-1))[0])
            raise _fault(f"mask.{row}" if legal.ndim == 2 else "mask", "no legal action", "at least one")
        return legal


def load_policy(
    policy: AnyPath, *, scenario: Scenario | AnyPath | None = None, seed: SupportsIndex = 0
) -> LoadedPolicy:
    """Load a policy for a loop of one's own.

    Args:
        policy: the folder of a policy, one of its two files, or the name of a shipped one.
        scenario: the town that it is to act in: a scenario, the name of a built-in one, or the path of a YAML file. The
            policy is then fitted to it, by the names of features and actions, and its ``scenario`` is the one to make
            the environment of: the same town, in which people observe what the policy was trained with. Without a
            scenario its features and actions are those that it was trained with, in their order.
        seed: begins the stream of the drawn actions; any whole number from 0 on.

    Raises InputError for an unknown name, for a damaged policy or scenario, and for a policy that does not know all
    that the town has.
    """
    if scenario is None:
        network, card = policy_file.load_policy(policy)
        features = [str(feature.get("name")) for feature in card.observation]
        return LoadedPolicy(network, card, features=features, actions=card.actions, seed=seed)
    network, card, brought = policy_in_town(policy, scenario_of(scenario))
    features = [str(feature["name"]) for feature in observation_schema_of(brought)]
    actions = action_names(brought.object_types)
    return LoadedPolicy(network, card, features=features, actions=actions, scenario=brought, seed=seed)


def _rows(array: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(array.reshape(-1, array.shape[-1]))


def _array(given: ArrayLike, name: str) -> NDArray[Any]:
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _fault(name, f"what NumPy cannot read: {str(error).splitlines()[0]}", "an array of numbers") from None


def _fault(where: str, found: str, expected: str) -> InputError:
    return InputError.of("policy", where, found, expected)
