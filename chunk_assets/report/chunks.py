"""The contents of the film page for each chunk."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from chunk_assets.checks.results import stored_results
from chunk_assets.errors import StorageError
from chunk_assets.film.bill import Bill
from chunk_assets.film.chunk_states import ChunkState, chunk_states
from chunk_assets.film.objects import FilmObjects, animatic_file_at
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.records import ClipRecord
from chunk_assets.report.media import Medium, Shares, clip, picture
from chunk_assets.report.takes import TakesView, TakeViews
from chunk_assets.report.words import MAX_SENTENCE, Check, cut, moment, money
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.objects import ObjectRef
from chunk_assets.storage.store import ObjectStore

NOT_RENDERED = "not rendered yet"
NOT_CHECKED = "not checked yet"

STATE_NAMES = {"fresh": "up to date", "stale": "out of date", "missing": "missing"}


@dataclass(frozen=True)
class ChunkView:
    """The contents of the page for one chunk; texts are truncated, but not yet escaped.

    Attributes:
        number: The chunk's number, such as `03`.
        label: A text alternative for its pictures: chunk, beat and action.
        when: Its slot in the film.
        opens: Action, shot type and camera movement of the beat if the chunk is its first.
        state: "fresh", "stale" or "missing".
        media: Animatic frame, composite, clip and last frame, by caption.
        facts: Model, seed, take, cost and so on, by name.
        uris: The S3 URIs of its objects.
        checks: The results of the checks.
        checks_note: Why there are no results.
        takes: Its takes.
    """

    number: str
    label: str
    beat: str
    when: str
    opens: Mapping[str, str] | None
    state: str
    reason: str
    media: Mapping[str, Medium]
    prompt: str
    facts: Mapping[str, str]
    uris: list[str]
    checks: list[Check] = field(default_factory=list)
    checks_note: str = ""
    takes: TakesView = field(default_factory=TakesView)

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(check.mark == "passed" for check in self.checks)

    @property
    def unpassed(self) -> list[Check]:
        """The checks that did not pass: those that failed, then those that were skipped."""
        marks = ("failed", "skipped")
        return [check for mark in marks for check in self.checks if check.mark == mark]


def chunk_state(plan: FilmPlan, store: ObjectStore, spec: ChunkSpec) -> ChunkState:
    """Return the state of one chunk; an error about one of its objects becomes the reason.

    Raises:
        StorageError: S3 cannot be reached.
    """
    stored = FilmObjects(store, spec.video_id).clip(spec.chunk_num).head()
    try:
        return next(chunk_states(replace(plan, specs=[spec]), store))
    except StorageError as error:  # something the clip is made from is damaged
        clip = None
        with suppress(StorageError):
            clip = ClipRecord.of(stored) if stored else None
        return ChunkState(spec, "stale" if stored else "missing", str(error), clip, stored)


class ChunkViews:
    """Makes the views of a film's chunks; safe to use from several threads.

    Args:
        plan: The film.
        store: The bucket.
        directory: An existing directory for temporary files; no files are left in it.
        bill: What the film's chunks cost.
    """

    def __init__(self, plan: FilmPlan, store: ObjectStore, directory: Path, bill: Bill):
        self._plan, self._store, self._directory = plan, store, directory
        self._bill = bill
        self._shares = Shares(len(plan.specs))
        self._takes = TakeViews(store, directory, self._shares)
        self._animatic: dict[str, Medium] = {}

    def view(self, state: ChunkState) -> ChunkView:
        """Return one chunk's view."""
        spec = state.spec
        checks, note = self._checks(state)
        spent = self._bill.chunk(spec.chunk_num).spent_usd
        beat = str(spec.beat.get("name", ""))
        before = self._plan.specs[spec.chunk_num - 1].beat if spec.chunk_num else {}
        return ChunkView(
            number=f"{spec.chunk_num:02d}",
            label=label(spec, self._shares.label),
            beat=self._cut(beat),
            when=f"{spec.start_time:.1f}–{spec.start_time + spec.duration:.1f} s",
            opens=self._beat(spec) if before.get("name") != spec.beat.get("name") else None,
            state=state.state,
            reason=cut(state.reason, MAX_SENTENCE),
            media=self._media(spec),
            prompt=self._cut(spec.prompt),
            facts=_facts(state, state.clip, spent) if state.clip else {},
            uris=[ref.uri for ref in self._refs(spec)],
            checks=checks,
            checks_note=note,
            takes=self._takes.view(
                spec, state.clip.take if state.clip else None, None if note else checks
            ),
        )

    def _media(self, spec: ChunkSpec) -> dict[str, Medium]:
        composite, video, last_frame = self._refs(spec)
        path = self._directory / f"{spec.chunk_num}_clip.mp4"
        return {
            "Animatic": self._animatic_frame(spec),
            "Composite": self._picture(spec, composite, NOT_RENDERED),
            "Clip": clip(video, path, self._shares.clip, NOT_RENDERED),
            "Last frame": self._picture(spec, last_frame, NOT_RENDERED),
        }

    def _refs(self, spec: ChunkSpec) -> tuple[ObjectRef, ObjectRef, ObjectRef]:
        objects, number = FilmObjects(self._store, spec.video_id), spec.chunk_num
        return objects.composite(number), objects.clip(number), objects.last_frame(number)

    def _animatic_frame(self, spec: ChunkSpec) -> Medium:
        uri = spec.animatic_frame_url
        if uri not in self._animatic:  # the chunks of a beat share it
            ref = animatic_file_at(self._store, uri)
            self._animatic[uri] = self._picture(spec, ref, "no longer stored")
        return self._animatic[uri]

    def _picture(self, spec: ChunkSpec, ref: ObjectRef, absent: str) -> Medium:
        path = self._directory / f"{spec.chunk_num}_picture"
        return picture(ref, path, self._shares.picture_bytes, absent)

    def _checks(self, state: ChunkState) -> tuple[list[Check], str]:
        spec = state.spec
        try:
            found = stored_results(self._store, spec.video_id, spec.chunk_num, state.stored)
        except StorageError as error:
            return [], cut(str(error), MAX_SENTENCE)
        return ([], NOT_CHECKED) if found is None else ([Check.of(result) for result in found], "")

    def _beat(self, spec: ChunkSpec) -> dict[str, str]:
        names = ("action", "shot_type", "camera_movement")
        return {name: self._cut(str(spec.beat.get(name) or "")) for name in names}

    def _cut(self, text: str) -> str:
        return cut(text, self._shares.characters)


