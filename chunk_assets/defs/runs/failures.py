"""Our errors as Dagster shows them."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from chunk_assets.errors import ChunkAssetsError, TimedOut, Unavailable
from chunk_assets.sentences import shown_lines


@contextmanager
def as_failures() -> Iterator[None]:
    """Turn an error of ours into a `dg.Failure` with the same sentence and its data as metadata.

    Only what may pass by itself is worth another try.
    """
    try:
        yield
    except ChunkAssetsError as error:
        data = {
            name: dg.MetadataValue.text(shown_lines(value)) for name, value in error.data.items()
        }
        raise dg.Failure(
            description=str(error),
            metadata=data,
            allow_retries=isinstance(error, TimedOut | Unavailable),
        ) from error
