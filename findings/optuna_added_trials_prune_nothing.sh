#!/usr/bin/env bash
# Guess:     trials that are added to a study with their values, states and intermediate values count for its pruner like
#            those that ran in it.
# Versions:  optuna 5.0.0.
# Behaviour: so it is for MedianPruner. SuccessiveHalvingPruner and HyperbandPruner compare with numbers that they stored in
#            a trial's system attributes while it ran; trials from create_trial() have none, so nothing is pruned against
#            them. With their system_attrs handed to create_trial() as well, they count.
# Seen:      median: ran here 1, added 1, added with attributes 1
#            successive halving: ran here 1, added None, added with attributes 1
#            Hyperband: ran here 9, added None, added with attributes 9
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check optuna==5.0.0 2>/dev/null
cat > look.py <<'PY'
import optuna
from optuna.pruners import HyperbandPruner, MedianPruner, SuccessiveHalvingPruner
from optuna.trial import TrialState, create_trial

optuna.logging.set_verbosity(optuna.logging.ERROR)
PRUNERS = {
    "median": lambda: MedianPruner(n_startup_trials=1),
    "successive halving": SuccessiveHalvingPruner,
    "Hyperband": lambda: HyperbandPruner(max_resource=9),
}


def study(pruner):
    return optuna.create_study(direction="maximize", pruner=pruner(), study_name="s")


def step_of_pruning(in_study, level):
    """Report the same value at steps 1 to 9."""
    trial = in_study.ask()
    for step in range(1, 10):
        trial.report(level, step)
        if trial.should_prune():
            in_study.tell(trial, state=TrialState.PRUNED)
            return step
    in_study.tell(trial, level)
    return None


for name, pruner in PRUNERS.items():
    here, added, whole = study(pruner), study(pruner), study(pruner)
    for _ in range(9):
        step_of_pruning(here, 1.0)
    for one in here.trials:
        known = {"state": one.state, "value": one.value, "intermediate_values": one.intermediate_values}
        added.add_trial(create_trial(**known))
        whole.add_trial(create_trial(**known, system_attrs=one.system_attrs))
    found = [step_of_pruning(each, 0.0) for each in (here, added, whole)]
    print("{}: ran here {}, added {}, added with attributes {}".format(name, *found))
PY
found=$(venv/bin/python look.py)
echo "$found"
expected='median: ran here 1, added 1, added with attributes 1
successive halving: ran here 1, added None, added with attributes 1
Hyperband: ran here 9, added None, added with attributes 9'
[ "$found" = "$expected" ] || { echo "it behaves otherwise now"; exit 1; }
