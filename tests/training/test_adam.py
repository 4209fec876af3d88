"""The optimizer against torch's own class."""

from __future__ import annotations

import subprocess
import sys

import torch

from townlet.training.adam import Adam


def network() -> torch.nn.Module:
    generator = torch.Generator().manual_seed(4)
    layers = torch.nn.Sequential(torch.nn.Linear(7, 33), torch.nn.Tanh(), torch.nn.Linear(33, 3))
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
    return layers


def test_steps_are_bit_for_bit_those_of_torch_optim_adam() -> None:
    ours, theirs = network(), network()
    mine = Adam(ours.parameters(), lr=3e-3, eps=1e-5)
    reference = torch.optim.Adam(theirs.parameters(), lr=3e-3, eps=1e-5, fused=True)
    generator = torch.Generator().manual_seed(5)
    for _ in range(50):
        batch = torch.randn(16, 7, generator=generator)
        for layers, optimizer in ((ours, mine), (theirs, reference)):
            optimizer.zero_grad()
            layers(batch).square().mean().backward()
            optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_training_does_not_load_the_compiler() -> None:
    code = (
        "import sys, torch; from townlet.training.adam import Adam\n"
        "w = torch.nn.Parameter(torch.ones(3)); o = Adam([w], lr=0.1, eps=1e-5); w.sum().backward(); o.step()\n"
        "sys.exit('torch._dynamo' in sys.modules or not (w < 1).all())"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
