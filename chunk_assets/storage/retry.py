"""Retry S3 operations while the server does not answer."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from chunk_assets.errors import NotAnswering
from chunk_assets.retry import RetryPolicy, retry

if TYPE_CHECKING:  # it imports this module
    from chunk_assets.storage.bucket import Bucket

_LONGEST_WAIT = 10.0
"""Seconds; an operation continues at most this long after S3 is back."""

S = TypeVar("S", bound="Bucket")
P = ParamSpec("P")
R = TypeVar("R")


def retry_unavailable(operation: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Retry a whole operation, which must be idempotent, while S3 does not answer."""

    @wraps(operation)
    def retried(store: S, *args: P.args, **kwargs: P.kwargs) -> R:
        if not store.retry_seconds:
            return operation(store, *args, **kwargs)
        is_logged = False

        def log_once(_sentence: str) -> None:
            nonlocal is_logged
            if not is_logged:
                logging.getLogger(__name__).warning(
                    "S3 at %s does not answer: retrying for up to %g s",
                    store.endpoint,
                    store.retry_seconds,
                )
            is_logged = True

        policy = RetryPolicy(attempts=None, seconds=store.retry_seconds, wait_max=_LONGEST_WAIT)
        return retry(
            lambda: operation(store, *args, **kwargs),
            policy,
            on=(NotAnswering,),
            on_retry=log_once,
        )

    return retried
