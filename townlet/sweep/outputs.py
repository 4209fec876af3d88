"""Files of a sweep's results: data, page, plots, and the best settings in two forms."""

from __future__ import annotations

import hashlib

import yaml

from townlet.config.settings import setting_texts
from townlet.files.storage import canonical_json, pretty_json, write_atomically
from townlet.sweep.plots import sweep_png
from townlet.sweep.report import markdown
from townlet.sweep.results import (
    BEST_NAME,
    EXPERIMENT_NAME,
    PLOT_NAME,
    REPORT_NAME,
    RESULT_NAME,
    SweepResult,
    all_settings,
)

#: The files of a sweep's results, in the order in which they are written.
RESULT_FILES = (BEST_NAME, EXPERIMENT_NAME, PLOT_NAME, REPORT_NAME, RESULT_NAME)


def write_results(result: SweepResult) -> None:
    """Write all result files into the sweep's folder; what says most is written last."""
    folder, content = result.folder, result.as_json()
    write_atomically(folder / BEST_NAME, best_yaml(result))
    write_atomically(folder / EXPERIMENT_NAME, experiment_yaml(result))
    write_atomically(folder / PLOT_NAME, sweep_png(result, content["importances"]))
    write_atomically(folder / REPORT_NAME, markdown(result, content["importances"]))
    write_atomically(folder / RESULT_NAME, pretty_json(content))


def best_yaml(result: SweepResult) -> str:
    """The best settings, by key."""
    head = f"# The best settings of {len(result.records)} trials on {result.fixed.name}.\n"
    return head + "".join(f"{text.replace('=', ': ', 1)}\n" for text in setting_texts(result.best.settings))


def experiment_yaml(result: SweepResult) -> str:
    """The launchpad's configuration that registers the best settings as an experiment, under a name made of them."""
    config = {
        "scenario": result.fixed.name,
        "experiment": experiment_name(result),
        "settings": setting_texts(all_settings(result)),
    }
    head = "# For Jobs, register_experiment, Launchpad: the best settings of a sweep.\n"
    return head + yaml.safe_dump({"ops": {"freeze_and_register": {"config": config}}}, sort_keys=False, width=120)


def experiment_name(result: SweepResult) -> str:
    """A name for the best settings: equal settings have equal names."""
    return f"sweep_{hashlib.sha256(canonical_json(all_settings(result)).encode()).hexdigest()[:8]}"
