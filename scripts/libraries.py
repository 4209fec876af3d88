"""Checks of other libraries on the town, each in an environment of its own, and the matrix of what they found.

    python scripts/libraries.py                 all libraries; an hour the first time, most of it for pip
    python scripts/libraries.py rllib agilerl   two of them

For each library it makes a virtual environment with the pinned packages of ``examples/checks/requirements/NAME.txt``,
installs this checkout into it, runs ``examples/checks/NAME.py`` and reads the JSON object in its last line. A check
without such a file runs in the environment of this process. The results go to ``docs/results/libraries.json`` and, as a
table, into ``docs/LIBRARIES.md``. The exit code is 1 if something that a check states is not so, 2 for unknown names,
and 130 if interrupted; what was installed until then is used again.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CHECKS = ROOT / "examples" / "checks"
REQUIREMENTS = CHECKS / "requirements"
RESULTS = ROOT / "docs" / "results" / "libraries.json"
PAGE = ROOT / "docs" / "LIBRARIES.md"
#: Lines of the page between which the table stands.
BEGIN, END = "<!-- The table is written by scripts/libraries.py. -->", "<!-- End of the table. -->"
#: What a check can state, in the order of the table's columns.
PROPERTIES = ("trains", "masks", "truncation", "leaving")
#: How far a value that a library computed in float32 may be from the expected one, relative to the larger of it and 1.
TOLERANCE = 1e-4
#: Begins a line of a requirements file that names a package to build, after variables of its build.
BUILD = "# build: "


def names() -> list[str]:
    """The libraries that have a check: the programs in the folder; other files there are what checks share."""
    return sorted(file.stem for file in CHECKS.glob("*.py") if "\nif __name__ ==" in file.read_text(encoding="utf-8"))


def observed(result: Mapping[str, Any]) -> dict[str, bool]:
    """Which properties hold, from the numbers of a check's result."""
    bootstrapped, leaving = result.get("bootstrapped") or {}, result.get("leaving") or {}
    found, expected = bootstrapped.get("found"), bootstrapped.get("expected")
    return {
        "trains": bool(result.get("trains")),
        "masks": result.get("illegal") == 0 and result.get("choices", 0) > 0,
        "truncation": found is not None and abs(found - expected) <= TOLERANCE * max(abs(expected), 1),
        "leaving": bool(leaving.get("right")),
    }


def contradictions(result: Mapping[str, Any]) -> list[str]:
    """What a check states and its numbers deny, or the other way round; without ``stated`` it states everything."""
    stated = result.get("stated", PROPERTIES)
    return [name for name, holds in observed(result).items() if holds != (name in stated)]


def cell(result: Mapping[str, Any], name: str) -> str:
    """One property in the table: yes or no, with the numbers behind it."""
    answer = "yes" if observed(result)[name] else "no"
    if name == "masks" and "choices" in result:
        return f"{answer}, {result['illegal']:,} of {result['choices']:,} illegal"
    numbers = result.get("bootstrapped") or {}
    if name == "truncation" and "found" in numbers:
        return f"{answer}, {numbers['found']:.4f} for {numbers['expected']:.4f}"
    return answer


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The matrix as Markdown, one row per library that was checked."""
    rows = [
        "| library | way | trains | masks honoured | truncation bootstrapped | leaving and arriving | limits |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in sorted(results, key=lambda name: str(results[name]["library"]).lower()):
        result = results[name]
        cells = " | ".join(cell(result, property) for property in PROPERTIES)
        library = f"{result['library']} {result['versions'].get(result.get('package', name), '')}".strip()
        rows.append(f"| {library} | {result.get('way', '')} | {cells} | {result.get('limits', '')} |")
    return "\n".join(rows)


def write(results: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the results, and their table between the marks of the page. Raises ValueError if it lacks them."""
    before, mark, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"{PAGE} has no place for the table: it needs the lines {BEGIN} and {END}")
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(results)}\n\n{END}{after}", encoding="utf-8")


