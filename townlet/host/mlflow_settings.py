"""Settings of MLflow's client that differ from its own defaults, unless the user sets them."""

from __future__ import annotations

import logging
import os

#: Without these, MLflow reports its use to its makers, retries an unreachable server for minutes, and draws bars.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def set_mlflow_defaults() -> None:
    """Set the variables that are not set. Call it before MLflow is imported, which reads them."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    # It tells every step in the making of a database.
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
