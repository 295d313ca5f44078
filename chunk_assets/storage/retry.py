"""Retry S3 operations while the server does not answer."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from chunk_assets.errors import NotAnswering

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0
"""Seconds between two attempts, doubled each time, plus up to a second of jitter. An operation
continues at most about ten seconds after S3 is back."""


class Retrying(Protocol):
    """An object whose operations are retried.

    Attributes:
        retry_seconds: How long to retry; 0 for not at all.
        endpoint: The server's URL.
    """

    retry_seconds: float

    @property
    def endpoint(self) -> str: ...


S = TypeVar("S", bound=Retrying)
P = ParamSpec("P")
R = TypeVar("R")


def retry_unavailable(operation: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Retry a whole operation, which must be idempotent, while S3 does not answer."""

    @wraps(operation)
    def retried(store: S, *args: P.args, **kwargs: P.kwargs) -> R:
        if not store.retry_seconds:
            return operation(store, *args, **kwargs)
        for attempt in _attempts(store.retry_seconds):
            if attempt.num == 2:
                logging.getLogger(__name__).warning(
                    "S3 at %s does not answer: retrying for up to %g s",
                    store.endpoint,
                    store.retry_seconds,
                )
            with attempt:
                return operation(store, *args, **kwargs)
        raise AssertionError("stamina makes at least one attempt")

    return retried


def _attempts(seconds: float) -> Any:
    import stamina  # imported here: commands at a terminal do not retry, and start faster
    import stamina.instrumentation

    # The warning above is logged once an operation; stamina's own hook prints every attempt.
    stamina.instrumentation.set_on_retry_hooks(())
    return stamina.retry_context(
        on=NotAnswering,
        attempts=None,
        timeout=seconds,
        wait_initial=_FIRST_WAIT,
        wait_max=_LONGEST_WAIT,
    )
