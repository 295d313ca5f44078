"""What a command begins while Python still imports: Dagster takes longer than all the rest."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from chunk_assets.errors import ChunkAssetsError
from chunk_assets.settings import LOCAL_BUCKET, Settings
from chunk_assets.storage.local.lease import Lease, lease

_held: list[Lease] = []
"""Until the process ends, as `resources.connect` holds its own."""


class Early:
    """What is on its way."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._server: Thread | None = None

    def start_server(self) -> None:
        """Start this machine's S3 server, where it is the one to use.

        What is wrong with it is told to whoever connects.
        """
        if self._settings.is_local:
            self._server = Thread(target=self._start, name="S3", daemon=True)
            self._server.start()

    def wait(self) -> None:
        """Until what was started is there."""
        if self._server is not None:
            self._server.join()

    def _start(self) -> None:
        with suppress(ChunkAssetsError):
            _held.append(lease(self._settings.home.resolve(), LOCAL_BUCKET))


@contextmanager
def importing() -> Iterator[None]:
    """Collect no garbage while the block imports, and none of what it imported afterwards.

    It stays, and looking through it again and again takes a sixth of the time.
    """
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if is_collecting:
            gc.enable()