def label(spec: ChunkSpec, characters: int) -> str:
    """Return a text alternative for a chunk's pictures.

    Args:
        spec: The chunk.
        characters: The greatest length of beat and action.
    """
    parts = (str(spec.beat.get(name) or "") for name in ("name", "action"))
    return f"chunk {spec.chunk_num:02d}, {cut(': '.join(filter(None, parts)), characters)}"


def _facts(state: ChunkState, clip: ClipRecord, spent_usd: float) -> dict[str, str]:
    cost = money(clip.cost_usd)
    if spent_usd > clip.cost_usd:
        cost += f" ({money(spent_usd)} with all takes and failed attempts)"
    facts = {
        "Model": cut(clip.made_by or clip.model, MAX_SENTENCE),
        "Seed": str(clip.seed),
        "Take": str(clip.take),
        "Cost": cost,
        "Rendered in": f"{clip.seconds:.1f} s",
    }
    if accepted := state.accepted:
        by = cut(accepted.by, 100)
        facts["Accepted"] = f"by {by} on {moment(accepted.at)}, although its inputs changed"
    if clip.held_frames:
        facts["Held"] = f"the last frame, for {clip.held_frames} frames"
    if clip.speed:
        facts["Speed"] = f"{float(clip.speed):.2f} × the original's, to end on the end picture"
    if float(clip.end_held or 0) > 0:
        facts["End"] = f"the original holds its end picture for {float(clip.end_held):.2f} s"
    if clip.tone_mapped:
        facts["Colours"] = f"converted from HDR ({clip.tone_mapped}) to bt709"
    return facts
