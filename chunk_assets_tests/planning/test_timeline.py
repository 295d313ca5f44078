"""The timeline: which frames of the film each chunk is."""

import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.planning.joins import Join
from chunk_assets.planning.timeline import (
    Slot,
    beats_of_slots,
    build_chunk_specs,
    plan_joins,
    plan_slots,
)
from chunk_assets.schemas import MAX_BEATS, ChunkSpec, FilmSpec, read_animatic, read_film_spec
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


def test_a_beat_too_short_for_a_chunk_is_not_shown():
    """A beat of 0.4 s between two long ones covers most of no slot."""
    lengths = {"a": 3.8, "flash": 0.4, "c": 3.8}
    beats = [{"name": n, "duration": d, "prompt_template": "x"} for n, d in lengths.items()]
    animatic = read_animatic(manifest(duration=8, beats=beats, transitions=None))
    shown = beats_of_slots(animatic, plan_slots(animatic))
    assert {animatic.beats[number].name for number in shown} == {"a", "c"}


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


def bare(**changes: Any) -> dict[str, Any]:
    """A spec with what is required and nothing else."""
    beats = [{"name": name, "duration": 15, "prompt_template": f"A lamp, {name}."} for name in "ab"]
    return {"duration": 30, "beats": beats, **changes}


def test_a_spec_needs_no_names_of_files():
    """Other phases give URLs: duration and beats are enough, as JSON or Python has them."""
    planned = build_chunk_specs("film", bare(), ["u0", "u1"], REFERENCES)
    assert [spec.animatic_frame_url for spec in planned] == ["u0"] * 8 + ["u1"] * 7
    assert planned[0].product_reference_url == "s3://b/p.png"
    assert planned[0].size == (1024, 576)
    others = bare(
        frames=None,
        style_guide={"url": "s3://b/style.png"},
        audio={"tempo": "slow"},
        created=datetime(2025, 1, 1, tzinfo=UTC),
        transitions=({"type": "fade", "duration": 0.5},),
    )
    planned = build_chunk_specs("film", MappingProxyType(others), ("u0", "u1"), {})
    assert len(planned) == 15


@pytest.mark.parametrize("frames", [None, [], ["/not/looked/at.png"], 7])
def test_the_specs_own_frames_are_not_looked_at(frames: object):
    """Where the pictures are, the URLs say."""
    assert len(build_chunk_specs("film", bare(frames=frames), ["u0", "u1"])) == 15


def test_a_missing_key_is_named():
    """Whichever is missing, at whatever place."""
    for key in ("duration", "beats"):
        spec = bare()
        del spec[key]
        with pytest.raises(SpecError, match=f"the spec: {key} is missing"):
            build_chunk_specs("film", spec, ["u0", "u1"])
    for key in ("name", "duration", "prompt_template"):
        spec = bare()
        del spec["beats"][1][key]
        with pytest.raises(SpecError, match=rf"the spec: beats\.1\.{key} is missing"):
            build_chunk_specs("film", spec, ["u0", "u1"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((None, ["u0", "u1"]), "this is None: it must be an object"),
        (([], ["u0", "u1"]), "this is []: it must be an object"),
        ((bare(), "s3://b/a.png"), "animatic_urls is 's3://b/a.png': it must be a list of URLs"),
        ((bare(), None), "animatic_urls is None"),
        ((bare(), ["u0", None]), "animatic_urls has None at 1"),
        ((bare(), ["u0", ""]), "animatic_urls has '' at 1"),
        ((bare(), ["u0", "u1"], ["s3://b/style.png"]), "reference_urls is ['s3://b/style.png']"),
        ((bare(), ["u0", "u1"], {"style_guide_url": 7}), "reference_urls has 7 as style_guide_url"),
        ((bare(), ["u0", "u1"], {7: "u"}), "the unknown name 7"),
    ],
)
def test_arguments_that_cannot_be_used(arguments: tuple[Any, ...], said: str):
    """One sentence with the argument, its value and what it must be."""
    with pytest.raises(SpecError) as caught:
        build_chunk_specs("film", *arguments)
    assert said in str(caught.value)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_slot_that_is_no_length(seconds: float):
    """NaN, infinity, nothing and less."""
    with pytest.raises(SpecError, match="slot"):
        build_chunk_specs("film", bare(), ["u0", "u1"], slot_seconds=seconds)


def test_a_beat_with_a_value_that_json_has_not():
    """Beats are stored on S3 as JSON."""
    spec = bare()
    spec["beats"][0]["own"] = object()
    with pytest.raises(SpecError, match="beat 'a' has a value that JSON cannot hold"):
        build_chunk_specs("film", spec, ["u0", "u1"])


def many(beats: int, duration: float = 3600) -> dict[str, Any]:
    """A film of equal beats."""
    return {
        "duration": duration,
        "beats": [
            {"name": f"b{n}", "duration": duration / beats, "prompt_template": "{beat_name}"}
            for n in range(beats)
        ],
    }


def test_more_beats_than_seconds_of_the_longest_film_are_refused():
    """3,600 are planned; 20,000 are counted and refused."""
    assert len(build_chunk_specs("film", many(MAX_BEATS), ["u"] * MAX_BEATS)) == 1800
    with pytest.raises(SpecError, match=r"beats has 20000 items; the limit is 3600"):
        build_chunk_specs("film", many(20_000), ["u"] * 20_000)


def lines_executed(function: Callable[[], object]) -> int:
    """Count the lines of Python that a call executes; unlike a time, the same on any machine."""
    lines = 0

    def count(_frame: object, event: str, _argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        function()
    finally:
        sys.settrace(before)
    return lines


def test_planning_takes_work_in_proportion():
    """Ten times the chunks and beats take ten times the work, not a hundred times."""

    def work(beats: int, duration: float, slot: float) -> int:
        spec, urls = many(beats, duration), ["u"] * beats
        film = read_film_spec(spec)

        def plan() -> None:
            planned = build_chunk_specs("film", spec, urls, slot_seconds=slot, overlap_seconds=0)
            plan_joins(film, planned)

        return lines_executed(plan)

    assert work(1000, 360, 0.36) < 12 * work(100, 36, 0.36)


def test_the_beat_of_a_slot_is_what_a_search_of_all_beats_finds():
    """The sweep over beats and slots chooses as a comparison of every pair does."""
    rng = random.Random(3)
    for _ in range(50):
        lengths = [rng.choice([0.04, 0.3, 1, 2.5, 7]) for _ in range(rng.randint(1, 12))]
        film = read_film_spec(
            {
                "duration": sum(lengths),
                "beats": [
                    {"name": str(n), "duration": length, "prompt_template": "x"}
                    for n, length in enumerate(lengths)
                ],
            }
        )
        slots = plan_slots(film, slot_seconds=rng.choice([0.1, 0.5, 2.0]), overlap_seconds=0)

        def covered(slot: Slot, number: int, film: FilmSpec = film) -> int:
            beat = film.beats[number]
            start = beat.start or 0.0
            first, last = round(start * film.fps), round((start + beat.duration) * film.fps)
            return min(last, slot.end) - max(first, slot.start)

        expected = [
            max(range(len(lengths)), key=lambda number, slot=slot: covered(slot, number))
            for slot in slots
        ]
        assert beats_of_slots(film, slots) == expected
