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
