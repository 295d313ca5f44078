"""One film rendered in this process: submit, walk, stitch, fetch; as the same Dagster jobs."""

import uuid
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import dagster as dg

from chunk_assets.cli.film_file import make_shareable
from chunk_assets.cli.healing import Healing
from chunk_assets.cli.interrupts import let_go
from chunk_assets.cli.progress import ChunkProgress
from chunk_assets.dagster_internals.instance import (
    TERMINAL_TAG,
    end_orphans,
    film_lock,
    open_instance,
)
from chunk_assets.dagster_internals.tag_names import PARTITION
from chunk_assets.definitions import build_definitions
from chunk_assets.defs.assets.check_events import report_completeness
from chunk_assets.defs.partitions.definitions import range_tags
from chunk_assets.defs.partitions.observations import announce
from chunk_assets.defs.resources import connect
from chunk_assets.defs.runs.tags import film_tags
from chunk_assets.errors import ChunkAssetsError, Damaged, NotStored
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

CHUNKS_A_RUN = 60
"""Dagster keeps all events of a run in this process in memory, 0.2 MB a chunk: two minutes of film
a run, and a film's length costs no memory."""

_FILM = [dg.AssetKey("stitched_videos")]
"""Without the film's page, which `chunk-assets page` writes for whoever wants it."""

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class RenderedFilm:
    """What `render` made.

    Attributes:
        plan: The film as it was planned.
        output: What it is made of and what it cost.
        chunks: The state of each chunk.
        rendered: How long each chunk took that was rendered now, in seconds by number.
        is_stitched: Whether the film was stitched now, or was up to date.
        bill: What the film has cost.
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
        again: The chunks of which a new take is asked for; None for none.
        only: Whether the chunks behind those stay as they are, whatever changed.
        max_cost_usd: What the film may cost in all; the manifest's limit without it.
        checkpoint: Called between the steps; raises `KeyboardInterrupt` to stop.
    """

    settings: Settings
    video_id: str
    animatic: AnimaticDirectory
    generator: str
    seed: int | None = None
    again: range | None = None
    only: bool = False
    max_cost_usd: float | None = None
    checkpoint: Callable[[], None] = lambda: None

    def run(self, progress: ChunkProgress, target: Path) -> RenderedFilm:
        """Render, stitch and fetch the film.

        Raises:
            ChunkAssetsError: Something went wrong; what was rendered is kept.
            KeyboardInterrupt: Somebody stopped it; what was rendered is kept.
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
            healing = Healing(plan, store, prices, progress.note)
            legs, stitched = self._legs(count, healing), []
            while True:
                try:
                    output = self._made(legs, progress, store, instance, plan, stitched)
                    with progress.waiting("fetching the film"):
                        film = FilmObjects(store, self.video_id).film().find()
                        read_video(store, film, target)
                        make_shareable(target)
                    break
                except Damaged as error:
                    number = healing.met(error)
                    if number is None:
                        raise
                    submit(store, self.video_id, self.animatic)
                    legs = self._mending(number, count)
            states = list(chunk_states(plan, store))
            report_completeness(instance, self.video_id, FilmStatus.of(plan, states, store))
        bill = film_bill(store, self.video_id, clip_records(states))
        return RenderedFilm(plan, output, states, progress.seconds, bool(stitched), bill)

    def _made(
        self,
        legs: list[tuple[range, str]],
        progress: ChunkProgress,
        store: ObjectStore,
        instance: dg.DagsterInstance,
        plan: FilmPlan,
        stitched: list[FilmPlan],
    ) -> ChunkGenerationOutput:
        """Walk the chunks and stitch the film where it is not; adds to `stitched` if it did.

        Raises:
            Damaged: Something that it is made from is.
        """
        definitions = build_definitions(listener=progress)
        for numbers, reuse in legs:
            config: dict[str, Any] = {"generator": self.generator, "reuse": reuse}
            if self.seed is not None:
                config["seed"] = self.seed
            if self.max_cost_usd is not None:
                config["max_cost_usd"] = self.max_cost_usd
            run_config = {"ops": {"film_chunks": {"config": config}}}
            tags = {
                **range_tags(self.video_id, numbers),
                **film_tags(self.video_id, numbers),
            }
            self._execute(definitions, "render_chunks", instance, tags, run_config)
        if not self._is_stitched(store, plan):
            tags = {PARTITION: self.video_id, **film_tags(self.video_id)}
            with progress.stitching():
                self._execute(definitions, "stitch_film", instance, tags, only=_FILM)
            stitched.append(plan)
        output = FilmObjects(store, self.video_id).output()
        return output.read_json(ChunkGenerationOutput)[0]

    def _legs(self, count: int, healing: Healing) -> list[tuple[range, str]]:
        """Which chunks each run walks, and which stored clips it keeps.

        Raises:
            StorageError: A clip that would be overwritten was not made by chunk_assets.
        """
        if self.again is None:
            return _matching(range(count), healing.announce(range(count)))
        legs = _in_runs(self.again, "this_run")
        behind = range(self.again[-1] + 1, count)
        if behind and not self.only:
            legs += _matching(behind, healing.announce(behind))
        return legs

    def _mending(self, chunk_num: int, count: int) -> list[tuple[range, str]]:
        """What is walked once more where something was found damaged; -1 for no chunk."""
        if self.only:
            return [(range(chunk_num, chunk_num + 1), "matching")] if chunk_num >= 0 else []
        return _in_runs(range(count), "matching")

    def _check_neighbours(self, store: ObjectStore, count: int) -> None:
        """See that what is not rendered now is stored, before anything is written or paid for.

        Raises:
            NotStored: It is not.
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
        """What each chunk's clip costs.

        Raises:
            SpecError: The generator has not what it needs, or it makes no clips as long as the
                film's chunks; nothing is written then.
        """
        specs = self.animatic.specs(self.video_id)
        generator_context = generation_context(
            self.video_id, self.animatic.animatic, store, self.settings
        )
        with closing(choose_generator(self.generator, generator_context)) as generator:
            return [chunk_price(generator, spec) for spec in specs]

    def _is_stitched(self, store: ObjectStore, plan: FilmPlan) -> bool:
        """Whether the stored film is what would be stitched now."""
        objects = FilmObjects(store, self.video_id)
        clips = [objects.clip(spec.chunk_num).head() for spec in plan.specs]
        return film_state(plan, clips, stored_film(store, self.video_id)) == "up to date"

    def _execute(
        self,
        definitions: dg.Definitions,
        job: str,
        instance: dg.DagsterInstance,
        tags: dict[str, str],
        run_config: dict[str, Any] | None = None,
        only: list[dg.AssetKey] | None = None,
    ) -> None:
        self.checkpoint()
        run_id = str(uuid.uuid4())
        try:
            definitions.resolve_job_def(job).execute_in_process(
                run_config={**_QUIET, **(run_config or {})},
                instance=instance,
                run_id=run_id,
                asset_selection=only,
                tags={**tags, TERMINAL_TAG: "terminal"},
            )
        except dg.Failure as failure:
            if isinstance(failure.__cause__, ChunkAssetsError):
                raise failure.__cause__ from None
            raise
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as interrupt:
            let_go(interrupt)  # what is still being uploaded, while the film is ours
            _cancel(instance, run_id)
            raise KeyboardInterrupt from None


def _in_runs(numbers: range, reuse: str) -> list[tuple[range, str]]:
    return [
        (numbers[start : start + CHUNKS_A_RUN], reuse)
        for start in range(0, len(numbers), CHUNKS_A_RUN)
    ]


def _matching(numbers: range, replaced: Collection[int]) -> list[tuple[range, str]]:
    """Runs that keep what matches, but for some chunks of which a new take is made."""
    legs = []
    for is_replaced, group in groupby(numbers, lambda number: number in replaced):
        members = list(group)
        reuse = "this_run" if is_replaced else "matching"
        legs += _in_runs(range(members[0], members[-1] + 1), reuse)
    return legs


def _cancel(instance: dg.DagsterInstance, run_id: str) -> None:
    """Record that a person stopped the run; Dagster takes an interrupt for a crash."""
    run = instance.get_run_by_id(run_id)
    ended = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED)
    if run is not None and run.status not in ended:
        instance.report_run_canceled(run, "The command that rendered this film was stopped.")
