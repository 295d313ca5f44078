"""Generators: does the hosted models' account take the token. Nothing is paid."""

from chunk_assets.doctor.findings import Finding, not_configured, ok
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.replicate.api import ReplicateApi, RetryPolicy
from chunk_assets.settings import Settings

_RETRIES = RetryPolicy(attempts=2, seconds=10)


def models(settings: Settings) -> Finding:
    """The catalog of hosted models can be read, your own file among it."""
    known = len(list(load_catalog(settings.models).values()))
    own = f", {settings.models} among them" if settings.models else ""
    return ok(f"{known} models are known{own}")


def replicate(settings: Settings) -> Finding:
    """Replicate takes the token: its account is asked for, which costs nothing."""
    token = settings.replicate_api_token
    if token is None:
        return not_configured("REPLICATE_API_TOKEN is not set: no hosted model can be used")
    base_url = settings.replicate_base_url
    with ReplicateApi(token, base_url, cancel_after=60, timeout=10, retries=_RETRIES) as api:
        return ok(f"{api.base_url} takes the token, of account {api.account()!r}")
