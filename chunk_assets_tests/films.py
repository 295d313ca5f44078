"""Films to test with: submitted, and rendered through the same Dagster jobs as a user's."""

import json
from collections.abc import Iterable
from typing import Any

import dagster as dg

from chunk_assets.definitions import build_definitions
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import FilmPlan, plan_film
from chunk_assets.media.images import save_png
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.generators import HoldingGenerator, only
from chunk_assets_tests.manifests import picture, small_manifest


def put_animatic(
    store: ObjectStore, video_id: str = "film", document: dict[str, Any] | None = None
) -> dict[str, Any]:
    """An animatic on S3, as someone without the command line would put it there."""
    document = document or small_manifest()
    names = [*document["frames"], document.get("style_guide"), document.get("product_reference")]
    for seed, name in enumerate(dict.fromkeys(filter(None, names))):
        path = save_png(picture(seed))
        store.put_file(keys.animatic_file(video_id, name), path, "image/png")
        path.unlink()
    store.put_bytes(keys.manifest(video_id), json.dumps(document).encode(), "application/json")
    return document


class Studio:
    """A deployment with one generator, and perhaps others, and the jobs a person would launch."""

    def __init__(
        self,
        store: ObjectStore,
        instance: dg.DagsterInstance,
        generator: HoldingGenerator,
        *others: HoldingGenerator,
    ):
        self.store, self.instance, self.generator = store, instance, generator
        self.definitions = build_definitions(generators=only(generator, *others))

    def submit(self, video_id: str = "film", document: dict[str, Any] | None = None) -> FilmPlan:
        """Put an animatic on S3 and make it known."""
        put_animatic(self.store, video_id, document)
        plan = plan_film(self.store, video_id)
        announce(self.instance, self.store, plan)
        return plan

    def render(
        self,
        numbers: Iterable[int],
        video_id: str = "film",
        *,
        stages: list[str] | None = None,
        tags: dict[str, str] | None = None,
        **config: Any,
    ) -> dg.ExecuteInProcessResult:
        """Materialize a range of chunks; `config` is the run's."""
        chosen = [dg.AssetKey(stage) for stage in stages] if stages else None
        return self.definitions.resolve_job_def("render_chunks").execute_in_process(
            run_config={
                "ops": {"film_chunks": {"config": {"generator": self.generator.name, **config}}}
            },
            instance=self.instance,
            tags={**range_tags(video_id, list(numbers)), **(tags or {})},
            asset_selection=chosen,
            raise_on_error=False,
        )

    def stitch(
        self, video_id: str = "film", *, with_page: bool = False
    ) -> dg.ExecuteInProcessResult:
        """Materialize the film."""
        films = ["stitched_videos", *(["film_pages"] if with_page else [])]
        return self.definitions.resolve_job_def("stitch_film").execute_in_process(
            instance=self.instance,
            partition_key=video_id,
            asset_selection=[dg.AssetKey(name) for name in films],
            raise_on_error=False,
        )


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What a failed run said: its failure's sentence."""
    events = [event for event in result.all_events if event.is_step_failure]
    data = events[0].step_failure_data
    return str(data.user_failure_data.description if data.user_failure_data else data.error)
