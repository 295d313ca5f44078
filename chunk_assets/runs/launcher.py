"""The launcher's former module, which the `dagster.yaml` of existing homes names."""

from chunk_assets.dagster_internals.warm_launcher import WarmRunLauncher

__all__ = ["WarmRunLauncher"]
