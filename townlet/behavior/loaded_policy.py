"""Policies for a loop of one's own: actions, log-probabilities and values of observations, without a town."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, SupportsIndex, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from townlet.behavior import policy_file
from townlet.behavior.choose import policy_in_town
from townlet.behavior.evaluate import evaluate_rows, evaluate_values
from townlet.behavior.kept_states import States, begin_anew, given_state
from townlet.behavior.network import ActorCritic, Step, sample
from townlet.behavior.policy_file import PolicyCard
from townlet.behavior.torch_rows import step_rows
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

    A recurrent policy remembers. It keeps a hidden state for each row, which :meth:`predict` advances and :meth:`reset`
    begins anew: call it where episodes begin, for all rows or for those whose episode it is. In place of that, states
    can be given and taken back: see :meth:`predict`. With ``commitment_ticks`` a state advances where the mask leaves a
    choice.
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
        self._state: States | None = None

    @property
    def commitment_ticks(self) -> int:
        """Ticks for which people stay with a choice; 0 if they choose in every tick."""
        return self.card.network.commitment_ticks

    @property
    def state_units(self) -> int:
        """H: numbers in the hidden state of a row; 0 without a memory."""
        return self._network.state_units

    def reset(self, rows: ArrayLike | None = None) -> None:
        """Begin new episodes: the kept states of ``rows`` become 0, by default those of all.

        ``rows`` is bool [B], true where an episode begins (as ``episode_starts`` in sb3-contrib), or integers that
        number them. After a reset of all, the next batch may have another number of rows.

        Raises InputError for rows that are not kept.
        """
        if rows is None:
            self._state = None
        elif self._state is not None:
            begin_anew(self._state, _array(rows, "rows"))

    def initial_state(self, rows: int | None = None) -> States:
        """The state with which an episode begins: zeros, float32 [H], or [rows, H] for a batch."""
        return np.zeros((self.state_units,) if rows is None else (rows, self.state_units), np.float32)

    @overload
    def predict(
        self, observation: Observation, mask: ArrayLike | None = None, deterministic: bool = False
    ) -> int | NDArray[np.int64]: ...

    @overload
    def predict(
        self,
        observation: Observation,
        mask: ArrayLike | None = None,
        deterministic: bool = False,
        *,
        state: ArrayLike,
    ) -> tuple[int | NDArray[np.int64], States]: ...

    def predict(
        self,
        observation: Observation,
        mask: ArrayLike | None = None,
        deterministic: bool = False,
        *,
        state: ArrayLike | None = None,
    ) -> int | NDArray[np.int64] | tuple[int | NDArray[np.int64], States]:
        """Choose actions: an int for one observation, int64 [B] for a batch.

        They are drawn from the policy's probabilities, with one random number per row; equal seeds and equal calls in
        the same order give equal actions. With ``deterministic`` they are the first of the most probable ones.

        A recurrent policy advances the states that it keeps. With ``state``, float32 [H] or [B, H], it uses that and
        leaves those it keeps alone, and returns the actions and the next state; :meth:`initial_state` begins an
        episode.
        """
        seen, legal = self._observations(observation), self._masks_of(observation, mask)
        before = self._before(seen, state)
        found = self._found(seen, legal, before)
        rows = found.log_probs
        if deterministic:
            chosen: NDArray[np.int64] = rows.argmax(dim=1).numpy()
        else:
            chosen = sample(rows, torch.from_numpy(self._draws.random(len(rows)))).numpy()
        after = found.state.numpy()
        if self.commitment_ticks:
            decides = np.count_nonzero(legal, axis=-1).reshape(-1) > 1
            after = np.where(decides[:, None], after, before)
        actions = chosen if seen.ndim == 2 else int(chosen[0])
        if state is None:
            self._state = after
            return actions
        return actions, after.reshape(*seen.shape[:-1], self.state_units)

    def log_probs(
        self, observation: Observation, mask: ArrayLike | None = None, *, state: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Log-probabilities of all actions in nats, float32 [N] or [B, N]; those of illegal ones are about −1e30.

        With ``state``, or the states that it keeps; no state advances.
        """
        seen, legal = self._observations(observation), self._masks_of(observation, mask)
        found: NDArray[np.float32] = self._found(seen, legal, self._before(seen, state)).log_probs.numpy()
        return found.reshape(legal.shape)

    def value(self, observation: Observation, *, state: ArrayLike | None = None) -> float | NDArray[np.float32]:
        """Estimate the return, in clipped and discounted rewards: a float, or float32 [B]. States as in log_probs."""
        seen = self._observations(observation)
        before = torch.from_numpy(self._before(seen, state))
        values: NDArray[np.float32] = evaluate_values(self._network, _rows(seen), before).numpy()
        return values if seen.ndim == 2 else float(values[0])

    def _found(self, seen: NDArray[np.float32], legal: NDArray[np.bool_], state: States) -> Step:
        """What the network finds for these rows."""
        before = torch.from_numpy(state)
        if self.state_units:
            return step_rows(self._network, _rows(seen), _rows(legal), before)
        return Step(*evaluate_rows(self._network, _rows(seen), _rows(legal)), before)

    def _before(self, seen: NDArray[np.float32], given: ArrayLike | None) -> States:
        """The states before these choices, float32 [B, H]."""
        rows = len(_rows(seen))
        if given is not None:
            return given_state(_array(given, "state"), (*seen.shape[:-1], self.state_units)).reshape(
                rows, self.state_units
            )
        if self._state is None or not self.state_units:
            return self.initial_state(rows)
        if len(self._state) != rows:
            raise _fault(
                "observation", f"{rows} rows", f"{len(self._state)}, whose states are kept; reset() forgets them"
            )
        return self._state

    def _masks_of(self, observation: Observation, mask: ArrayLike | None) -> NDArray[np.bool_]:
        if mask is None and isinstance(observation, Mapping):
            mask = observation.get(_KEYS[1])
        return self._masks(mask, self._observations(observation))

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
