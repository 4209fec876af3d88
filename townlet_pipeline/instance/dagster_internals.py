"""Private names of Dagster, all in this file and `dagster_definitions`, so that an upgrade has two places to check.

Dagster has no public way to create an instance's databases without opening it, to serve its UI behind a filter of
requests, or to keep a code server beside it; nor does it export the types that some of its public signatures name.
"""

from typing import TYPE_CHECKING

from dagster._cli.proxy_server_manager import ProxyServerManager as ProxyServerManager
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage as DagsterSqliteStorage
from dagster._core.workspace.context import WorkspaceProcessContext as WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget as ModuleTarget
from dagster._core.workspace.load_target import WorkspaceFileTarget as WorkspaceFileTarget

if TYPE_CHECKING:
    # Types for annotations. Their modules are not imported at run time, so moving them breaks no run.
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition as UnresolvedAssetJobDefinition,
    )
    from dagster._core.execution.context.system import PlanOrchestrationContext as PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan as ExecutionPlan
    from dagster._core.execution.retries import RetryMode as RetryMode

#: The module behind the command ``dagster-daemon``, which may not be on the path.
DAEMON_MODULE = "dagster._daemon"
