"""Errors of this package as Dagster failures."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from chunk_assets.errors import ChunkAssetsError, TimedOut, Unavailable
from chunk_assets.sentences import shown_lines


@contextmanager
def as_failures() -> Iterator[None]:
    """Turn a `ChunkAssetsError` into a `dg.Failure`, with its data as metadata.

    Dagster may retry only transient errors.
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
