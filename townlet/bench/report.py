"""Tables of a benchmark's results."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from townlet.bench.cases import worlds_in_words
from townlet.bench.results import Measurements

_LIBRARIES = (
    ("python", "Python"),
    ("numpy", "NumPy"),
    ("numba", "Numba"),
    ("torch", "torch"),
    ("stable-baselines3", "Stable-Baselines3"),
    ("pufferlib", "PufferLib"),
)

#: Least share of its core that an undisturbed measurement has.
QUIET = 0.97


def print_report(measured: Measurements, console: Console) -> None:
    """Print rates and memory, then the ratios of each group's best batch size, then the machine."""
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
            f"{disturbed} of {len(measured.results)} measurements had less than {QUIET:.0%} of their core because of "
            "other work: their rates are too low.",
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


def _machine_line(measured: Measurements, cores: int = 1) -> str:
    machines = [result["machine"] for result in measured.results]
    merged = {key: value for machine in reversed(machines) for key, value in machine.items()}
    versions = ", ".join(f"{title} {merged[key]}" for key, title in _LIBRARIES if key in merged)
    used = "One core" if cores == 1 else f"{cores} cores"
    return f"{used} of {merged['cpu']} ({merged['cores']} cores); {versions}"


def _group(result: dict[str, Any]) -> str:
    """Name of the case without its batch size."""
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


def print_training_report(measured: Measurements, console: Console) -> None:
    """Print rates, shares of the phases and ratios, then the machine."""
    table = _table("", "median", "simulate", "infer", "learn", "matmul", "peak")
    for result in measured.results:
        names = ("share_simulate", "share_infer", "share_learn", "share_matmul", "share_peak")
        shares = ("" if result.get(name) is None else f"{result[name]:.0%}" for name in names)
        table.add_row(
            result["case"],
            _short(result["agent_steps_per_second"]),
            *shares,
            style="bold" if "share_learn" in result else "",
        )
    console.print(table)
    for name in dict.fromkeys(name for result in measured.results for name in result["ratios"]):
        rows = (
            f"{result['ratios'][name]:.2f} ({result['case']})"
            for result in measured.results
            if name in result["ratios"]
        )
        console.print(f"Times as fast as {name}: {', '.join(rows)}", soft_wrap=True)
    console.print(
        "Agent-steps per second, simulated and learnt from; shares of the time. matmul, peak: the rate of the "
        "network's own matrix products, as a share of what the best library at hand does and of the processor's peak.",
        soft_wrap=True,
    )
    first = measured.results[0]
    _print_products(first, console)
    console.print(
        f"{first['threads']} threads, {first['worlds']} worlds, {first['ticks']} ticks, minibatches of "
        f"{first['minibatch_size']}; trained with {first['machine']['kernel']} ({first['machine']['library']}). "
        f"{_machine_line(measured, first['threads'])}",
        soft_wrap=True,
    )


def _print_products(result: dict[str, Any], console: Console) -> None:
    """Print what each library does for each matrix product, with the block of agent-steps that suits it best."""
    libraries = result["machine"]["libraries"]
    table = _table("GFLOP/s", "fastest", "agent-steps", *libraries)
    for product in result["products"]:
        rates = (f"{max(product['libraries'][library].values()):.0f}" for library in libraries)
        layer = f"{product['inputs']} → {product['outputs']}"
        table.add_row(f"{product['product']}, {layer}", product["library"], f"{product['rows']:,}", *rates)
    console.print()
    console.print(table)
    peak = (
        "" if result["peak_gflops"] is None else f" of a peak of {result['peak_gflops']} at {result['clock_ghz']} GHz"
    )
    console.print(
        f"Fastest library for each product: {result['matmul_gflops']} GFLOP/s on all threads{peak}. "
        f"{', '.join(f'{name}: {version}' for name, version in libraries.items())}",
        soft_wrap=True,
    )


def print_pipeline_report(measured: dict[str, Any], console: Console) -> None:
    """Print the two times and their difference, the cost of loading, and the machine."""
    table = _table(measured["case"], "median", "fastest", "slowest")
    for name, key in (("through Dagster", "pipeline"), ("directly", "direct")):
        fastest, slowest = measured[f"{key}_spread"]
        table.add_row(name, f"{measured[f'{key}_seconds']:.2f} s", f"{fastest:.2f} s", f"{slowest:.2f} s")
    table.add_row("overhead", f"{measured['overhead_seconds']:.2f} s", "", "", style="bold")
    for name, key in (("import, after Dagster's", "import"), ("resolve 200 scenarios", "resolve")):
        fastest, slowest = measured[f"{key}_spread"]
        table.add_row(name, f"{measured[f'{key}_seconds']:.2f} s", f"{fastest:.2f} s", f"{slowest:.2f} s")
    console.print(table)
    if measured["core_share"] < QUIET:
        console.print(
            f"The process had {measured['core_share']:.0%} of a core, because of other work or the disk: the times are "
            f"too long. In processor time, the overhead is "
            f"{measured['overhead_cpu_seconds']:.2f} s.",
            soft_wrap=True,
        )
    machine = measured["machine"]
    console.print(
        f"In one process, {measured['repeats']} repeats of each in turn, after one to warm up; "
        f"{machine['cpu']} ({machine['cores']} cores); Python {machine['python']}, Dagster {machine['dagster']}",
        soft_wrap=True,
    )
