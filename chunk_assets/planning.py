"""From an animatic to its chunks: the timeline, the beat and the prompt of each.

The timeline is counted in frames. A film of `duration` seconds is cut into slots; slot n begins at
frame `round(n · slot · fps)`. A chunk's clip is its slot and, from chunk 1 on, a lead-in before it:
the overlap, whose frames are cross-faded with the tail of the chunk before. Thirty seconds in slots
of 2 s with 0.5 s of overlap are 15 chunks: 48 + 14 · 60 − 14 · 12 = 720 frames.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from chunk_assets.errors import SpecError
from chunk_assets.prompts import build_prompt
from chunk_assets.schemas import (
    Animatic,
    Beat,
    ChunkSpec,
    Transition,
    check_video_id,
    read_animatic,
)
from chunk_assets.video.stitching import Join

SLOT_SECONDS = 2.0
OVERLAP_SECONDS = 0.5

REFERENCE_NAMES = ("style_guide_url", "product_reference_url")


@dataclass(frozen=True)
class Slot:
    """A chunk's place in the film, in frames: `[start, end)`, and its lead-in before `start`."""

    start: int
    end: int
    lead_in: int = 0


def build_chunk_specs(
    video_id: str,
    spec: Animatic | dict[str, Any],
    animatic_urls: Sequence[str],
    reference_urls: Mapping[str, str | None] | None = None,
    *,
    slot_seconds: float = SLOT_SECONDS,
    overlap_seconds: float = OVERLAP_SECONDS,
) -> list[ChunkSpec]:
    """Plan a film.

    Args:
        video_id: The film's name.
        spec: The manifest, validated or as it was read from JSON.
        animatic_urls: Where the animatic's frames are, one a beat or one a chunk, in order.
        reference_urls: `style_guide_url` and `product_reference_url`, each optional.
        slot_seconds: How much of the film one chunk fills.
        overlap_seconds: How long neighbouring chunks are cross-faded.

    Returns:
        One spec a chunk, in order; together their slots are exactly `round(duration · fps)` frames.

    Raises:
        SpecError: The name, the manifest, a template or a count cannot be used.
    """
    check_video_id(video_id)
    animatic = spec if isinstance(spec, Animatic) else read_animatic(spec)
    references = dict(reference_urls or {})
    unknown = sorted(set(references) - set(REFERENCE_NAMES))
    if unknown:
        raise SpecError(
            f"reference_urls has the unknown name {unknown[0]!r}: "
            f"it takes {' and '.join(REFERENCE_NAMES)}"
        )
    slots = plan_slots(animatic, slot_seconds=slot_seconds, overlap_seconds=overlap_seconds)
    beats = [beat_of_slot(animatic, slot) for slot in slots]
    frame_urls = _one_url_a_slot(animatic, beats, animatic_urls)
    tails = [slot.lead_in for slot in slots[1:]] + [0]
    opening = opens_scene(animatic, beats)
    return [
        ChunkSpec(
            video_id=video_id,
            chunk_num=number,
            start_time=slot.start / animatic.fps,
            duration=(slot.end - slot.start) / animatic.fps,
            beat=animatic.beats[beat].model_dump(mode="json"),
            animatic_frame_url=frame_urls[number],
            style_guide_url=references.get("style_guide_url"),
            product_reference_url=references.get("product_reference_url"),
            prompt=build_prompt(animatic, animatic.beats[beat]),
            fps=animatic.fps,
            num_frames=slot.end - slot.start + slot.lead_in,
            overlap_frames=slot.lead_in,
            keyframes=_cutting_points(slot, tail),
            size=animatic.resolution,
            camera_movement=animatic.beats[beat].camera_movement,
            negative_prompt=animatic.negative_prompt,
            model=animatic.model,
            opens_scene=opening[number],
        )
        for number, (slot, beat, tail) in enumerate(zip(slots, beats, tails, strict=True))
    ]


