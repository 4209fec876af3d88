#!/usr/bin/env bash
# Guess:     PettingZoo's registry has a key that equals the name under which an environment was registered.
# Versions:  pettingzoo 1.27.0, gymnasium 1.4.0.
# Behaviour: PettingZoo's own modules are called NAME_v0, but the registry keeps the name as NAME-v0. `make` takes both,
#            and so does `register`: who asks the registry first, by the name with the underscore, registers again, which
#            warns of an override.
# Seen:      keys ['town/market-v0'], 'town/market_v0' in the registry: False
#            again: Overriding environment 'town/market-v0' in the parallel registry.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "pettingzoo==1.27.0" "gymnasium==1.4.0" "numpy==2.1.3" 2>/dev/null
cat > look.py <<'PY'
import warnings

import pettingzoo

NAME = "town/market_v0"
before = set(pettingzoo.parallel_registry)
pettingzoo.register("parallel", NAME, "market:parallel_env")
print(f"keys {sorted(set(pettingzoo.parallel_registry) - before)}, {NAME!r} in the registry: "
      f"{NAME in pettingzoo.parallel_registry}")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    if NAME not in pettingzoo.parallel_registry:
        pettingzoo.register("parallel", NAME, "market:parallel_env")
print("again:", *(str(entry.message) for entry in caught))
PY
venv/bin/python look.py | tee seen
grep -qxF "keys ['town/market-v0'], 'town/market_v0' in the registry: False" seen
grep -qxF "again: Overriding environment 'town/market-v0' in the parallel registry." seen
