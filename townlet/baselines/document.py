"""Page of the promoted baselines, and the check that the code still reproduces them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from townlet.baselines.baseline import Baseline, distribution_of, require_scenario
from townlet.baselines.measure import measure_seed
from townlet.baselines.promotion import BASELINES_FOLDER, Promotion, promoted_baseline, promoted_scenarios, read_ledger
from townlet.config import Scenario
from townlet.errors import Fault, InputError
from townlet.files.storage import AnyPath, as_path
from townlet.metrics import CONFLICT_INTENSITY, METRICS
from townlet.text.markdown import fenced, plain

#: By scenario, the promoted baseline and its promotions, the oldest first.
Promoted = Mapping[str, tuple[Baseline, Sequence[Promotion]]]

_INTRODUCTION = """# Queue-conflict baselines

The distribution over seeds of each scenario's metrics. [Soaks](../SOAK.md) are compared with these distributions, not
with single numbers. A sample is one rollout of all worlds under one seed.

Written by

```console
townlet baselines document
```

from the promoted baselines in [`baselines/`](../../baselines); do not edit it. With `--check`, the command measures all
of them again and expects the same bytes. A test does the same, with the first seeds of what the heuristic plays.
"""


def read_promoted(folder: AnyPath = BASELINES_FOLDER) -> dict[str, tuple[Baseline, Sequence[Promotion]]]:
    """The promoted baselines of a folder. Raises InputError for a damaged baseline or ledger."""
    home = as_path(folder)
    return {
        name: (promoted_baseline(name, home)[1], read_ledger(home / name, name).promotions)
        for name in promoted_scenarios(home)
    }


def measured_anew(baseline: Baseline, scenario: Scenario, policy: AnyPath | None = None) -> Baseline:
    """A copy of a baseline with its metrics measured again by the present code.

    Raises InputError if the scenario has changed, and for another policy than the one that acted.
    """
    from townlet.behavior.choose import choose_behavior
    from townlet.simulation import SimulationLoop

    require_scenario(baseline.file_name, baseline, scenario)
    choice = choose_behavior(scenario, baseline.behavior, policy)
    require_policy(str(policy), baseline, choice.identity)
    loop = SimulationLoop(choice.scenario, worlds=baseline.worlds, seed=baseline.seeds[0])
    rollouts = [measure_seed(choice.scenario, choice.behavior, baseline.worlds, seed, loop) for seed in baseline.seeds]
    metrics = {name: distribution_of([rollout[name] for rollout in rollouts]) for name in rollouts[0]}
    return baseline.model_copy(update={"metrics": metrics})


def require_policy(file: str, baseline: Baseline, identity: str | None) -> None:
    """Raise InputError unless a behaviour's hash is that of the one that made a baseline.

    The hash is that of a policy's weights, or of the origin of a behaviour made outside Townlet; None for others.
    """
    if identity != baseline.acted:
        what = "policy" if baseline.origin is None else "behaviour: its code and the files that it read"
        raise InputError.of(file, "sha256", str(identity), f"{baseline.acted}, of the baseline's {what}")


def changes(baseline: Baseline, anew: Baseline) -> list[Fault]:
    """One fault for each metric of a baseline that came out differently when measured anew."""
    before, after = baseline.metrics, anew.metrics
    return [
        Fault(baseline.file_name, f"metrics.{name}", _mean(after.get(name)), f"{_mean(before.get(name))}, as promoted")
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def document(promoted: Promoted) -> str:
    """The page as Markdown: for each scenario the distributions, their origin and the promotions."""
    return "\n".join([_INTRODUCTION, *(_section(*promoted[name]) for name in sorted(promoted))])


def _mean(metric: object) -> str:
    mean = getattr(metric, "mean", None)
    return "nothing" if mean is None else f"mean {mean!r}"


def _section(baseline: Baseline, history: Sequence[Promotion]) -> str:
    policy = f", weights `{baseline.policy_sha256[:12]}`" if baseline.policy_sha256 else ""
    return f"""## `{baseline.scenario}`

{baseline.size}, {baseline.behavior} behaviour{policy}.

{_metrics(baseline)}

| | |
|---|---|
| baseline | [`{baseline.sha256[:12]}`](../../baselines/{baseline.scenario}/{baseline.file_name}), \
with the manifest of each of its {len(baseline.manifests)} rollouts |
| scenario | `{baseline.scenario_sha256[:12]}` |
| code | sources `{baseline.code.sha256[:12]}`, commit `{baseline.code.commit or "unknown"}` |

{fenced(baseline.made_with, "console")}

{_history(history)}
"""


def _metrics(baseline: Baseline) -> str:
    rows = [
        f"| `{name}` | {METRICS[name].unit} | {m.mean:.5g} | {m.sd:.3g} | {m.quantiles['0.05']:.5g} | "
        f"{m.quantiles['0.5']:.5g} | {m.quantiles['0.95']:.5g} |"
        for name, m in baseline.metrics.items()
    ]
    return "\n".join(["| metric | unit | mean | sd | 5 % | median | 95 % |", "|---|---|---|---|---|---|---|", *rows])


def _history(history: Sequence[Promotion]) -> str:
    rows = [
        f"| {entry.promoted_at[:10]} | `{entry.baseline[:12]}` | {_replaced(entry)} | {plain(entry.by)} | "
        f"{plain(entry.reason)} | {_moved(entry)} |"
        for entry in reversed(history)
    ]
    head = f"| promoted | baseline | replaced | by | why | {METRICS[CONFLICT_INTENSITY].label} |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def _replaced(entry: Promotion) -> str:
    return f"`{entry.parent[:12]}`" if entry.parent else "nothing"


def _moved(entry: Promotion) -> str:
    change = entry.differences.get(CONFLICT_INTENSITY)
    if change is None or change.old is None or change.new is None:
        return ""
    return f"{change.old:.5g} → {change.new:.5g}"
