"""The faults of the fake Replicate, random or queued by a test."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NEVER = 1e9
"""Seconds; for a prediction that shall not start, or not end."""

TRANSIENT = ("CUDA out of memory", "Prediction interrupted; please retry (code: PA)")
MODERATED = ("NSFW content detected", "The input was flagged as sensitive (E005)")

# What a test queues with `FakeReplicate.next`, one for each request:


@dataclass(frozen=True)
class TooMany:
    """429; `where` is "header", "body" or "both"."""

    retry_after: float = 0
    where: str = "both"


@dataclass(frozen=True)
class ServerError:
    """An HTML page of a proxy's, before anything was done."""

    status: int = 502


@dataclass(frozen=True)
class Reset:
    """The connection is reset before anything was done."""


@dataclass(frozen=True)
class Lost:
    """The request is carried out, then its answer is lost: a reset, or a proxy's HTML page."""

    status: int | None = None


@dataclass(frozen=True)
class Slow:
    """The request is carried out at once, and answered these seconds later."""

    seconds: float


@dataclass(frozen=True)
class Shows:
    """The correct response with these fields replaced."""

    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Answers:
    """This response instead of the correct one; a dict becomes JSON, a str is sent unchanged."""

    status: int
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)


WebPage = functools.partial(
    Answers, 200, "<!DOCTYPE html><html><body>Please log in to this network.</body></html>"
)
"""A captive portal's page."""

NoCredit = functools.partial(
    Answers,
    402,
    {"title": "Insufficient credit", "detail": "You have insufficient credit.", "status": 402},
)

# Queued for "prediction": what becomes of the next one that is created.


@dataclass(frozen=True)
class Takes:
    """The seconds that it waits in the queue and then runs."""

    queue: float = 0
    seconds: float = 0


@dataclass(frozen=True)
class Fails:
    """It fails, before it ran or after."""

    error: str = TRANSIENT[0]
    has_run: bool = True


# Queued for "GET /delivery".


@dataclass(frozen=True)
class Truncated:
    """The first `part` of the file; silently, or with a Content-Length that promises all of it."""

    part: float = 0.5
    silently: bool = False


@dataclass(frozen=True)
class Redirects:
    """302 to `to`: a URL or a path; None for the same output."""

    to: str | None = None


@dataclass(frozen=True)
class Faults:
    """The probabilities of random faults, from a seeded generator."""

    too_many: float = 0
    html_5xx: float = 0
    reset: float = 0
    failed: float = 0
    retry_after: float = 0
    seed: int = 0
