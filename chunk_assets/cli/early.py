"""What a command begins while Python still imports: Dagster takes longer than all the rest."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from chunk_assets.errors import ChunkAssetsError
from chunk_assets.settings import LOCAL_BUCKET, Settings
from chunk_assets.storage.seaweedfs import Lease, lease

_held: list[Lease] = []
"""Until the process ends, as `resources.connect` holds its own."""


@contextmanager
def while_importing(settings: Settings) -> Iterator[None]:
    """Start this machine's S3 server, where it is the one to use, while the block imports.

    What is wrong with it is told to whoever connects. No garbage is collected meanwhile: what is
    imported stays, and looking through it takes a sixth of the time.
    """
    server = Thread(target=_start, args=(settings,), name="S3", daemon=True)
    if settings.is_local:
        server.start()
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_collecting:
            gc.enable()
    if server.ident is not None:
        server.join()


def _start(settings: Settings) -> None:
    with suppress(ChunkAssetsError):
        _held.append(lease(settings.home.resolve(), LOCAL_BUCKET))
