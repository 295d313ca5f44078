"""A process that is in the middle of writing an asset's row, for as long as it lives.

``python -m chunk_assets_tests.cluster.lock_holder ASSET``, with a deployment's environment.
"""

import sys
import time

import dagster as dg

from chunk_assets.cluster.connections import kept_connections
from chunk_assets.cluster.slots import Slot, WorkerShutdown
from chunk_assets.settings import load_settings


def hold(asset: str) -> None:
    """Lock the row as a slot does which stores an event of that asset, and say so."""
    Slot(load_settings(), "lock-holder", WorkerShutdown())
    with dg.DagsterInstance.get() as instance, kept_connections(instance):
        storage = instance.event_log_storage
        with storage.index_transaction() as connection:  # pyright: ignore
            key = dg.AssetKey(asset).to_string()
            locked = connection.exec_driver_sql(
                "SELECT 1 FROM asset_keys WHERE asset_key = %s FOR UPDATE", (key,)
            )
            print(f"{asset}: {locked.rowcount} row locked", flush=True)
            time.sleep(3600)


if __name__ == "__main__":
    hold(sys.argv[1])
