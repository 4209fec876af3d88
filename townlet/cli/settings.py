"""The option ``--set``, which every command with settings shares."""

from __future__ import annotations

from typing import Annotated

import typer

#: Option ``--set`` of commands that run a scenario.
SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Value for one key of the scenario, such as ppo.learning_rate=1e-3, rules.queue.cooldown_ticks=8 or "
        "'network.hidden=[64, 64]'; its file stays as it is. May be repeated.",
    ),
]
