"""The storage's former module, which the `dagster.yaml` of existing homes names."""

from chunk_assets.dagster_internals.sqlite_storage import KeptSqliteStorage

__all__ = ["KeptSqliteStorage"]
