"""The types that Dagster's plug-ins (run launchers, run coordinators, storages) are made of.

Dagster exports none of them. Breaks when one moves: the class that `dagster.yaml` names cannot be
loaded, and no command that opens the instance works.
"""

from dagster._config import UserConfigSchema  # what `config_type` returns
from dagster._core.launcher import (  # what a launcher is given, and returns as its health check
    CheckRunHealthResult,
    LaunchRunContext,
    WorkerStatus,
)
from dagster._core.run_coordinator.queued_run_coordinator import (
    RunQueueConfig,  # the limits that the daemon's queue reads before each launch
)
from dagster._serdes import ConfigurableClassData  # what `dagster.yaml` says about the plug-in

__all__ = [
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "LaunchRunContext",
    "RunQueueConfig",
    "UserConfigSchema",
    "WorkerStatus",
]
