"""The manifest: what is read, what is kept, what is refused and in which words."""

import json
from typing import Any

import pytest

from chunk_assets.errors import SpecError
from chunk_assets.schemas import (
    ChunkGenerationOutput,
    ChunkSpec,
    check_video_id,
    read_animatic,
)
from chunk_assets_tests.manifests import manifest


def beats(*lengths: float, **fields: Any) -> list[dict[str, Any]]:
    """Beats of these lengths, one after the other."""
    return [
        {"name": f"b{n}", "duration": length, "prompt_template": "x", **fields}
        for n, length in enumerate(lengths)
    ]


def test_the_task_lists_constructor_calls_work():
    """ChunkSpec and ChunkGenerationOutput have exactly the task list's fields."""
    spec = ChunkSpec(
        video_id="film",
        chunk_num=0,
        start_time=0.0,
        duration=2.0,
        beat={"name": "one"},
        animatic_frame_url="s3://b/one.png",
        prompt="a lamp",
    )
    assert (spec.fps, spec.num_frames, spec.size) == (24, 48, (1024, 576))
    assert spec.style_guide_url is None
    output = ChunkGenerationOutput(stitched_video_url="u", chunk_urls=["a"], total_cost=1.5)
    assert output.total_cost == 1.5


def test_unknown_fields_are_kept():
    """What the manifest says beyond the known fields is kept at every level."""
    document = manifest(agency="A", product={"name": "L", "sku": "42"})
    document["beats"][0]["mood_board"] = "b.png"
    animatic = read_animatic(document)
    assert animatic.model_dump()["agency"] == "A"
    assert animatic.product.model_dump()["sku"] == "42"
    assert animatic.beats[0].model_dump()["mood_board"] == "b.png"


def test_beats_without_start_follow_one_another():
    """A beat without a start begins where the one before ends."""
    animatic = read_animatic(manifest(beats=beats(10, 12.5, 7.5), transitions=None))
    assert [beat.start for beat in animatic.beats] == [0, 10, 22.5]


@pytest.mark.parametrize("resolution", ["1280x720", "1280 × 720", [1280, 720]])
def test_a_resolution_is_read_in_either_form(resolution: object):
    """A resolution is a string or a pair."""
    assert read_animatic(manifest(resolution=resolution)).resolution == (1280, 720)


def test_a_list_of_words_is_read_as_text():
    """A colour palette may be a list."""
    assert read_animatic(manifest()).style.color_palette == "teal, amber"


GAP = [{**b, "start": s} for b, s in zip(beats(10, 10), (0, 20), strict=True)]
OVERLAP = [{**b, "start": s} for b, s in zip(beats(10, 25), (0, 5), strict=True)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"beats": []}, "beats is empty"),
        ({"beats": GAP}, "beat 'b1' starts at 20 s and leaves a gap after beat 'b0'"),
        ({"beats": OVERLAP}, "beat 'b1' starts at 5 s and overlaps beat 'b0'"),
        ({"beats": beats(20, 20)}, "beat 'b1' ends at 40 s and so runs past the film's"),
        ({"beats": beats(20)}, "beat 'b0' ends at 20 s and so ends before the film's"),
        ({"beats": beats(30, 0)}, "beat 'b1' has the duration 0.0 s"),
        ({"beats": [*beats(15), *beats(15)]}, "two beats have the name 'b0'"),
        ({"beats": [{**beats(30)[0], "start": 3}]}, "leaves a gap after the film's start"),
        ({"duration": 0}, "duration is 0"),
        ({"duration": -1}, "duration is -1"),
        ({"duration": 3601}, "duration is 3601"),
        ({"duration": float("nan")}, "duration is nan"),
        ({"duration": float("inf")}, "duration is inf"),
        ({"duration": "long"}, "duration is 'long'"),
        ({"duration": 0.01, "beats": beats(0.01)}, "less than one frame"),
        ({"fps": 0}, "fps is 0"),
        ({"fps": 121}, "fps is 121"),
        ({"fps": 23.976}, "fps is 23.976"),
        ({"resolution": "1023x576"}, "even number of 64 to 4096"),
        ({"resolution": "32x32"}, "even number of 64 to 4096"),
        ({"resolution": "big"}, "write a resolution like '1024x576'"),
        ({"transitions": [{"type": "wipe"}] * 4}, "transitions.0.type is 'wipe'"),
        ({"transitions": [{"type": "cut"}]}, "1 transitions for 5 beats"),
        ({"transitions": [{"type": "fade", "duration": -1}] * 4}, "transitions.0.duration is -1"),
        ({"frames": []}, "frames is empty"),
        ({"frames": ["../x.png"]}, "'../x.png' cannot be used"),
        ({"frames": ["/etc/passwd"]}, "'/etc/passwd' cannot be used"),
        ({"frames": ["a\\..\\b.png"]}, "cannot be used"),
        ({"frames": ["a\n.png"]}, "cannot be used"),
        ({"style_guide": "a/../../b.png"}, "cannot be used"),
        ({"frames": "one.png"}, "frames is 'one.png'"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(changes: dict[str, Any], said: str):
    """The sentence names the manifest, the field, the value and what is allowed."""
    with pytest.raises(SpecError) as caught:
        read_animatic(manifest(**changes), where="film.json")
    message = str(caught.value)
    assert message.startswith("film.json: ")
    assert said in message
    assert "\n" not in message


def test_what_is_missing_is_named():
    """A missing field is named by its place."""
    document = manifest()
    del document["beats"][1]["prompt_template"]
    with pytest.raises(SpecError, match=r"beats\.1\.prompt_template is missing"):
        read_animatic(document)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"duration": NaN}', "\x00", "[" * 5000])
def test_what_is_not_a_manifest_is_refused(text: str):
    """Text that is not JSON, or JSON of another shape, is an error of ours."""
    with pytest.raises(SpecError):
        read_animatic(text)


def test_a_manifest_survives_its_json():
    """Reading what a manifest dumps gives the same manifest."""
    animatic = read_animatic(manifest())
    assert read_animatic(json.dumps(animatic.model_dump(mode="json"))) == animatic


@pytest.mark.parametrize("name", ["film", "a", "My_Film-2.final", "x" * 64, "2025"])
def test_plain_names_can_be_video_ids(name: str):
    """Letters, digits, '-', '_' and single dots make a video id."""
    assert check_video_id(name) == name


@pytest.mark.parametrize(
    "name", ["", "a/b", "a|b", "..", "a..b", ".a", "-a", "x" * 65, "a b", "é", "a\n", "x" * 10_000]
)
def test_other_names_cannot(name: str):
    """What could leave its key, split a partition key or hide in a log is refused, briefly."""
    with pytest.raises(SpecError, match="cannot be used") as caught:
        check_video_id(name)
    assert len(str(caught.value)) < 300