def environment(name: str, folder: Path, python: str) -> Path:
    """Make or complete a library's environment, and return its interpreter.

    One whose requirements and checkout are unchanged is used as it is.
    """
    requirements = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    stamp = hashlib.sha256(f"{requirements}\n{ROOT}\n{python}".encode()).hexdigest()
    begun, done = folder / "begun", folder / "installed"
    interpreter = folder / "venv" / "bin" / "python"
    if done.exists() and done.read_text(encoding="utf-8") == stamp:
        return interpreter
    if begun.exists() and begun.read_text(encoding="utf-8") != stamp:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    begun.write_text(stamp, encoding="utf-8")
    run([python, "-m", "venv", str(folder / "venv")], folder)
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    file = str(REQUIREMENTS / f"{name}.txt")
    # Only torch may bring packages of its own: those of its build for this machine.
    run(
        [*pip, "--constraint", file, *(line for line in requirements.splitlines() if line.startswith("torch=="))],
        folder,
    )
    # The files name every package, so nothing is left to resolve, and no library's own bounds are in the way.
    pip.append("--no-deps")
    run([*pip, "--requirement", file], folder)
    for line in requirements.splitlines():
        if line.startswith(BUILD):
            *variables, package = line.removeprefix(BUILD).split()
            settings = {**dict(variable.split("=", 1) for variable in variables), "MAX_JOBS": "1"}
            if "PYTHONPATH" in settings:
                settings["PYTHONPATH"] = str(REQUIREMENTS / settings["PYTHONPATH"])
            # A build without isolation finds its tools, such as ninja, on the path. Of other programs only the system's
            # own are there: with nvcc, PufferLib would ask for CUDA even beside a torch for processors.
            settings["PATH"] = f"{interpreter.parent}{os.pathsep}{os.defpath}"
            run([*pip, "--no-build-isolation", package], folder, settings)
    run([*pip, "--editable", str(ROOT)], folder)
    done.write_text(stamp, encoding="utf-8")
    return interpreter


def run(command: Sequence[str], folder: Path, settings: Mapping[str, str] | None = None) -> str:
    """Run a command in a folder, keep its messages there in ``log.txt``, and return what it printed.

    Raises RuntimeError with its last lines if it fails. If this process is interrupted, the command and all that it
    started are ended first.
    """
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        log.flush()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(settings or {})},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate()
        except BaseException:
            end(process)
            raise
        log.write(printed)
    if process.returncode:
        last = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        raise RuntimeError(f"{' '.join(command[:6])} … failed with {process.returncode}\n" + "\n".join(last))
    return printed


def end(process: subprocess.Popen[str]) -> None:
    """End a process and those that it started, which share its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def check(name: str, folder: Path, python: str) -> dict[str, Any]:
    """Run one library's check; return its result with the date, the Python version and the processor.

    Raises RuntimeError if the installation or the check fails, or if it prints no result.
    """
    folder.mkdir(parents=True, exist_ok=True)
    alone = (REQUIREMENTS / f"{name}.txt").exists()
    interpreter = environment(name, folder, python) if alone else Path(sys.executable)
    # Checks run in a folder of their own: some libraries leave files in the working folder.
    settings = {"OMP_NUM_THREADS": "1"} if alone else {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    printed = run([str(interpreter), str(CHECKS / f"{name}.py")], folder, settings).strip().splitlines()
    try:
        result = json.loads(printed[-1])
        assert isinstance(result, dict)
    except (IndexError, ValueError, AssertionError):
        raise RuntimeError(f"the check of {name} printed no JSON object in its last line: {printed[-1:]}") from None
    return {**result, "measured": measured()}


def measured() -> dict[str, str]:
    """When and on what a result was measured."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    processor = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"date": today, "python": platform.python_version(), "processor": processor or platform.machine()}


def check_all(chosen: Sequence[str], options: argparse.Namespace) -> int:
    """Check libraries one after another, write each result at once, and return the exit code."""
    failed = []
    for number, name in enumerate(chosen, 1):
        began = time.monotonic()
        folder = options.folder.absolute() / name
        print(f"[{number}/{len(chosen)}] {name}: ", end="", flush=True)
        try:
            result = check(name, folder, options.python)
        except RuntimeError as error:
            print(f"failed: {error}", flush=True)
            failed.append(name)
            continue
        wrong = contradictions(result)
        failed += [name] if wrong else []
        said = ", ".join(f"{property} {cell(result, property)}" for property in PROPERTIES)
        print(f"{said}{'; not as stated: ' + ', '.join(wrong) if wrong else ''}", end="")
        print(f" ({time.monotonic() - began:.0f} s)", flush=True)
        results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        write({**results, name: result})
        if not options.keep and (folder / "installed").exists():
            shutil.rmtree(folder)
    print(f"{len(chosen)} checked; failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the libraries named on the command line, or all; return the exit code."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "townlet" / "libraries"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(names())}; all by default")
    parser.add_argument("--folder", type=Path, default=cache, help="of the environments, %(default)s by default")
    parser.add_argument("--python", default=sys.executable, help="interpreter that makes the environments")
    parser.add_argument("--keep", action="store_true", help="keep environments after their checks, 1 to 3 GB each")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in names()]
    if unknown:
        print(f"error: names: found {', '.join(unknown)}, expected some of {', '.join(names())}", file=sys.stderr)
        return 2
    try:
        return check_all(options.names or names(), options)
    except KeyboardInterrupt:
        print("\ninterrupted; the next run uses what is installed", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
