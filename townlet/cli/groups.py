"""Groups of sub-commands in ``townlet --help``, each with the whole first sentence of its help."""

from __future__ import annotations

from typing import Any

import click
from typer.core import TyperGroup

#: Commands by the heading that they stand under, in order; a command without one stands under the last.
GROUPS = {
    "Scenarios": ("show", "init", "schema", "freeze"),
    "Recordings": ("capture", "playback", "plot", "inspect", "verify"),
    "Training": ("train", "sweep", "evaluate", "crossplay", "compare", "check"),
    "Training logs": ("summary", "watch", "report", "alerts", "validate", "export"),
    "Pipeline and nights": ("pipeline", "morning", "soak", "drift", "baselines"),
    "Evidence": ("lineage", "study", "bench"),
}
OTHERS = "Other commands"


class GroupedCommands(TyperGroup):
    """A group of commands whose help lists them by what they are for."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section of the help for each group."""
        known = {name: command for name, command in self.commands.items() if not command.hidden}
        placed = {name for names in GROUPS.values() for name in names}
        sections = {**GROUPS, OTHERS: tuple(name for name in known if name not in placed)}
        widest = max(map(len, known))
        for heading, names in sections.items():
            rows = [(name.ljust(widest), _sentence(known[name])) for name in names if name in known]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


def _sentence(command: Any) -> str:
    """The first sentence of a command's help."""
    text: str = command.get_short_help_str(limit=1000)
    return text
