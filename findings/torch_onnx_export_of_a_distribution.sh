#!/usr/bin/env bash
# Guess:     torch.onnx.export writes a network whose forward pass returns torch.distributions.Categorical(logits=…).logits,
#            since that is the logits less their logsumexp; policies of Stable-Baselines3 are such networks, and its manual
#            exports them this way.
# Versions:  torch 2.13.0, onnx 1.23.2, onnxscript 0.7.2.
# Behaviour: the default exporter stops: the distribution checks its arguments with a branch on data. It writes the network if
#            the check is turned off, and so does the former exporter (dynamo=False) with the check.
# Seen:      checked: TorchExportError, Could not guard on data-dependent expression Eq(u0, 1)
#            not checked: written
#            checked, dynamo=False: written
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "torch==2.13.0" "numpy==2.1.3" "onnx==1.23.2" "onnxscript==0.7.2" 2>/dev/null
cat > look.py <<'PY'
import logging
import re
import warnings

import torch
from torch.distributions import Categorical

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)


class Policy(torch.nn.Module):
    def __init__(self, check):
        super().__init__()
        self.check, self.layer = check, torch.nn.Linear(4, 3)

    def forward(self, observation):
        return Categorical(logits=self.layer(observation), validate_args=self.check).logits


def outcome(check, **options):
    try:
        torch.onnx.export(Policy(check).eval(), (torch.zeros(2, 4),), "policy.onnx", verbose=False, **options)
    except Exception as error:
        found = re.search(r"Could not guard on data-dependent expression \S+ \S+", str(error))
        return f"{type(error).__name__}, {found and found[0]}"
    return "written"


seen = {
    # None is the default, which is to check.
    "checked": outcome(None),
    "not checked": outcome(False),
    "checked, dynamo=False": outcome(None, dynamo=False),
}
for how, what in seen.items():
    print(f"{how}: {what}")
assert seen == {
    "checked": "TorchExportError, Could not guard on data-dependent expression Eq(u0, 1)",
    "not checked": "written",
    "checked, dynamo=False": "written",
}
PY
# The exporter prints graphs when it stops.
venv/bin/python look.py 2> printed || { cat printed >&2; exit 1; }
