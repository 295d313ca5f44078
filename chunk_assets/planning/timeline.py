"""Plan a film's chunks: the slot, the beat and the prompt of each.

Time is counted in frames. The film is divided into slots; slot n begins at frame
`round(n · slot · fps)`. From chunk 1 on, a clip has a lead-in before its slot: the overlap, which
is cross-faded with the end of the previous clip. For example, 30 s at 24 fps in slots of 2 s with
an overlap of 0.5 s are 15 chunks: 48 + 14 · 60 − 14 · 12 = 720 frames.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any

from chunk_assets.errors import SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.json_text import shown
from chunk_assets.planning.continuity import (
    ChunkPlace,
    chunk_places,
    transition_frames,
    transition_into,
)
from chunk_assets.planning.joins import Join
from chunk_assets.planning.prompts import build_prompt
from chunk_assets.schemas import (
    Beat,
    ChunkSpec,
    FilmSpec,
    check_video_id,
    read_film_spec,
)

SLOT_SECONDS = 2.0
OVERLAP_SECONDS = 0.5

REFERENCE_NAMES = ("style_guide_url", "product_reference_url")


@dataclass(frozen=True)
class Slot:
    """A chunk's frames of the film, `start` to `end` (exclusive), and the lead-in before them."""

    start: int
    end: int
    lead_in: int = 0


def build_chunk_specs(
    video_id: str,
    spec: FilmSpec | Mapping[str, Any],
    animatic_urls: Sequence[str],
    reference_urls: Mapping[str, str | None] | None = None,
    *,
    slot_seconds: float = SLOT_SECONDS,
    overlap_seconds: float = OVERLAP_SECONDS,
) -> list[ChunkSpec]:
    """Plan a film's chunks.

    Args:
        video_id: The film's name.
        spec: The film, validated or as read from JSON. Only `duration` and `beats` are required;
            file names in it are ignored.
        animatic_urls: URLs of the animatic's frames in order, one per beat or one per chunk.
        reference_urls: `style_guide_url` and `product_reference_url`, each optional.
        slot_seconds: The length of a slot.
        overlap_seconds: The length of the cross-fade between chunks.

    Returns:
        One spec per chunk, in order. Their slots have exactly `round(duration · fps)` frames.

    Raises:
        SpecError: The name, the spec, a URL, a template or a count is invalid; the error names a
            missing key.
    """
    check_video_id(video_id)
    film = spec if isinstance(spec, FilmSpec) else read_film_spec(spec)
    references = _checked_references(reference_urls)
    slots = plan_slots(film, slot_seconds=slot_seconds, overlap_seconds=overlap_seconds)
    beats = beats_of_slots(film, slots)
    frame_urls = _one_url_a_slot(film, beats, _checked_urls(animatic_urls))
    places = chunk_places(film, beats, frame_urls)
    slots = _with_key_lead_ins(film, slots, beats, places)
    shown_beats = {beat: film.beats[beat] for beat in beats}
    fields = {beat: _fields(each) for beat, each in shown_beats.items()}
    prompts = {beat: build_prompt(film, each) for beat, each in shown_beats.items()}
    tails = [slot.lead_in for slot in slots[1:]] + [0]
    is_led_into = [place.is_led_into for place in places[1:]] + [False]
    return [
        ChunkSpec(
            video_id=video_id,
            chunk_num=number,
            start_time=float(film.fps.seconds(slot.start)),
            duration=float(film.fps.seconds(slot.end - slot.start)),
            beat=fields[beat],
            animatic_frame_url=frame_urls[number],
            style_guide_url=references.get("style_guide_url"),
            product_reference_url=references.get("product_reference_url"),
            prompt=prompts[beat],
            fps=film.fps,
            num_frames=slot.end - slot.start + slot.lead_in,
            overlap_frames=slot.lead_in,
            keyframes=_cutting_points(slot, tail),
            size=film.resolution,
            camera_movement=film.beats[beat].camera_movement,
            negative_prompt=film.negative_prompt,
            model=film.model,
            opens_scene=places[number].opens_scene,
            has_key_picture=places[number].has_key_picture,
            is_unblended=places[number].is_unblended,
            end_frame_url=frame_urls[number + 1] if is_led_into[number] else None,
        )
        for number, (slot, beat, tail) in enumerate(zip(slots, beats, tails, strict=True))
    ]


def plan_slots(
    film: FilmSpec,
    *,
    slot_seconds: float = SLOT_SECONDS,
    overlap_seconds: float = OVERLAP_SECONDS,
) -> list[Slot]:
    """Divide the film into slots; the last one may be shorter.

    A slot's lead-in is the overlap, or the transition into its beat if that is longer; it is never
    longer than the previous slot.

    Raises:
        SpecError: A slot would be shorter than a frame, or the overlap is negative or longer than
            a slot.
    """
    fps, total = film.fps, film.num_frames
    if not (isfinite(slot_seconds) and isfinite(overlap_seconds)):
        raise SpecError(
            f"a slot of {slot_seconds} s with an overlap of {overlap_seconds} s cannot be planned: "
            "both must be finite"
        )
    slot_frames, overlap = fps.frames_in(slot_seconds), fps.frames_in(overlap_seconds)
    if slot_frames < 1:
        raise SpecError(
            f"a slot of {slot_seconds} s is less than one frame at {fps} fps: "
            f"it must be at least {float(1 / fps):g} s"
        )
    if not 0 <= overlap <= slot_frames:
        raise SpecError(
            f"the overlap of {overlap_seconds} s must lie between 0 and the slot's {slot_seconds} s"
        )
    starts = []
    while (start := fps.frames_in(len(starts) * slot_seconds)) < total:
        starts.append(start)
    bounds = [*starts, total]
    slots = [Slot(start, end) for start, end in pairwise(bounds)]
    beats = beats_of_slots(film, slots)
    planned = slots[:1]
    for number, (before, slot) in enumerate(pairwise(slots), start=1):
        wanted = max(overlap, transition_frames(film, beats[number - 1], beats[number]))
        planned.append(Slot(slot.start, slot.end, min(wanted, before.end - before.start)))
    return planned


