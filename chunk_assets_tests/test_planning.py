"""The timeline: which frames of the film each chunk is."""

from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.planning import beats_without_chunk, build_chunk_specs, plan_joins, plan_slots
from chunk_assets.schemas import ChunkSpec, read_animatic
from chunk_assets.video.stitching import Join
from chunk_assets_tests.manifests import manifest

REFERENCES = {"style_guide_url": "s3://b/style.png", "product_reference_url": "s3://b/p.png"}


def specs(urls: int = 5, **changes: Any) -> list[ChunkSpec]:
    """The plan of a film."""
    return build_chunk_specs(
        "film", manifest(**changes), [f"u{n}" for n in range(urls)], REFERENCES
    )


def lasting(duration: float, fps: int = 24) -> list[ChunkSpec]:
    """The plan of a film of one beat."""
    beat = {"name": "b", "duration": duration, "prompt_template": "x"}
    return specs(1, duration=duration, fps=fps, beats=[beat], transitions=None, frames=["b.png"])


def test_thirty_seconds_are_fifteen_chunks_of_two():
    """Slots of 2 s; chunk 0 has 48 frames, the others 12 more that are cross-faded."""
    planned = specs()
    assert [spec.start_time for spec in planned] == [2.0 * n for n in range(15)]
    assert {spec.duration for spec in planned} == {2.0}
    assert [spec.num_frames for spec in planned] == [48] + [60] * 14
    assert sum(spec.num_frames - spec.overlap_frames for spec in planned) == 720


def test_a_spec_says_all_that_its_chunk_needs():
    """Beat, frame, style guide, product, prompt, format and camera are on the spec."""
    spec = specs()[4]
    assert spec.beat["name"] == "problem"
    assert spec.animatic_frame_url == "u1"
    assert spec.style_guide_url == "s3://b/style.png"
    assert spec.product_reference_url == "s3://b/p.png"
    assert spec.size == (1024, 576)
    assert spec.camera_movement == "static"
    assert "Lumen One" in spec.prompt


@pytest.mark.parametrize(
    ("duration", "fps"),
    [
        (30, 24),
        (7.3, 24),
        (0.05, 24),
        (1, 1),
        (29.97, 30),
        (13.37, 25),
        (2, 120),
        (600, 24),
        (61, 7),
    ],
)
def test_slots_fill_the_film_to_the_frame(duration: float, fps: int):
    """Whatever the length and rate, the slots are exactly round(duration · fps) frames."""
    planned = lasting(duration, fps)
    assert sum(spec.slot_frames for spec in planned) == round(duration * fps)
    assert all(spec.slot_frames >= 1 for spec in planned)
    starts = [round(spec.start_time * fps) for spec in planned]
    assert starts == [round(n * 2.0 * fps) for n in range(len(planned))]


def test_boundaries_do_not_drift():
    """Slots of 1/3 s at 24 fps stay within half a frame of their exact place after 10 minutes."""
    animatic = read_animatic(
        manifest(
            duration=600,
            beats=[{**manifest()["beats"][0], "duration": 600}],
            transitions=None,
            frames=["a.png"],
        )
    )
    slots = plan_slots(animatic, slot_seconds=1 / 3, overlap_seconds=0)
    assert all(abs(slot.start - n * 8) < 0.5 for n, slot in enumerate(slots))


def test_the_last_slot_may_be_shorter():
    """7.3 s are three slots of 2 s and one of 1.3 s."""
    assert [spec.slot_frames for spec in lasting(7.3)] == [48, 48, 48, 31]


def test_a_chunk_takes_the_beat_that_covers_most_of_it():
    """A beat boundary inside a slot goes to the longer part; on a tie to the earlier beat."""
    two = [
        {"name": "a", "duration": 3.0, "prompt_template": "x"},
        {"name": "b", "duration": 5.0, "prompt_template": "x"},
    ]
    planned = specs(2, duration=8, beats=two, transitions=None)
    assert [spec.beat["name"] for spec in planned] == ["a", "a", "b", "b"]
    two[0]["duration"], two[1]["duration"] = 2.9, 5.1
    planned = specs(2, duration=8, beats=two, transitions=None)
    assert [spec.beat["name"] for spec in planned] == ["a", "b", "b", "b"]