def plan_slots(
    animatic: Animatic,
    *,
    slot_seconds: float = SLOT_SECONDS,
    overlap_seconds: float = OVERLAP_SECONDS,
) -> list[Slot]:
    """Cut the film into slots; the last one may be shorter.

    A slot's lead-in is the overlap, or the transition into its beat where that is longer; it never
    reaches back beyond the slot before.

    Raises:
        SpecError: A slot would be under a frame, or the overlap is negative or longer than a slot.
    """
    fps, total = animatic.fps, animatic.num_frames
    slot_frames, overlap = round(slot_seconds * fps), round(overlap_seconds * fps)
    if slot_frames < 1:
        raise SpecError(
            f"a slot of {slot_seconds} s is less than one frame at {fps} fps: "
            f"it must be at least {1 / fps:g} s"
        )
    if not 0 <= overlap <= slot_frames:
        raise SpecError(
            f"the overlap of {overlap_seconds} s must lie between 0 and the slot's {slot_seconds} s"
        )
    starts = []
    while (start := round(len(starts) * slot_seconds * fps)) < total:
        starts.append(start)
    bounds = [*starts, total]
    slots = [Slot(start, end) for start, end in pairwise(bounds)]
    beats = [beat_of_slot(animatic, slot) for slot in slots]
    planned = slots[:1]
    for number, (before, slot) in enumerate(pairwise(slots), start=1):
        wanted = max(overlap, _transition_frames(animatic, beats[number - 1], beats[number]))
        planned.append(Slot(slot.start, slot.end, min(wanted, before.end - before.start)))
    return planned


def beat_of_slot(animatic: Animatic, slot: Slot) -> int:
    """Which beat covers most of the slot; the earlier one on a tie."""

    def covered(number: int) -> int:
        beat = animatic.beats[number]
        start = beat.start or 0.0
        first, last = round(start * animatic.fps), round((start + beat.duration) * animatic.fps)
        return min(last, slot.end) - max(first, slot.start)

    return max(range(len(animatic.beats)), key=covered)


def beats_without_chunk(animatic: Animatic, slots: Sequence[Slot]) -> list[Beat]:
    """The beats that no chunk shows, since each covers less of every slot than a neighbour."""
    shown = {beat_of_slot(animatic, slot) for slot in slots}
    return [beat for number, beat in enumerate(animatic.beats) if number not in shown]


def opens_scene(animatic: Animatic, beats: Sequence[int]) -> list[bool]:
    """Which chunks open a scene, given the beat of each.

    The first one always does. With the continuity "scene" so does the first chunk of a beat that
    says so, or that follows a cut and does not say otherwise.
    """
    opening = [True]
    for before, beat in pairwise(beats):
        said = animatic.beats[beat].opens_scene
        transition = _transition_into(animatic, before, beat)
        is_cut = transition is not None and transition.type == "cut"
        is_new = beat != before and (is_cut if said is None else said)
        opening.append(animatic.continuity == "scene" and is_new)
    return opening


def plan_joins(animatic: Animatic, specs: Sequence[ChunkSpec]) -> list[Join]:
    """How each chunk follows the one before: the manifest's transition where the beat changes,
    a cross-fade of the overlap elsewhere. One join fewer than chunks.
    """
    slots = [
        Slot(round(spec.start_time * spec.fps), round((spec.start_time + spec.duration) * spec.fps))
        for spec in specs
    ]
    beats = [beat_of_slot(animatic, slot) for slot in slots]
    joins = []
    for spec, (before, beat) in zip(specs[1:], pairwise(beats), strict=True):
        transition = _transition_into(animatic, before, beat)
        frames = spec.overlap_frames
        if transition is None:
            joins.append(Join("crossfade", frames) if frames else Join("cut", 0))
            continue
        frames = min(frames, round(transition.duration * animatic.fps))
        if transition.type == "cut" or not frames:
            joins.append(Join("cut", 0))
        else:
            joins.append(Join("fade" if transition.type == "fade" else "crossfade", frames))
    return joins


def _transition_into(animatic: Animatic, before: int, beat: int) -> Transition | None:
    """The transition the manifest has for this change of beat, None where the beat goes on."""
    if beat == before or animatic.transitions is None:
        return None
    return animatic.transitions[beat - 1]


def _transition_frames(animatic: Animatic, before: int, beat: int) -> int:
    transition = _transition_into(animatic, before, beat)
    if transition is None or transition.type == "cut":
        return 0
    return round(transition.duration * animatic.fps)


def _cutting_points(slot: Slot, tail: int) -> tuple[int, ...]:
    """Frames of the clip at which stitching cuts: where the lead-in ends and the tail begins."""
    num_frames = slot.end - slot.start + slot.lead_in
    points = {slot.lead_in, num_frames - tail}
    return tuple(sorted(point for point in points if 0 < point < num_frames))


def _one_url_a_slot(animatic: Animatic, beats: Sequence[int], urls: Sequence[str]) -> list[str]:
    if len(urls) == len(beats):
        return list(urls)
    if len(urls) == len(animatic.beats):
        return [urls[beat] for beat in beats]
    raise SpecError(
        f"there are {len(urls)} animatic frames for {len(animatic.beats)} beats and "
        f"{len(beats)} chunks: give one a beat or one a chunk",
        frames=len(urls),
        beats=len(animatic.beats),
        chunks=len(beats),
    )