def beats_of_slots(film: FilmSpec, slots: Sequence[Slot]) -> list[int]:
    """Return for each slot the number of the beat that covers most of it; on a tie the earlier one.

    Slots and beats are in order, so each beat is visited once per slot that it overlaps.
    """
    spans = [_span(beat, film.fps) for beat in film.beats]
    found, first = [], 0
    for slot in slots:
        while first < len(spans) - 1 and spans[first][1] <= slot.start:
            first += 1
        best, most = first, 0
        for number in range(first, len(spans)):
            start, end = spans[number]
            if start >= slot.end:
                break
            covered = min(end, slot.end) - max(start, slot.start)
            if covered > most:
                best, most = number, covered
        found.append(best)
    return found


def _span(beat: Beat, fps: FrameRate) -> tuple[int, int]:
    """Return the beat's first frame and the one after its last."""
    start = beat.start or 0.0
    return fps.frames_in(start), fps.frames_in(start + beat.duration)


def _with_key_lead_ins(
    film: FilmSpec, slots: Sequence[Slot], beats: Sequence[int], places: Sequence[ChunkPlace]
) -> list[Slot]:
    """Return the slots, without the overlap before key pictures.

    The chunk before ends on the picture, or is seen apart from it: there is nothing to cross-fade.
    Only the manifest's own transitions keep their length.
    """
    changed = list(slots[:1])
    for number, (slot, place) in enumerate(zip(slots[1:], places[1:], strict=True), start=1):
        lead_in = slot.lead_in
        if place.has_key_picture:
            lead_in = min(lead_in, transition_frames(film, beats[number - 1], beats[number]))
        changed.append(Slot(slot.start, slot.end, lead_in))
    return changed


def plan_joins(film: FilmSpec, specs: Sequence[ChunkSpec]) -> list[Join]:
    """Return the joins between chunks: the manifest's transition if the beat changes, otherwise a
    cross-fade of the overlap. There is one join fewer than chunks.
    """
    slots = [Slot(spec.start_frame, spec.start_frame + spec.slot_frames) for spec in specs]
    beats = beats_of_slots(film, slots)
    joins = []
    for spec, (before, beat) in zip(specs[1:], pairwise(beats), strict=True):
        transition = transition_into(film, before, beat)
        frames = spec.overlap_frames
        if transition is None:
            joins.append(Join("crossfade", frames) if frames else Join("cut", 0))
            continue
        frames = min(frames, film.fps.frames_in(transition.duration))
        if transition.type == "cut" or not frames:
            joins.append(Join("cut", 0))
        else:
            joins.append(Join("fade" if transition.type == "fade" else "crossfade", frames))
    return joins


def _cutting_points(slot: Slot, tail: int) -> tuple[int, ...]:
    """Return the frames at which stitching cuts: the end of the lead-in, the start of the tail."""
    num_frames = slot.end - slot.start + slot.lead_in
    points = {slot.lead_in, num_frames - tail}
    return tuple(sorted(point for point in points if 0 < point < num_frames))


def _one_url_a_slot(film: FilmSpec, beats: Sequence[int], urls: Sequence[str]) -> list[str]:
    if len(urls) == len(beats):
        return list(urls)
    if len(urls) == len(film.beats):
        return [urls[beat] for beat in beats]
    raise SpecError(
        f"there are {len(urls)} animatic frames for {len(film.beats)} beats and "
        f"{len(beats)} chunks: give one per beat or one per chunk",
        frames=len(urls),
        beats=len(film.beats),
        chunks=len(beats),
    )


def _checked_urls(urls: object) -> list[str]:
    if isinstance(urls, str | bytes) or not isinstance(urls, Sequence):
        raise SpecError(f"animatic_urls is {shown(urls)}: it must be a list of URLs")
    for number, url in enumerate(urls):
        if not isinstance(url, str) or not url:
            raise SpecError(f"animatic_urls has {shown(url)} at {number}: it must be a URL")
    return list(urls)


def _checked_references(references: object) -> dict[str, str | None]:
    if not isinstance(references, Mapping | None):
        raise SpecError(f"reference_urls is {shown(references)}: it must map names to URLs")
    checked = dict(references or {})
    for name, url in checked.items():
        if name not in REFERENCE_NAMES:
            allowed = " and ".join(REFERENCE_NAMES)
            raise SpecError(
                f"reference_urls has the unknown name {shown(name)}: it takes {allowed}"
            )
        if url is not None and not (isinstance(url, str) and url):
            raise SpecError(f"reference_urls has {shown(url)} as {name}: it must be a URL or None")
    return checked


def _fields(beat: Beat) -> dict[str, Any]:
    """Return the beat as JSON, including custom fields."""
    try:
        fields = beat.model_dump(mode="json")
    except (TypeError, ValueError) as error:  # pydantic's errors of serialization are ValueErrors
        raise SpecError(
            f"beat {beat.name!r} has a value that JSON cannot hold: {shown(str(error))}",
            beat=beat.name,
        ) from None
    if beat.starts_from is None:
        del fields["starts_from"]  # it is newer than the rest: stored specs keep their content
    return fields
