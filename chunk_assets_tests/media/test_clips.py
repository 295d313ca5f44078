"""Clips are written frame by frame in exactly the asked format, or not at all."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from chunk_assets.errors import ChunkAssetsError, FFmpegError, MediaError, SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, ClipWriter, check, writer_graph
from chunk_assets.media.ffmpeg import arguments
from chunk_assets.media.frames import VideoInfo, probe
from chunk_assets_tests.media.media import numbers_in, take, write_clip

SIZE = (160, 96)


def write_to(path: Path, clip: ClipFormat, frames: list[np.ndarray]) -> None:
    with ClipWriter(path, clip) as writer:
        for frame in frames:
            writer.write(frame)


def test_the_whole_argument_list_of_the_writer() -> None:
    """What is asked of the encoder: one place, compared whole."""
    clip = ClipFormat(60, FrameRate(24), (1024, 576), (48, 12))
    assert arguments(writer_graph(Path("o.mp4"), clip), "ffmpeg") == [
        *["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y"],
        *["-f", "rawvideo", "-video_size", "1024x576", "-framerate", "24", "-pix_fmt", "rgb24"],
        *["-i", "pipe:0", "-filter_complex"],
        "[0:v]scale=flags=accurate_rnd+full_chroma_int+full_chroma_inp+lanczos:out_color_matrix="
        "bt709:out_h_chr_pos=128:out_range=tv:out_v_chr_pos=128[s0];[s0]setsar=1[s1];"
        "[s1]format=yuv420p[s2];[s2]setparams=color_primaries=bt709:"
        "color_trc=bt709:colorspace=bt709:range=tv[s3]",
        *["-map", "[s3]", "-f", "mp4", "-an", "-bf", "0", "-c:v", "libx264", "-crf", "13"],
        *["-force_key_frames", "expr:eq(n,12)+eq(n,48)", "-forced-idr", "1"],
        *["-fps_mode", "passthrough", "-g", "48", "-map_metadata", "-1"],
        *["-movflags", "+faststart", "-movie_timescale", "24000", "-preset", "superfast"],
        *["-profile:v", "high", "-threads", "4", "-video_track_timescale", "24000"],
        *["-x264-params", "stitchable=1:scenecut=0:open-gop=0:chromaloc=1", "file:o.mp4"],
    ]


def test_a_clip_is_what_was_asked(tmp_path: Path) -> None:
    """Every property of a written clip, measured."""
    path = write_clip(tmp_path / "a.mp4", take("coffee", 60, SIZE), 24, (12, 48))
    assert probe(path) == VideoInfo(
        frames=60,
        fps=Fraction(24),
        width=160,
        height=96,
        codec="h264",
        pix_fmt="yuv420p",
        color_space="bt709",
        color_primaries="bt709",
        color_trc="bt709",
        color_range="tv",
        duration=Fraction(5, 2),
        has_constant_rate=True,
        is_faststart=True,
        keyframes=(0, 12, 48),
    )
    assert numbers_in(path) == list(range(60))


@pytest.mark.parametrize("fps", [1, 24, 25, 30, 60, 120, 240])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_rate_and_length_is_exact(tmp_path: Path, fps: int, count: int) -> None:
    """One frame at 120 fps lasts 1/120 s, seven at 1 fps seven seconds."""
    info = probe(write_clip(tmp_path / "a.mp4", take("coffee", count, (64, 48)), fps))
    measured = (info.frames, info.fps, info.duration, info.has_constant_rate)
    assert measured == (count, fps, Fraction(count, fps), True)


@pytest.mark.parametrize("size", [(96, 160), (16, 16), (130, 50), (720, 1280)])
def test_every_shape_can_be_written(tmp_path: Path, size: tuple[int, int]) -> None:
    """Portrait, tiny and odd-sized (in blocks of 16) frames come back in their size."""
    info = probe(write_clip(tmp_path / "a.mp4", take("rocket", 2, size)))
    assert (info.width, info.height) == size


def test_writing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    """The encoder is deterministic: a clip of the same frames is the same file."""
    frames = take("chelsea", 24, SIZE)
    first = write_clip(tmp_path / "a.mp4", frames).read_bytes()
    assert write_clip(tmp_path / "b.mp4", frames).read_bytes() == first


def test_frames_need_not_be_contiguous(tmp_path: Path) -> None:
    """A view into a larger picture is written as it looks."""
    wide = [np.repeat(frame, 2, axis=1) for frame in take("coffee", 3, SIZE)]
    path = write_clip(tmp_path / "a.mp4", [frame[:, ::2] for frame in wide])
    assert numbers_in(path) == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_frames": 0}, "a clip has 0 frames: expected 1 or more"),
        ({"fps": FrameRate(241)}, "fps is 241: expected 1 to 240"),
        ({"size": (160, 97)}, "the frame size is (160, 97): expected even, 16 to 8192"),
        ({"size": (8194, 96)}, "the frame size is (8194, 96): expected even, 16 to 8192"),
        ({"keyframes": (3, 10)}, "a clip's keyframes are (3, 10): expected 0 to 9"),
        ({"keyframes": (-1,)}, "a clip's keyframes are (-1,): expected 0 to 9"),
    ],
)
def test_an_impossible_format_is_refused(changes: dict[str, object], message: str) -> None:
    """Each number is checked where it comes in."""
    good = {"num_frames": 10, "fps": FrameRate(24), "size": SIZE}
    with pytest.raises(SpecError) as caught:
        ClipFormat(**{**good, **changes})  # type: ignore[arg-type]  # the point of the test
    assert str(caught.value) == message


def test_keyframes_are_put_in_order() -> None:
    """The same cut asked for twice, in any order, is one."""
    assert ClipFormat(24, FrameRate(24), SIZE, (12, 3, 12)).keyframes == (3, 12)


WRONG = {
    "shape": (np.zeros((160, 96, 3), np.uint8), "frame 0 is uint8 (160, 96, 3): expected"),
    "type": (np.zeros((96, 160, 3)), "frame 0 is float64 (96, 160, 3): expected uint8"),
    "grey": (np.zeros((96, 160), np.uint8), "frame 0 is uint8 (96, 160): expected uint8"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_frame_is_refused_and_nothing_is_left(tmp_path: Path, kind: str) -> None:
    """Neither the clip nor a temporary file stays after a frame that does not fit."""
    frame, message = WRONG[kind]
    clip = ClipFormat(2, FrameRate(24), SIZE)
    with pytest.raises(MediaError) as caught:
        write_to(tmp_path / "a.mp4", clip, [frame])
    assert str(caught.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("given", "says"), [(2, "got 2 of 3 frames"), (4, "one more was written")])
def test_a_wrong_number_of_frames_leaves_the_old_clip(
    tmp_path: Path, given: int, says: str
) -> None:
    """Too few or too many frames are an error, and the clip that was there stays."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"the clip before")
    with pytest.raises(MediaError, match=says):
        write_to(path, ClipFormat(3, FrameRate(24), SIZE), take("coffee", given, SIZE))
    assert path.read_bytes() == b"the clip before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while frames are made ends the encoder and removes what it wrote."""

    def film() -> None:
        with ClipWriter(tmp_path / "a.mp4", ClipFormat(500, FrameRate(24), SIZE)) as writer:
            for frame in take("coffee", 100, SIZE):
                writer.write(frame)
            assert list(tmp_path.iterdir()) != []  # the encoder has begun its file
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        film()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """Nothing is started when there is nowhere to write."""
    path = tmp_path / "no" / "a.mp4"
    with pytest.raises(MediaError) as caught, ClipWriter(path, ClipFormat(1, FrameRate(24), SIZE)):
        pass
    assert str(caught.value) == f"{str(path)!r} cannot be written: its directory does not exist"
    assert not isinstance(caught.value, FFmpegError)


@pytest.mark.parametrize(
    "name", ["a:b.mp4", "-y.mp4", "100%03d.mp4", "ä ‘quoted’.mp4", "a'b,[c].mp4"]
)
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    """Characters that mean something to FFmpeg mean nothing in a file's name."""
    path = write_clip(tmp_path / name, take("coffee", 2, SIZE))
    assert numbers_in(path) == [0, 1]
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_clip_is_not_is_said_with_both_values(tmp_path: Path) -> None:
    """A clip of another plan is refused with what was measured and what is allowed."""
    path = write_clip(tmp_path / "a.mp4", take("coffee", 5, SIZE))
    with pytest.raises(ChunkAssetsError) as caught:
        check(path, ClipFormat(6, FrameRate(24), SIZE))
    assert str(caught.value) == f"{str(path)!r} has frames = 5: expected 6"
    assert (caught.value.data["measured"], caught.value.data["allowed"]) == (5, 6)
    with pytest.raises(MediaError, match=r"has no keyframe at \[2, 4\]"):
        check(path, ClipFormat(5, FrameRate(24), SIZE, (4, 2)))
