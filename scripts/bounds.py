"""Trials of the bounds of requirements: the core tests with the lowest, or the newest, releases that are allowed.

``python scripts/bounds.py lowest`` makes ``.venv-lowest`` anew with uv, which resolves all direct requirements, extras
included, to their lower bounds, and runs the core tests in it; ``newest`` does the same with the newest releases.
``core`` only runs the tests, in the environment of the Python that runs this script.

On Linux, PyPI's torch is a CUDA build of several gigabytes; ``UV_TORCH_BACKEND=cpu`` lets uv take a CPU build from
PyTorch's own index.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Extras that users install. `examples` has an environment of its own: its libraries need a newer torch than ours does.
EXTRAS = ("mlflow", "notebook", "onnx", "pipeline", "shared", "sweep", "tensorboard")
#: What the core tests need besides, in its newest releases. Tests of the pages' server use httpx.
TOOLS = ("httpx", "hypothesis", "pandas", "pytest", "pytest-xdist")
#: Resolutions of uv by the name of the trial.
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
#: The core: whatever stands directly on a library, from compiled rules to Dagster.
CORE = (
    "foundation/test_config_numbers.py",
    "foundation/test_config_yaml.py",
    "foundation/test_drawn.py",
    "foundation/test_statistics.py",
    "world/test_drills.py",
    "world/test_observations.py",
    "world/test_world_snapshot.py",
    "envs/test_env_parallel.py",
    "envs/test_env_single.py",
    "envs/test_env_vector.py",
    "training/test_adam.py",
    "training/test_compiled_passes.py",
    "training/test_elementary.py",
    "training/test_losses.py",
    "training/test_minibatch_passes.py",
    "training/test_network.py",
    "training/test_policy_file.py",
    "training/test_recurrent_network.py",
    "training/test_training_checkpoint.py",
    "training/test_training_run.py",
    "artefacts/test_lineage.py",
    "artefacts/test_onnx_behavior.py",
    "artefacts/test_onnx_export.py",
    "artefacts/test_rollout_capture.py",
    "artefacts/test_shipped_policy.py",
    "artefacts/test_telemetry_mlflow.py",
    "artefacts/test_telemetry_tensorboard.py",
    "artefacts/test_telemetry_validator.py",
    "view/test_show.py",
    "view/test_view_report.py",
    "pipeline/test_pipeline_definitions.py",
    "pipeline/test_pipeline_run.py",
)


def install(trial: str, folder: Path) -> Path:
    """Make an environment anew, of this Python, with the trial's releases; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
    uv = [python, "-m", "uv", "pip", "install", "--python", python]
    project = f"{ROOT}[{','.join(EXTRAS)}]"
    subprocess.run([*uv, "--resolution", RESOLUTIONS[trial], "--editable", project], check=True)
    subprocess.run([*uv, *TOOLS], check=True)
    subprocess.run([*uv[:4], "list", "--python", python], check=True)
    return python


def run_core(python: Path, arguments: list[str]) -> int:
    """Run the core tests with a Python; return pytest's exit code."""
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    command = [python, "-m", "pytest", *(f"tests/{name}" for name in CORE), *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}).returncode


def main() -> int:
    """Run one trial; return 0, or the exit code of the step that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trial", choices=[*RESOLUTIONS, "core"])
    parser.add_argument("pytest", nargs=argparse.REMAINDER, help="arguments for pytest")
    given = parser.parse_args()
    try:
        python = Path(sys.executable) if given.trial == "core" else install(given.trial, ROOT / f".venv-{given.trial}")
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    return run_core(python, given.pytest)


if __name__ == "__main__":
    sys.exit(main())
