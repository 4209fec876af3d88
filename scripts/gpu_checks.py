"""All checks that need a CUDA device, in one go of under eight minutes: ``python scripts/gpu_checks.py``.

It runs the tests marked ``gpu``; trains twice and compares the bytes; and measures the trainer there and on the
processor. Results go to ``tmp/gpu``, a summary to the terminal. ``--device cpu`` tries the script without a GPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
#: Time for everything, seconds.
LIMIT = 470.0
#: Files of a training that have the same bytes whenever it is repeated.
REPEATED = ("policy.safetensors", "checkpoint.safetensors")

TOWNLET = (sys.executable, "-c", "from townlet.cli import run; run()")
TESTS = (sys.executable, "-m", "pytest", "-m", "gpu", "-q")
SCENARIO = "configs/scenarios/queue_conflict.yaml"
TRAINING = (*TOWNLET, "train", SCENARIO, "--worlds", "64", "--rollout-ticks", "64", "--cycles", "4", "--epochs", "2")
BENCH = (*TOWNLET, "bench", "train", "--activation", "relu", "--repeats", "3", "--no-reference", "--json")


class Checks:
    """Commands that share :data:`LIMIT` seconds, each with what it prints in a file of ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.began, self.failed = folder, time.monotonic(), list[str]()

    def run(self, name: str, *command: str) -> str:
        """Run a command and return its standard output, which is empty if it failed or the time is over."""
        left, begin = LIMIT - (time.monotonic() - self.began), time.monotonic()
        report = self.folder / f"{name}.txt"
        with report.open("w", encoding="utf-8") as file:
            try:
                done = subprocess.run(
                    command, cwd=ROOT, stdout=subprocess.PIPE, stderr=file, text=True, timeout=max(left, 1)
                )
            except subprocess.TimeoutExpired:
                return self.fail(name, "the time is over")
            file.write(done.stdout)
        if done.returncode != 0:
            last = (report.read_text(encoding="utf-8").strip().splitlines() or ["no output"])[-1]
            return self.fail(name, f"exit code {done.returncode}: {last}; see {report}")
        print(f"{name}: passed in {time.monotonic() - begin:.0f} s", flush=True)
        return done.stdout

    def fail(self, name: str, reason: str) -> str:
        """Note that a check failed."""
        self.failed.append(name)
        print(f"{name}: FAILED, {reason}", flush=True)
        return ""


def check_bytes(checks: Checks, device: str) -> None:
    """Train twice with the same seed: every file of weights must have the same bytes."""
    folders = [checks.folder / name for name in ("once", "again")]
    for folder in folders:
        checks.run(f"train {folder.name}", *TRAINING, "--device", device, "--output", str(folder))
    for name in REPEATED:
        files = [folder / name for folder in folders]
        if not all(file.exists() for file in files) or files[0].read_bytes() != files[1].read_bytes():
            checks.fail("determinism", f"{name} differs, or is missing")
            return
    print(f"determinism: {', '.join(REPEATED)} have the same bytes", flush=True)


def compare_rates(checks: Checks, device: str) -> None:
    """Measure the trainer on the device and on the processor, and print the ratio per case."""
    measured = {
        name: [json.loads(line) for line in checks.run(f"bench {name}", *BENCH, "--device", name).splitlines()]
        for name in dict.fromkeys((device, "cpu"))
    }
    for ours, theirs in zip(measured[device], measured["cpu"], strict=False):
        print(line_of(ours))
        print(line_of(theirs))
        ratio = ours["agent_steps_per_second"] / theirs["agent_steps_per_second"]
        print(f"{device} is {ratio:.2f} times as fast as the processor with {theirs['threads']} threads", flush=True)


def line_of(result: dict[str, Any]) -> str:
    """One result of ``townlet bench train`` in words."""
    shares = " / ".join(f"{result[f'share_{phase}']:.0%}" for phase in ("simulate", "infer", "learn"))
    return (
        f"{result['case']}: {result['agent_steps_per_second']:,} agent-steps/s, simulate / infer / learn {shares}, "
        f"{result['share_matmul']:.1%} of {result['matmul_gflops']:,} GFLOP/s ({result['machine']['library']})"
    )


def main() -> int:
    """Run all checks; the exit code is 0 if all passed, 1 if one failed, and 2 if there is no such device."""
    parser = argparse.ArgumentParser(description="All checks that need a CUDA device.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--output", type=Path, default=ROOT / "tmp" / "gpu", help="folder of the results")
    options = parser.parse_args()
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        print(f"error: torch {torch.__version__} finds no CUDA device here: nothing was checked", file=sys.stderr)
        return 2
    checks = Checks(options.output.absolute())
    checks.folder.mkdir(parents=True, exist_ok=True)
    checks.run("tests", *TESTS)
    check_bytes(checks, options.device)
    compare_rates(checks, options.device)
    print(f"{time.monotonic() - checks.began:.0f} s; failed: {', '.join(checks.failed) or 'none'}")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
