"""The clip stage: keeps a chunk's clip, goes back to another take, or has a new one rendered."""

from collections.abc import Iterator, Mapping
from itertools import islice

from chunk_assets.errors import Damaged, MediaError, NotStored, StorageError
from chunk_assets.film.choices import change_choices, read_choices
from chunk_assets.film.clip_damage import check_clip
from chunk_assets.film.fingerprints import chunk_seed, clip_fingerprint
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.take_records import CLIP, TAKE
from chunk_assets.film.takes import StoredTake
from chunk_assets.generation.stopping import answered
from chunk_assets.render.context import RenderContext
from chunk_assets.render.finishing_queue import FinishingQueue
from chunk_assets.render.handoff import Handoff
from chunk_assets.render.made import ChosenClip, ClipInputs, Made
from chunk_assets.render.new_take import TakeRenderer
from chunk_assets.render.prefetch import Prefetch, StoredChunk
from chunk_assets.render.seams import SeamPreparation
from chunk_assets.render.several_takes import SeveralTakes
from chunk_assets.render.takes import choose_take, keep_take, store_take
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.stored import StoredObject

SLOW_SECONDS = 2.0
"""A generator faster than this needs the processor itself: its seams are left to stitching."""


class ClipStage:
    """Makes one clip after another."""

    def __init__(
        self,
        context: RenderContext,
        finishing: FinishingQueue,
        handoff: Handoff,
        prefetch: Prefetch,
    ):
        self._context, self._finishing = context, finishing
        self._handoff, self._prefetch = handoff, prefetch
        self._seams = SeamPreparation(context)
        self._renderer = TakeRenderer(context, finishing)
        self._several = SeveralTakes(context, self._renderer)

    def make(
        self, inputs: ClipInputs, found: StoredChunk, following: int | None
    ) -> StoredObject | None:
        """Keep the chunk's clip if it is up to date; otherwise choose or render another take.

        Args:
            inputs: What the clip is made from.
            found: What is stored of the chunk.
            following: The chunk to make next, which is prefetched meanwhile.

        Returns:
            The clip that was kept; None if another take was made or chosen. Only in that case the
            last frame is passed to the handoff.
        """
        context, spec = self._context, inputs.spec
        chosen = self._chosen(found.clip)
        if context.request.accepts:
            return self._accept(inputs, found, chosen)
        is_damaged = chosen is not None and bool(context.store.damage(chosen.stored))
        model = answered(lambda: context.generator.model, stop=context.stop)
        wanted = ""
        if chosen is not None or found.takes.listed:  # a first take waits for no digest
            name = context.generator.name
            wanted = clip_fingerprint(spec, inputs.composite.version, name, model)
        is_current = chosen is not None and self._is_current(spec, chosen.record, wanted)
        intact = None if is_damaged else chosen
        if intact is not None and (is_current or self._is_accepted(spec, intact, wanted)):
            return self._keep(spec, intact, found, inputs.versions)
        if following is not None and context.locks.try_acquire(following):
            self._prefetch.start(context.plan.spec(following))
        broken = chosen.stored if chosen is not None and is_damaged else None

        def is_wanted(one: StoredTake) -> bool:
            is_current = self._is_current(spec, one.record, wanted)
            return is_current and not self._is_broken_too(spec, one, broken)

        if context.request.takes > 1 and context.request.reuse == "this_run":
            there = found.takes.all(is_wanted)
            originals = self._from_originals(inputs, found, wanted, model, intact)
            missing = max(0, context.request.takes - len(there))
            there += [keep_take(context, made).take for made in islice(originals, missing)]
            take = self._several.make(inputs, model, found.takes, there, intact)
        else:
            take = found.takes.latest(is_wanted)
            if take is not None:
                context.listener.kept(spec)
        if take is not None:
            self._choose(spec, take, found, intact, inputs.versions)
            return None
        made = next(self._from_originals(inputs, found, wanted, model, intact), None)
        if made is None:
            # A damaged clip is rendered again as the same take, with its seed.
            record = chosen.record if chosen is not None else None
            is_same = record is not None and is_damaged and is_current
            number = record.take if record and is_same else found.takes.new_numbers(1, record)[0]
            made = self._renderer.render(inputs, model, number, intact)
        self._store(made, found, following)
        return None

    def choose(self, spec: ChunkSpec, found: StoredChunk, number: int) -> None:
        """Choose a stored take, whatever it was made from.

        Raises:
            NotStored: There is no such take, or it is damaged.
            StorageError: Another program stored the chunk's clip.
        """
        context, chunk_num = self._context, spec.chunk_num
        chosen = self._chosen(found.clip)
        if chosen is not None and context.store.damage(chosen.stored):
            chosen = None
        take = found.takes.stored(number)
        if take is None and chosen is not None and chosen.record.take == number:
            self._keep(spec, chosen, found, _inputs_of(chosen.record))
            return
        if take is None:
            raise NotStored(
                f"chunk {chunk_num} of film {spec.video_id!r} has no intact take {number}: "
                f"choose one of {self._choosable(found, chosen)}",
                video_id=spec.video_id,
                chunk_num=chunk_num,
            )
        by = context.request.by
        change_choices(context.objects, chunk_num, lambda before: before.with_choice(number, by))
        context.listener.kept(spec)
        self._choose(spec, take, found, chosen, _inputs_of(take.record))

    def _choosable(self, found: StoredChunk, chosen: ChosenClip | None) -> str:
        numbers = {number for number in found.takes.listed if found.takes.stored(number)}
        numbers |= {chosen.record.take} if chosen is not None else set()
        return ", ".join(map(str, sorted(numbers))) or "none, since nothing is rendered yet"

    def _keep(
        self,
        spec: ChunkSpec,
        chosen: ChosenClip,
        found: StoredChunk,
        inputs: Mapping[str, str | None],
    ) -> StoredObject:
        """Keep the chunk's clip."""
        self._context.listener.kept(spec)
        file = self._context.files.stored_file(spec.chunk_num, chosen.stored)
        key = found.takes.key(chosen.record.take, CLIP)
        kept = self._finishing.keep("chunk_videos", spec, chosen.stored, inputs, file, key)
        self._finishing.submit(self._seams.prepare, kept)
        return chosen.stored

    def _accept(
        self, inputs: ClipInputs, found: StoredChunk, chosen: ChosenClip | None
    ) -> StoredObject:
        """Keep the chunk's clip and record that it is accepted for these inputs.

        Raises:
            NotStored: The chunk has no intact clip.
        """
        context, spec = self._context, inputs.spec
        if chosen is None or context.store.damage(chosen.stored):
            raise NotStored(
                f"chunk {spec.chunk_num} of film {spec.video_id!r} has no intact clip to accept: "
                "render it first",
                video_id=spec.video_id,
                chunk_num=spec.chunk_num,
            )
        record = chosen.record
        wanted = clip_fingerprint(spec, inputs.composite.version, record.generator, record.model)
        if record.fingerprint != wanted:
            change_choices(
                context.objects,
                spec.chunk_num,
                lambda before: before.with_acceptance(
                    chosen.stored.sha256, wanted, context.request.by
                ),
            )
        return self._keep(spec, chosen, found, inputs.versions)

    def _choose(
        self,
        spec: ChunkSpec,
        take: StoredTake,
        found: StoredChunk,
        chosen: ChosenClip | None,
        inputs: Mapping[str, str | None],
    ) -> None:
        """Hand off a take's last frame, and have the take chosen meanwhile."""
        context = self._context
        frame = context.files.stored_picture(spec.chunk_num, take.frame)
        self._handoff.give(spec.chunk_num, frame)
        finished = self._finishing.submit(
            choose_take, context, spec, take, frame, found.takes, chosen, inputs
        )
        self._finishing.submit(self._seams.prepare, finished)

    def _store(self, made: Made, found: StoredChunk, following: int | None) -> None:
        """Hand off a new take's last frame, and have the take stored meanwhile."""
        self._handoff.give(made.inputs.spec.chunk_num, made.frame)
        if following is not None:
            self._finishing.pause()
        begin_seam = self._seams.begin if following is None else None
        finished = self._finishing.submit(store_take, self._context, made, found.takes, begin_seam)
        if following is None or made.seconds >= SLOW_SECONDS:
            self._finishing.submit(self._seams.prepare, finished)

    def _from_originals(
        self,
        inputs: ClipInputs,
        found: StoredChunk,
        wanted: str,
        model: str,
        chosen: ChosenClip | None,
    ) -> Iterator[Made]:
        """Yield clips made from stored originals, which were paid for and never became clips.

        For a damaged one the generator is asked for the same take, after all others: it may still
        have what was paid for.
        """
        spec, request = inputs.spec, self._context.request
        is_new, damaged = request.reuse == "this_run", None
        for record in found.takes.unfinished(is_new=is_new):
            has_seed = spec.seed is None or record.seed == chunk_seed(spec, record.take)
            if record.fingerprint != wanted or not has_seed:
                continue
            has_record = TAKE in found.takes.listed[record.take].objects
            try:
                yield self._renderer.from_original(
                    inputs, model, record, chosen, has_record=has_record
                )
            except Damaged as error:
                damaged = record
                self._context.listener.noticed(f"{error}; take {record.take} is left out")
            except MediaError as error:
                if not is_new or record.root_run == request.root_run:
                    raise
                self._context.listener.noticed(str(error))
        if damaged is not None:
            yield self._renderer.render(inputs, model, damaged.take, chosen)

    def _is_current(self, spec: ChunkSpec, record: ClipRecord, fingerprint: str) -> bool:
        """Return whether the request allows keeping a clip with this record."""
        if record.fingerprint != fingerprint:
            return False
        if spec.seed is not None and record.seed != chunk_seed(spec, record.take):
            return False  # the film's seed was chosen, and this clip was made with another one
        request = self._context.request
        return request.reuse == "matching" or record.root_run == request.root_run

    def _is_accepted(self, spec: ChunkSpec, chosen: ChosenClip, fingerprint: str) -> bool:
        """Return whether someone accepted the clip for these inputs, and it may be kept."""
        if self._context.request.reuse != "matching":
            return False
        choices = read_choices(self._context.objects, spec.chunk_num)
        return choices.accepts(chosen.stored.sha256, fingerprint)

    def _is_broken_too(
        self, spec: ChunkSpec, take: StoredTake, broken: StoredObject | None
    ) -> bool:
        """Return whether a take has the content of a clip that was found damaged when decoded."""
        if broken is None or take.clip.sha256 != broken.sha256:
            return False
        path = self._context.files.stored_file(spec.chunk_num, take.clip).fetch()
        try:
            check_clip(self._context.store, take.clip, path, spec)
        except Damaged:
            return True
        finally:
            path.unlink()
        return False

    def _chosen(self, stored: StoredObject | None) -> ChosenClip | None:
        """Return the chunk's clip with its record; None if it may be replaced regardless.

        Raises:
            StorageError: Another program stored the clip, and no new take was asked for.
        """
        if stored is None or stored.size == 0:
            return None
        try:
            return ChosenClip(stored, ClipRecord.of(stored))
        except StorageError:
            request = self._context.request
            if request.reuse == "this_run" and request.take is None and not request.accepts:
                return None
            raise


def _inputs_of(record: ClipRecord) -> Mapping[str, str | None]:
    """Return the inputs that a take was made from; empty where its record does not say."""
    return {"chunk_specs": record.spec, "composites": record.composite}
