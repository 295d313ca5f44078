"""Asking S3 again when it does not answer, for as long as somebody has the time."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from chunk_assets.errors import NotAnswering

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0
"""Seconds between two attempts, doubled from one to the next, and up to a second more at random:
whoever waits goes on some ten seconds after S3 has come back."""


class Patient(Protocol):
    """Whose operations are tried again.

    Attributes:
        patience: For how many seconds; none with 0.
        endpoint: Whom it asks.
    """

    patience: float

    @property
    def endpoint(self) -> str: ...


S = TypeVar("S", bound=Patient)
P = ParamSpec("P")
R = TypeVar("R")


def patiently(operation: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Have an operation done from its beginning again while S3 does not answer.

    It must be one that may be done twice.
    """

    @wraps(operation)
    def tried(store: S, *args: P.args, **kwargs: P.kwargs) -> R:
        if not store.patience:
            return operation(store, *args, **kwargs)
        for attempt in _attempts(store.patience):
            if attempt.num == 2:
                logging.getLogger(__name__).warning(
                    "S3 at %s does not answer: it is asked again for up to %g s",
                    store.endpoint,
                    store.patience,
                )
            with attempt:
                return operation(store, *args, **kwargs)
        raise AssertionError("stamina tries at least once")

    return tried


def _attempts(seconds: float) -> Any:
    import stamina  # a person at a terminal does not wait, not for this either
    import stamina.instrumentation

    # It is said above, once an operation; stamina's own hook would print each attempt to stdout.
    stamina.instrumentation.set_on_retry_hooks(())
    return stamina.retry_context(
        on=NotAnswering,
        attempts=None,
        timeout=seconds,
        wait_initial=_FIRST_WAIT,
        wait_max=_LONGEST_WAIT,
    )
