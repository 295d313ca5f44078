"""Generators: the catalog, the hosted models' account, ComfyUI, and the sensor's spending limits.

Nothing is paid for.
"""

from contextlib import closing
from datetime import UTC, datetime

from chunk_assets.defs.resources import connect
from chunk_assets.doctor.findings import Finding, fails, not_configured, ok
from chunk_assets.film.day_spending import day_spending
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.comfyui.server import Server
from chunk_assets.generation.comfyui.workflow import load_workflow
from chunk_assets.generation.registry import GENERATORS
from chunk_assets.generation.replicate.api import ReplicateApi
from chunk_assets.retry import RetryPolicy
from chunk_assets.settings import Settings

_RETRIES = RetryPolicy(attempts=2, seconds=10)


def models(settings: Settings) -> Finding:
    """Check that the catalog of hosted models, and your own file, can be read."""
    known = len(list(load_catalog(settings.models).values()))
    own = f", including those of {settings.models}" if settings.models else ""
    return ok(f"{known} models are known{own}")


def replicate(settings: Settings) -> Finding:
    """Check that Replicate accepts the token, by a request for its account, which is free."""
    token = settings.replicate_api_token
    if token is None:
        return not_configured("REPLICATE_API_TOKEN is not set: no hosted model can be used")
    base_url = settings.replicate_base_url
    with ReplicateApi(token, base_url, cancel_after=60, timeout=10, retries=_RETRIES) as api:
        return ok(f"{api.base_url} accepts the token of account {api.account()!r}")


def comfyui(settings: Settings) -> Finding:
    """Check the ComfyUI servers: that each has the nodes of the workflow. Nothing is rendered."""
    if not settings.comfyui_urls and settings.comfyui_workflow is None:
        return not_configured("CHUNK_ASSETS_COMFYUI_URLS is not set: no ComfyUI can be used")
    if not settings.comfyui_urls or settings.comfyui_workflow is None:
        return fails(
            "only one of CHUNK_ASSETS_COMFYUI_URLS and CHUNK_ASSETS_COMFYUI_WORKFLOW is set",
            "set both",
        )
    workflow = load_workflow(settings.comfyui_workflow)
    classes = {node["class_type"] for node in workflow.nodes.values()}
    seen = []
    for url in settings.comfyui_urls:
        with closing(Server(url.get_secret_value(), timeout=10, retries=_RETRIES)) as server:
            seen.append(f"{server.label} (ComfyUI {server.version()})")
            missing = sorted(name for name in classes if not server.node_info(name))
        if missing:
            return fails(
                f"ComfyUI at {server.label} does not know the node {missing[0]!r} of the workflow "
                f"{workflow.name!r}",
                "install it there, or export another workflow",
            )
    return ok(f"{', '.join(seen)}: they know all nodes of the workflow {workflow.name!r}")


def sensor_limits(settings: Settings) -> Finding:
    """Check which paid generators a manifest on S3 may start, and the limits on their cost."""
    allowed = sorted(settings.paid_sensor_generators)
    if not allowed:
        return ok("manifests on S3 start free generators only")
    if unknown := [name for name in allowed if name not in GENERATORS]:
        return fails(
            f"CHUNK_ASSETS_SENSOR_GENERATORS names {unknown[0]!r}, which is not a generator",
            f"choose from {', '.join(sorted(GENERATORS))}",
        )
    film, day = settings.sensor_max_cost_per_film, settings.sensor_max_cost_per_day
    if not film or not day:
        return fails(
            f"manifests on S3 may start {', '.join(allowed)}, for up to ${film:.2f} a film and "
            f"${day:.2f} a day: no paid film starts",
            "set CHUNK_ASSETS_SENSOR_MAX_COST_PER_FILM and CHUNK_ASSETS_SENSOR_MAX_COST_PER_DAY",
        )
    today = day_spending(connect(settings), f"{datetime.now(UTC):%Y-%m-%d}").counted_usd
    return ok(
        f"manifests on S3 may start {', '.join(allowed)}, for up to ${film:.2f} a film and "
        f"${day:.2f} a day; ${today:.2f} are spent or reserved today (UTC)"
    )
