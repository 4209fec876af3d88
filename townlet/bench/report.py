"""The results of a benchmark as tables for people."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from townlet.bench.cases import worlds_in_words
from townlet.bench.world import Measurements

#: Share of its core that an undisturbed measurement has at least.
QUIET = 0.97


def print_report(measured: Measurements, console: Console) -> None:
    """Rates and memory, then the ratios of each group's best batch size, then the machine."""
    rates = _table("", "worlds", "median", "slowest", "fastest", "memory", "features")
    for result in measured.results:
        memory = result["bytes_per_world"]
        rates.add_row(
            _group(result),
            f"{result['worlds']:,}",
            _short(result["agent_steps_per_second"]),
            *map(_short, result["spread"]),
            "unknown" if memory is None else f"{_short(memory)}B",
            f"{result['features']:,}",
            style="bold" if result["best"] else "",
        )
    console.print(rates)
    console.print(
        "Agent-steps per second, and memory per world. Bold: the best batch size of its kind.", soft_wrap=True
    )
    disturbed = sum(result["core_share"] < QUIET for result in measured.results)
    if disturbed:
        console.print(
            f"{disturbed} of {len(measured.results)} measurements had less than {QUIET:.0%} of their core, because "
            "other work was going on: their rates are too low.",
            soft_wrap=True,
        )
    _print_ratios([result for result in measured.results if result["best"] and result["ratios"]], console)
    console.print(_machine_line(measured), soft_wrap=True)


def _print_ratios(results: list[dict[str, Any]], console: Console) -> None:
    references = list(dict.fromkeys(name for result in results for name in result["ratios"]))
    if not references:
        return
    table = _table("times as fast as", *map(_group, results))
    for name in references:
        values = (result["ratios"].get(name) for result in results)
        table.add_row(name, *("" if value is None else f"{value:,.{0 if value >= 100 else 2}f}" for value in values))
    console.print()
    console.print(table)


def _machine_line(measured: Measurements) -> str:
    machines = [result["machine"] for result in measured.results]
    merged = {key: value for machine in reversed(machines) for key, value in machine.items()}
    versions = ", ".join(
        f"{title} {merged[key]}"
        for key, title in (("python", "Python"), ("numpy", "NumPy"), ("numba", "Numba"), ("pufferlib", "PufferLib"))
        if key in merged
    )
    return f"One core of {merged['cpu']} ({merged['cores']} cores); {versions}"


def _group(result: dict[str, Any]) -> str:
    """The case without its batch size."""
    case: str = result["case"]
    return case.removesuffix(f", {worlds_in_words(result['worlds'])}")


def _short(number: float) -> str:
    """Three significant digits: ``9.87 M``, ``1.45 k``."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:#.3g} {name}".replace(". ", " ")
    return f"{number:.3g} "


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for title in others:
        table.add_column(title, justify="right")
    return table
