#!/usr/bin/env bash
# Guess:     a run_failure_sensor reports every failed run once, including those that failed before its first tick.
# Versions:  dagster 1.13.27.
# Behaviour: its first tick only records where the event log ends. Runs that failed before that are never reported.
# Seen:      runs failed: 2; reported: second
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "dagster==1.13.27" 2>/dev/null
cat > look.py <<'PY'
import logging

from dagster import DagsterInstance, Definitions, build_sensor_context, job, op, run_failure_sensor

logging.disable(logging.CRITICAL)
reported = []


@op
def fails():
    raise RuntimeError


@job
def first():
    fails()


@job
def second():
    fails()


@run_failure_sensor
def failures(context):
    reported.append(context.dagster_run.job_name)


repository = Definitions(jobs=[first, second], sensors=[failures]).get_repository_def()
with DagsterInstance.ephemeral() as instance:
    cursor = None
    for failing in (first, second):
        failing.execute_in_process(instance=instance, raise_on_error=False)
        for _ in range(3):
            context = build_sensor_context(instance=instance, cursor=cursor, repository_def=repository)
            cursor = failures.evaluate_tick(context).cursor or cursor
    print(f"runs failed: {instance.get_runs_count()}; reported: {', '.join(reported)}")
PY
venv/bin/python look.py | tee seen
grep -qx 'runs failed: 2; reported: second' seen
