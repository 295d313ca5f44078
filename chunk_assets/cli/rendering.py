"""Render one film in this process with the same Dagster jobs as Dagit."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from chunk_assets.cli.job_execution import execute_job
from chunk_assets.cli.output_file import make_shareable
from chunk_assets.cli.progress import ChunkProgress
from chunk_assets.cli.repairs import Repairs
from chunk_assets.cli.run_ranges import RunRange, ranges_to_repair, requested_ranges
from chunk_assets.dagster_internals.instance import end_orphans, film_lock, open_instance
from chunk_assets.dagster_internals.tag_names import PARTITION
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.assets.check_events import report_completeness
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.defs.resources import connect
from chunk_assets.defs.runs.tags import film_tags
from chunk_assets.errors import Damaged, NotStored
from chunk_assets.film.bill import Bill, film_bill
from chunk_assets.film.chunk_states import ChunkState, chunk_states, clip_records
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan, generation_context, plan_film
from chunk_assets.film.quotes import chunk_price
from chunk_assets.film.status import FilmStatus, film_state, stored_film
from chunk_assets.film.submission import AnimaticDirectory, submit
from chunk_assets.generation.registry import choose_generator
from chunk_assets.schemas import ChunkGenerationOutput
from chunk_assets.settings import Settings
from chunk_assets.storage.objects import read_video
from chunk_assets.storage.store import ObjectStore

_FILM = [dg.AssetKey("stitched_videos")]
"""Without the film's page, which `chunk-assets page` writes."""


@dataclass(frozen=True)
class RenderedFilm:
    """The result of `render`.

    Attributes:
        plan: The film's plan.
        output: The film's clips and cost.
        chunks: The state of each chunk.
        rendered: The seconds that each chunk rendered now has taken, by number.
        is_stitched: Whether the film was stitched now; otherwise it was up to date.
        bill: The film's whole cost.
    """

    plan: FilmPlan
    output: ChunkGenerationOutput
    chunks: list[ChunkState]
    rendered: dict[int, float]
    is_stitched: bool
    bill: Bill


@dataclass
class Rendering:
    """One call of `render`: the settings, the film, and what to render again.

    Attributes:
        again: The chunks of which to render a new take; None for none.
        only: Whether to keep later chunks as they are, whatever changed.
        takes: How many takes of each of the chunks `again` to render.
        max_cost_usd: Limit on the film's whole cost; None for the manifest's.
        umask: The permissions that the film's file must not have.
        checkpoint: Called between the steps; raises `KeyboardInterrupt` to stop.
    """

    settings: Settings
    video_id: str
    animatic: AnimaticDirectory
    generator: str
    seed: int | None = None
    again: range | None = None
    only: bool = False
    takes: int = 1
    max_cost_usd: float | None = None
    umask: int = 0o077
    checkpoint: Callable[[], None] = lambda: None

    def run(self, progress: ChunkProgress, target: Path) -> RenderedFilm:
        """Submit, render, stitch and download the film to `target`.

        Raises:
            ChunkAssetsError: A step failed; rendered chunks are kept.
            KeyboardInterrupt: A person stopped it; rendered chunks are kept.
        """
        with progress.waiting("connecting to S3"):
            store = connect(self.settings)
        with film_lock(self.settings, self.video_id), open_instance(self.settings) as instance:
            end_orphans(instance, self.video_id)
            count = len(self.animatic.specs(self.video_id))
            self._check_neighbours(store, count)
            self.checkpoint()
            prices = self._prices(store)
            with progress.waiting("submitting the animatic"):
                submit(store, self.video_id, self.animatic)
                plan = plan_film(store, self.video_id, seed=self.seed)
                announce(instance, store, plan)
            repairs = Repairs(plan, store, prices, progress.note)
            ranges, stitched = requested_ranges(count, self.again, self.only, repairs), []
            while True:
                try:
                    output = self._made(ranges, progress, store, instance, plan, stitched)
                    with progress.waiting("downloading the film"):
                        film = FilmObjects(store, self.video_id).film().find()
                        read_video(store, film, target)
                        make_shareable(target, self.umask)
                    break
                except Damaged as error:
                    number = repairs.report(error)
                    if number is None:
                        raise
                    submit(store, self.video_id, self.animatic)
                    ranges = ranges_to_repair(number, count, only=self.only)
            states = list(chunk_states(plan, store))
            report_completeness(instance, self.video_id, FilmStatus.of(plan, states, store))
        bill = film_bill(store, self.video_id, clip_records(states))
        return RenderedFilm(plan, output, states, progress.seconds, bool(stitched), bill)

    def _made(
        self,
        ranges: list[RunRange],
        progress: ChunkProgress,
        store: ObjectStore,
        instance: dg.DagsterInstance,
        plan: FilmPlan,
        stitched: list[FilmPlan],
    ) -> ChunkGenerationOutput:
        """Render the chunks, and stitch the film if needed; if so, add it to `stitched`.

        Raises:
            Damaged: An object that the film is made from is damaged.
        """
        definitions = build_definitions(listener=progress)
        for each in ranges:
            config: dict[str, Any] = {"generator": self.generator, "reuse": each.reuse}
            if self.takes > 1 and each.reuse == "this_run":
                config["takes"] = self.takes
            if self.seed is not None:
                config["seed"] = self.seed
            if self.max_cost_usd is not None:
                config["max_cost_usd"] = self.max_cost_usd
            tags = {
                **range_tags(self.video_id, each.numbers),
                **film_tags(self.video_id, each.numbers),
            }
            self.checkpoint()
            execute_job(definitions, "render_chunks", instance, tags, config=config)
        if not self._is_stitched(store, plan):
            tags = {PARTITION: self.video_id, **film_tags(self.video_id)}
            self.checkpoint()
            with progress.stitching():
                execute_job(definitions, "stitch_film", instance, tags, only=_FILM)
            stitched.append(plan)
        output = FilmObjects(store, self.video_id).output()
        return output.read_json(ChunkGenerationOutput)[0]

    def _check_neighbours(self, store: ObjectStore, count: int) -> None:
        """Check that the other chunks are stored, before anything is written or paid for.

        Raises:
            NotStored: They are not.
        """
        if self.again is None:
            return
        others = [*range(self.again[0])]
        if self.only:
            others += range(self.again[-1] + 1, count)
        objects = FilmObjects(store, self.video_id)
        missing = [number for number in others if objects.clip(number).head() is None]
        if missing:
            numbers = ", ".join(map(str, missing))
            some = f"chunk {numbers} is" if len(missing) == 1 else f"chunks {numbers} are"
            raise NotStored(
                f"{some} not rendered yet, and film {self.video_id!r} needs all of its {count}: "
                "render it without --chunks first",
                video_id=self.video_id,
                missing=missing,
            )

    def _prices(self, store: ObjectStore) -> list[float]:
        """Return the price of each chunk's clip.

        Raises:
            SpecError: The generator is not configured, or cannot make clips of this length.
        """
        specs = self.animatic.specs(self.video_id)
        generator_context = generation_context(
            self.video_id, self.animatic.animatic, store, self.settings
        )
        with closing(choose_generator(self.generator, generator_context)) as generator:
            return [chunk_price(generator, spec) for spec in specs]

    def _is_stitched(self, store: ObjectStore, plan: FilmPlan) -> bool:
        """Tell whether the stored film is up to date."""
        objects = FilmObjects(store, self.video_id)
        clips = [objects.clip(spec.chunk_num).head() for spec in plan.specs]
        return film_state(plan, clips, stored_film(store, self.video_id)) == "up to date"
