"""One chunk as the film's page shows it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from chunk_assets.checks.results import CheckResult, stored_results
from chunk_assets.errors import StorageError
from chunk_assets.film.chunk_states import ChunkState, chunk_states
from chunk_assets.film.objects import FilmObjects, animatic_file_at
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.records import ClipRecord
from chunk_assets.report.media import Medium, Shares, clip, picture
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore

NOT_RENDERED = "not rendered yet"
NOT_LOOKED_AT = "not looked at yet"

_SENTENCE = 300  # characters of a check's or an error's sentence


@dataclass(frozen=True)
class Check:
    """One check's outcome; `mark` is "passed", "failed" or "not judged"."""

    name: str
    mark: str
    sentence: str


@dataclass(frozen=True)
class ChunkView:
    """What the page says of one chunk; texts are cut to their share, and not yet escaped.

    Attributes:
        number: As its partition has it: `03`.
        label: What it shows, for who cannot see its pictures: chunk, beat and action.
        when: Its slot in the film.
        opens: The beat's own facts where the chunk is its first, else None.
        media: Animatic frame, composite, clip, last frame, by their captions, in that order.
        facts: Seed, model, take, cost, by name.
        checks: None where nobody has looked, or `checks_said` says why they cannot be told.
        uris: Where its objects are on S3.
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
    checks_said: str = ""

    @property
    def passed(self) -> int:
        """How many checks have."""
        return sum(check.mark == "passed" for check in self.checks)

    @property
    def unpassed(self) -> list[Check]:
        """The others: those that failed, then those that were not judged."""
        return [
            check
            for mark in ("failed", "not judged")
            for check in self.checks
            if check.mark == mark
        ]


def state_of(plan: FilmPlan, store: ObjectStore, spec: ChunkSpec) -> ChunkState:
    """One chunk's state; where it cannot be told, that is its reason.

    Raises:
        StorageError: S3 cannot be reached.
    """
    stored = FilmObjects(store, spec.video_id).clip(spec.chunk_num).head()
    try:
        return next(chunk_states(replace(plan, specs=[spec]), store))
    except StorageError as error:  # something that the clip is made from is damaged
        clip = None
        with suppress(StorageError):
            clip = ClipRecord.of(stored) if stored else None
        return ChunkState(spec, "stale" if stored else "missing", str(error), clip, stored)


class ChunkViews:
    """Makes the views of a film's chunks; may be used by several threads.

    Args:
        plan: The film.
        store: Where its objects are.
        directory: An existing directory; a chunk's files are gone from it when its view is made.
    """

    def __init__(self, plan: FilmPlan, store: ObjectStore, directory: Path):
        self._plan, self._store, self._directory = plan, store, directory
        self._shares = Shares(len(plan.specs))
        self._animatic: dict[str, Medium] = {}

    def view(self, state: ChunkState) -> ChunkView:
        """One chunk's view."""
        spec = state.spec
        checks, said = self._checks(state)
        beat = str(spec.beat.get("name", ""))
        before = self._plan.specs[spec.chunk_num - 1].beat if spec.chunk_num else {}
        return ChunkView(
            number=f"{spec.chunk_num:02d}",
            label=label(spec, self._shares.label),
            beat=self._cut(beat),
            when=f"{spec.start_time:.1f}–{spec.start_time + spec.duration:.1f} s",
            opens=self._beat(spec) if before.get("name") != spec.beat.get("name") else None,
            state=state.state,
            reason=cut(state.reason, _SENTENCE),
            media=self._media(spec),
            prompt=self._cut(spec.prompt),
            facts=_facts(state.clip) if state.clip else {},
            uris=[self._store.uri(key) for key in _keys(self._store, spec).values()],
            checks=checks,
            checks_said=said,
        )

    def _media(self, spec: ChunkSpec) -> dict[str, Medium]:
        named = _keys(self._store, spec)
        return {
            "Animatic": self._animatic_frame(spec),
            "Composite": self._picture(spec, named["composite"], NOT_RENDERED),
            "Clip": clip(
                self._store,
                named["clip"],
                self._directory / f"{spec.chunk_num}_clip.mp4",
                self._shares.clip,
                NOT_RENDERED,
            ),
            "Last frame": self._picture(spec, named["last_frame"], NOT_RENDERED),
        }

    def _animatic_frame(self, spec: ChunkSpec) -> Medium:
        uri = spec.animatic_frame_url
        if uri not in self._animatic:  # the chunks of a beat share it
            key = animatic_file_at(self._store, uri).key
            self._animatic[uri] = self._picture(spec, key, "not stored any more")
        return self._animatic[uri]

    def _picture(self, spec: ChunkSpec, key: str, absent: str) -> Medium:
        path = self._directory / f"{spec.chunk_num}_picture"
        return picture(self._store, key, path, self._shares.picture_bytes, absent)

    def _checks(self, state: ChunkState) -> tuple[list[Check], str]:
        spec = state.spec
        try:
            judged = stored_results(self._store, spec.video_id, spec.chunk_num, state.stored)
        except StorageError as error:
            return [], cut(str(error), _SENTENCE)
        if judged is None:
            return [], NOT_LOOKED_AT
        return [_check(verdict) for verdict in judged], ""

    def _beat(self, spec: ChunkSpec) -> dict[str, str]:
        told = ("action", "shot_type", "camera_movement")
        return {name: self._cut(str(spec.beat.get(name) or "")) for name in told}

    def _cut(self, text: str) -> str:
        return cut(text, self._shares.characters)


def label(spec: ChunkSpec, characters: int) -> str:
    """Return what a chunk shows, for who cannot see its pictures.

    Args:
        spec: The chunk.
        characters: How long beat and action may be.
    """
    told = ": ".join(
        part for name in ("name", "action") if (part := str(spec.beat.get(name) or ""))
    )
    return f"chunk {spec.chunk_num:02d}, {cut(told, characters)}"


def cut(text: str, characters: int) -> str:
    """The text, its end left out where it has more characters."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def money(usd: float) -> str:
    """US dollars, to the cent, or further below one."""
    return f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:,.2f}"


def _keys(store: ObjectStore, spec: ChunkSpec) -> dict[str, str]:
    objects, number = FilmObjects(store, spec.video_id), spec.chunk_num
    return {
        "composite": objects.composite(number).key,
        "clip": objects.clip(number).key,
        "last_frame": objects.last_frame(number).key,
    }


def _facts(clip: ClipRecord) -> dict[str, str]:
    cost = money(clip.cost_usd)
    if clip.spent_usd > clip.cost_usd:
        cost += f" ({money(clip.spent_usd)} with earlier takes)"
    facts = {
        "Model": cut(clip.model, _SENTENCE),
        "Seed": str(clip.seed),
        "Take": str(clip.take),
        "Cost": cost,
        "Rendered in": f"{clip.seconds:.1f} s",
    }
    if clip.held_frames:
        facts["Held"] = f"the last picture, for {clip.held_frames} frames"
    if clip.tone_mapped:
        facts["Colours"] = f"converted from HDR ({clip.tone_mapped}) to bt709"
    return facts


def _check(verdict: CheckResult) -> Check:
    cause = verdict.values.get("not_judged")
    if cause is not None:
        sentence = verdict.sentence.replace(str(cause), _in_words(str(cause)))
        return Check(_in_words(verdict.check).capitalize(), "not judged", cut(sentence, _SENTENCE))
    return Check(
        name=_in_words(verdict.check).capitalize(),
        mark="passed" if verdict.passed else "failed",
        sentence=cut(verdict.sentence, _SENTENCE),
    )


def _in_words(check: str) -> str:
    return check.replace("_", " ")
