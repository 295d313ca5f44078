"""Run checks independently of each other, and collect their findings."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal
from urllib.parse import unquote, urlsplit

from chunk_assets.errors import ChunkAssetsError
from chunk_assets.sentences import shown
from chunk_assets.settings import Settings

State = Literal["ok", "warning", "fails", "not configured", "not looked at"]


@dataclass(frozen=True)
class Finding:
    """The finding of one check.

    Attributes:
        state: "fails" if this deployment cannot do what it is configured for; "warning" if it can,
            but something should be fixed.
        measured: What was measured, with its unit.
        advice: What to do; empty if nothing.
    """

    state: State
    measured: str
    advice: str = ""


@dataclass(frozen=True)
class Result:
    """A finding with the name of its check."""

    name: str
    finding: Finding


Check = Callable[[Settings], Finding]


ok = partial(Finding, "ok")
warning = partial(Finding, "warning")
fails = partial(Finding, "fails")
not_configured = partial(Finding, "not configured")


def examine(settings: Settings, groups: Iterable[Sequence[Check]]) -> Iterator[Result]:
    """Run the groups of checks independently, and remove secrets from their findings.

    If the first check of a group fails, its others are reported as not looked at. If what it checks
    is not configured, that is the finding of the others, too.
    """
    for first, *others in groups:
        found = _guarded(first, settings)
        yield Result(first.__name__, found)
        for check in others:
            if found.state == "fails":
                later = Finding("not looked at", f"{first.__name__} fails")
            elif found.state == "not configured":
                later = found
            else:
                later = _guarded(check, settings)
            yield Result(check.__name__, later)


def _guarded(check: Check, settings: Settings) -> Finding:
    try:
        found = check(settings)
    except ChunkAssetsError as error:
        found = fails(str(error))
    except Exception as error:  # of libraries and servers: the other checks must still run
        found = fails(f"{type(error).__name__}: {str(error)[:300]}")
    return replace(
        found,
        measured=without_secrets(found.measured, settings),
        advice=without_secrets(found.advice, settings),
    )


def without_secrets(text: str, settings: Settings) -> str:
    """Return a text on one line, with `***` in place of every secret of the deployment."""
    known = [os.environ.get(name) for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
    urls = (settings.broker_url, settings.result_url, settings.postgres_url)
    for secret in (settings.replicate_api_token, *settings.comfyui_urls, *urls):
        if secret:
            written = urlsplit(secret.get_secret_value()).password or ""
            known += [secret.get_secret_value(), written, unquote(written)]
    for secret in filter(None, known):
        text = text.replace(secret, "***")
    return shown(" ".join(text.split()))