def test_a_beat_too_short_for_a_chunk_is_told():
    """A beat of 0.4 s between two long ones is shown by no chunk."""
    lengths = {"a": 3.8, "flash": 0.4, "c": 3.8}
    beats = [{"name": n, "duration": d, "prompt_template": "x"} for n, d in lengths.items()]
    animatic = read_animatic(manifest(duration=8, beats=beats, transitions=None))
    assert [beat.name for beat in beats_without_chunk(animatic, plan_slots(animatic))] == ["flash"]


def test_frames_are_one_a_beat_or_one_a_chunk():
    """Five frames go by beat, fifteen by chunk."""
    assert [spec.animatic_frame_url for spec in specs(5)][2:4] == ["u0", "u1"]
    assert [spec.animatic_frame_url for spec in specs(15)] == [f"u{n}" for n in range(15)]


def test_any_other_count_of_frames_is_refused_with_both_counts():
    """The sentence has the counts of frames, beats and chunks."""
    with pytest.raises(SpecError, match="7 animatic frames for 5 beats and 15 chunks"):
        specs(7)


def test_references_are_optional_and_unknown_ones_refused():
    """A film without style guide is planned; a mistyped reference is not swallowed."""
    assert build_chunk_specs("f", manifest(), ["u"] * 5, None)[0].style_guide_url is None
    with pytest.raises(SpecError, match="unknown name 'style'"):
        build_chunk_specs("f", manifest(), ["u"] * 5, {"style": "x"})


def test_clips_can_be_cut_where_the_overlaps_end_and_begin():
    """Keyframes stand where the lead-in ends and where the next one's overlap begins."""
    planned = specs()
    assert planned[0].keyframes == (36,)
    assert planned[1].keyframes == (12, 48)
    assert planned[14].keyframes == (12,)


def joins(transitions: list[dict[str, Any]] | None) -> list[Join]:
    """How the film's chunks are joined."""
    animatic = read_animatic(manifest(transitions=transitions))
    return plan_joins(animatic, build_chunk_specs("f", animatic, ["u"] * 5))


def test_chunks_of_one_beat_are_cross_faded_over_the_overlap():
    """Without transitions every join is a cross-fade of 12 frames."""
    assert joins(None) == [Join("crossfade", 12)] * 14


def test_transitions_stand_where_the_beat_changes():
    """Cut, fade and dissolve are at the boundaries 2|3, 5|6, 8|9 and 11|12, and nowhere else."""
    four = [
        {"type": "cut"},
        {"type": "fade", "duration": 0.25},
        {"type": "dissolve", "duration": 0.5},
        {"type": "fade", "duration": 0},
    ]
    planned = joins(four)
    assert planned[2] == Join("cut", 0)
    assert planned[5] == Join("fade", 6)
    assert planned[8] == Join("crossfade", 12)
    assert planned[11] == Join("cut", 0)
    assert {planned[n] for n in range(14) if n not in (2, 5, 8, 11)} == {Join("crossfade", 12)}


def test_a_long_dissolve_lengthens_the_lead_in():
    """A dissolve of 1 s needs 24 frames of the next chunk before its slot; the film stays 720."""
    long = [{"type": "dissolve", "duration": 1}] * 4
    animatic = read_animatic(manifest(transitions=long))
    planned = build_chunk_specs("f", animatic, ["u"] * 5)
    assert planned[3].overlap_frames == 24
    assert planned[3].num_frames == 72
    assert planned[2].keyframes == (12, 36)
    assert plan_joins(animatic, planned)[2] == Join("crossfade", 24)
    assert sum(spec.slot_frames for spec in planned) == 720


def test_a_lead_in_never_reaches_beyond_the_slot_before():
    """A dissolve of 10 s between slots of 2 s is 2 s long."""
    long = [{"type": "dissolve", "duration": 10}] * 4
    animatic = read_animatic(manifest(transitions=long))
    assert build_chunk_specs("f", animatic, ["u"] * 5)[3].overlap_frames == 48


@pytest.mark.parametrize(("slot", "overlap"), [(0, 0), (0.01, 0), (2, -1), (2, 3)])
def test_slots_and_overlaps_that_make_no_film_are_refused(slot: float, overlap: float):
    """A slot under a frame, a negative overlap or one longer than the slot is an error."""
    with pytest.raises(SpecError):
        build_chunk_specs("f", manifest(), ["u"] * 5, slot_seconds=slot, overlap_seconds=overlap)
