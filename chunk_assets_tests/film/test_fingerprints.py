"""Fingerprints decide what is rendered again: they must not change for stored films."""

from chunk_assets.film.fingerprints import Weights, clip_fingerprint, composite_fingerprint
from chunk_assets.frame_rate import FrameRate
from chunk_assets.schemas import ChunkSpec

SPEC = ChunkSpec(
    video_id="spot",
    chunk_num=3,
    start_time=6.0,
    duration=2.0,
    beat={"name": "logo"},
    animatic_frame_url="s3://chunk-assets/a.png",
    style_guide_url="s3://chunk-assets/s.png",
    prompt="A logo.",
    fps=FrameRate(25),
    num_frames=62,
    overlap_frames=12,
    keyframes=(12, 50),
    size=(640, 360),
    camera_movement="pan left",
    animatic_frame_version="v1",
)


def test_fingerprints_do_not_change():
    """Other values than the first release's would have every stored film rendered again."""
    assert composite_fingerprint(SPEC, "p1", Weights()) == (
        "7e309afaac1fd03eb45a42097718cafb0e7672bcb593c85ed32cb6bcdf53cf86"
    )
    assert clip_fingerprint(SPEC, "c1", "preview", "2") == (
        "ca102a21c23fe09d0bab93120a781ee118c12b6c667abba73f8b75796ba16106"
    )


def test_a_key_picture_has_no_weights_and_an_end_picture_is_part_of_the_clip():
    """A key picture is not blended; another end picture has the clip rendered again."""
    is_key = {"has_key_picture": True, "is_unblended": True}
    key = SPEC.model_copy(update=is_key)
    other = SPEC.model_copy(update={**is_key, "style_guide_url": None})
    assert composite_fingerprint(key, None, Weights()) != composite_fingerprint(
        SPEC, None, Weights()
    )
    assert composite_fingerprint(key, None, Weights(0.5, 0.5)) == composite_fingerprint(
        other, None, Weights()
    )
    end = {"end_frame_url": "s3://chunk-assets/b.png", "end_frame_version": "v2"}
    ends = SPEC.model_copy(update=end)
    redrawn = SPEC.model_copy(update={**end, "end_frame_version": "v3"})
    prints = {clip_fingerprint(spec, "c1", "preview", "2") for spec in (SPEC, ends, redrawn)}
    assert len(prints) == 3


def test_specs_without_key_pictures_are_stored_as_before():
    """The fields of continuity `keyframes` are left out: Dagster sees no new version of a spec."""
    stored = SPEC.model_dump_json()
    assert "key_picture" not in stored
    assert "end_frame" not in stored
    assert "unblended" not in stored
    key = SPEC.model_copy(update={"has_key_picture": True, "is_unblended": True})
    assert ChunkSpec.model_validate_json(key.model_dump_json()) == key
