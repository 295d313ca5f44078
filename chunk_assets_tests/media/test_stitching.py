"""Films are the sum of their slots to the frame, and every frame is where it belongs."""

import itertools
import resource
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from chunk_assets.deployment import Deployment, configure
from chunk_assets.errors import FFmpegError, MediaError, SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.encoding import ACCURATE
from chunk_assets.media.frames import probe
from chunk_assets.media.stitching import PreparedSeam, Segment, make_seam, stitch
from chunk_assets.media.stream_signature import StreamSignature
from chunk_assets.planning.joins import Join
from chunk_assets_tests.media.media import (
    PHOTOS,
    assert_looks_like,
    film_of,
    foreign_clip,
    number_of,
    take,
    write_clip,
)

pytestmark = pytest.mark.slow

SIZE = (160, 96)


class Reel:
    """Clips on disk, with the pictures that went into them."""

    def __init__(self, directory: Path, fps: int = 24, size: tuple[int, int] = SIZE):
        self.directory, self.fps, self.size = directory, FrameRate(fps), size
        self.segments: list[Segment] = []
        self.takes: list[list[np.ndarray]] = []

    def add(self, num_frames: int, lead_in: int = 0, keyframes: tuple[int, ...] | None = None):
        """Add a clip whose frame numbers follow the last one's, with a keyframe at its cut."""
        number = len(self.segments)
        frames = take(PHOTOS[number % 4], num_frames, self.size, first=13 * number)
        path = self.directory / f"{number}.mp4"
        write_clip(path, frames, int(self.fps), (lead_in,) if keyframes is None else keyframes)
        self.segments.append(Segment(path, lead_in, num_frames))
        self.takes.append(frames)
        return self

    def stitch(self, joins: list[Join], **options):
        work = self.directory / "work"
        work.mkdir(exist_ok=True)
        info = stitch(
            self.segments,
            joins,
            self.directory / "film.mp4",
            fps=self.fps,
            size=self.size,
            workdir=work,
            **options,
        )
        assert list(work.iterdir()) == []
        return info

    def film(self, joins: list[Join]) -> list[np.ndarray]:
        """What the film shall look like: slots end to end, crossfades computed with numpy."""
        film: list[np.ndarray] = []
        for number, (segment, frames) in enumerate(zip(self.segments, self.takes, strict=True)):
            if number and joins[number - 1].kind == "crossfade":
                count = joins[number - 1].frames
                for n in range(count):
                    after = frames[segment.lead_in - count + n].astype(np.float64)
                    before = film[n - count].astype(np.float64)
                    film[n - count] = np.rint(before + (after - before) * n / count).astype(
                        np.uint8
                    )
            film.extend(frames[segment.lead_in :])
        return film

    def assert_film(self, joins: list[Join]) -> None:
        is_, expected = film_of(self.directory / "film.mp4"), self.film(joins)
        assert len(is_) == len(expected)
        for number, (frame, should) in enumerate(zip(is_, expected, strict=True)):
            assert_looks_like(frame, should, error=7, each_bias=1.8, what=f"frame {number}")


def test_a_film_is_thirty_seconds_to_the_tick(tmp_path: Path) -> None:
    """48 + 14·60 frames with 12 of overlap are 720 frames, 30.000 s, one step, from 0."""
    reel = Reel(tmp_path, size=(64, 48)).add(48).add(60, 12)
    reel.segments = [reel.segments[0], *[reel.segments[1]] * 14]
    info = reel.stitch([Join("crossfade", 12)] * 14)
    assert (info.frames, info.duration, info.fps) == (720, Fraction(30), 24)
    assert info.has_constant_rate
    assert info.is_faststart
    assert (info.codec, info.pix_fmt, info.color_space) == ("h264", "yuv420p", "bt709")
    with av.open(str(tmp_path / "film.mp4")) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert [packet.pts for packet in packets] == [1000 * n for n in range(720)]
        assert [packet.dts for packet in packets] == [packet.pts for packet in packets]
        assert container.duration == 30_000_000
        assert stream.start_time == 0


@pytest.mark.parametrize("overlap", [1, 2, 5, 12])
def test_each_frame_is_where_it_belongs(tmp_path: Path, overlap: int) -> None:
    """Bodies are the clips' own frames, and crossfades linear, from one frame of overlap up."""
    reel = Reel(tmp_path).add(20).add(32, 12).add(30, 12)
    joins = [Join("crossfade", overlap)] * 2
    reel.stitch(joins)
    reel.assert_film(joins)


def test_lead_ins_may_differ(tmp_path: Path) -> None:
    """Each clip has its own lead-in, of which a join may use a part, all, or nothing."""
    reel = Reel(tmp_path).add(12).add(24, 12).add(20, 5).add(21, 20).add(9, 0)
    joins = [Join("crossfade", 12), Join("crossfade", 3), Join("cut"), Join("cut")]
    assert reel.stitch(joins).frames == 12 + 12 + 15 + 1 + 9
    reel.assert_film(joins)


def test_cuts_copy_everything(tmp_path: Path) -> None:
    """A film of cuts holds the clips' own packets, byte for byte."""
    reel = Reel(tmp_path).add(10).add(16, 6).add(1, 0)
    reel.stitch([Join("cut")] * 2)
    reel.assert_film([Join("cut")] * 2)

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(video=0) if packet.size]

    clips = [packets(segment.path)[segment.lead_in :] for segment in reel.segments]
    assert packets(tmp_path / "film.mp4") == list(itertools.chain(*clips))


def test_a_fade_dips_to_black(tmp_path: Path) -> None:
    """Dark half-way and whole before and after, as evenly out as in; the film is no longer."""
    reel = Reel(tmp_path).add(24).add(36, 12)
    assert reel.stitch([Join("fade", 12)]).frames == 48
    film = film_of(tmp_path / "film.mp4")
    light = [float(frame.mean()) for frame in film]
    assert light[18] == 0
    assert all(after < before for before, after in pairwise(light[12:19:2]))
    assert all(after > before for before, after in pairwise(light[18:25:2]))
    assert_looks_like(film[11], reel.takes[0][11], error=7, what="before the fade")
    assert_looks_like(film[12], reel.takes[0][12], error=7, what="its first frame")
    assert_looks_like(film[24], reel.takes[1][12], error=7, what="after it")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_fade_is_a_black_frame(tmp_path: Path, count: int) -> None:
    """From one frame up there is exactly one black frame, and each frame around it is whole."""
    reel = Reel(tmp_path).add(8).add(12, 4)
    assert reel.stitch([Join("fade", count)]).frames == 16
    dark = [n for n, frame in enumerate(film_of(tmp_path / "film.mp4")) if frame.mean() < 1]
    assert dark == [8 - count + count // 2]


def test_clips_with_other_keyframes_give_the_same_film(tmp_path: Path) -> None:
    """Without a keyframe where the slot begins, the slot is encoded again to the same pictures."""
    reel = Reel(tmp_path).add(20).add(32, 12, keyframes=()).add(32, 12, keyframes=(7, 20))
    joins = [Join("crossfade", 6), Join("cut")]
    assert reel.stitch(joins).frames == 60
    reel.assert_film(joins)


def test_clips_of_another_encoder_are_encoded_again(tmp_path: Path) -> None:
    """A clip whose stream cannot follow ours (B-frames, other headers) does not break the film."""
    reel = Reel(tmp_path).add(20).add(32, 12).add(32, 12)
    tags = {"color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709"}
    scale = {"out_color_matrix": "bt709", "out_range": "tv", "flags": ACCURATE}
    foreign_clip(
        reel.segments[1].path,
        reel.takes[1],
        filters=[("scale", scale), ("setparams", {**tags, "range": "tv"})],
        **{"c:v": "libx264", "crf": 10, "bf": 3, "pix_fmt": "yuv420p", "g": 12},
    )
    joins = [Join("crossfade", 12)] * 2
    reel.stitch(joins)
    reel.assert_film(joins)


def test_one_clip_is_a_film(tmp_path: Path) -> None:
    """A film of a single frame is a film."""
    info = Reel(tmp_path).add(1).stitch([])
    assert (info.frames, info.duration) == (1, Fraction(1, 24))


@pytest.mark.parametrize(
    ("fps", "size"),
    [(1, (96, 160)), (25, (64, 64)), (30, (96, 160)), (60, (64, 64)), (120, (96, 160))],
)
def test_every_rate_and_shape(tmp_path: Path, fps: int, size: tuple[int, int]) -> None:
    """Rates from 1 to 120 and portrait films are exact as well."""
    reel = Reel(tmp_path, fps, size).add(7).add(9, 4)
    info = reel.stitch([Join("crossfade", 3)])
    assert (info.frames, info.duration, info.fps) == (12, Fraction(12, fps), fps)
    reel.assert_film([Join("crossfade", 3)])


def test_a_film_of_seven_point_three_seconds(tmp_path: Path) -> None:
    """The last slot may be shorter than the others: 175 frames at 24 fps."""
    reel = Reel(tmp_path, size=(64, 48)).add(48).add(60, 12).add(60, 12).add(43, 12)
    info = reel.stitch([Join("crossfade", 12)] * 3)
    assert (info.frames, info.duration) == (175, Fraction(175, 24))


def test_files_and_memory_do_not_grow_with_the_film(tmp_path: Path) -> None:
    """25 clips are stitched by a process that may open twenty files more than it has open."""
    reel = Reel(tmp_path, size=(64, 48)).add(4).add(6, 2)
    reel.segments = [reel.segments[0], *[reel.segments[1]] * 24]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 20, hard))
    try:
        assert reel.stitch([Join("crossfade", 2)] * 24).frames == 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_stitching_again_gives_the_same_film(tmp_path: Path) -> None:
    """The same clips make the same bytes, and the film before is replaced."""
    reel = Reel(tmp_path).add(12).add(16, 4)
    reel.stitch([Join("crossfade", 4)])
    first = (tmp_path / "film.mp4").read_bytes()
    reel.stitch([Join("crossfade", 4)])
    assert (tmp_path / "film.mp4").read_bytes() == first


def test_a_clip_of_another_plan_is_named(tmp_path: Path) -> None:
    """A clip that is too short leaves neither film nor pieces."""
    reel = Reel(tmp_path).add(12).add(16, 4)
    reel.segments[1] = Segment(reel.segments[1].path, 4, 17)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(MediaError) as caught:
        reel.stitch([Join("crossfade", 4)])
    path = str(reel.segments[1].path)
    assert str(caught.value) == f"{path!r} has frames = 16: expected 17"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "work"])
    assert list((tmp_path / "work").iterdir()) == []


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Clips, directories and joins that are not there are one sentence each."""
    reel = Reel(tmp_path).add(12).add(16, 4)
    with pytest.raises(SpecError, match="2 clips and 0 joins"):
        reel.stitch([])
    with pytest.raises(MediaError, match="cannot hold temporary files: No such file"):
        stitch(
            reel.segments,
            [Join("cut")],
            tmp_path / "film.mp4",
            fps=FrameRate(24),
            size=SIZE,
            workdir=tmp_path / "nowhere",
        )
    reel.segments[0].path.unlink()
    with pytest.raises(MediaError, match=r"there is no video '.*0.mp4'"):
        reel.stitch([Join("cut")])


def test_numbers_survive_a_film(tmp_path: Path) -> None:
    """The frames of a film of cuts carry their clips' numbers."""
    reel = Reel(tmp_path).add(10).add(14, 4)
    reel.stitch([Join("cut")])
    numbers = [number_of(frame) for frame in film_of(tmp_path / "film.mp4")]
    assert numbers == [*range(10), *range(17, 27)]


def test_a_failing_encoder_leaves_nothing(tmp_path: Path) -> None:
    """Whatever goes wrong on the way, no half film has its name and no piece stays."""
    reel = Reel(tmp_path).add(12).add(16, 4)
    configure(Deployment(ffmpeg="/bin/false"))
    with pytest.raises(FFmpegError):
        reel.stitch([Join("crossfade", 4)])
    assert not (tmp_path / "film.mp4").exists()
    assert list((tmp_path / "work").iterdir()) == []
    assert not list(tmp_path.glob(".*"))
    assert probe(reel.segments[0].path).frames == 12


def test_prepared_pieces_are_joined_without_an_encoder(tmp_path: Path) -> None:
    """Clips and seams whose signatures are recorded need no FFmpeg process."""
    reel, join = Reel(tmp_path).add(24).add(30, lead_in=6), Join("crossfade", 6)
    reel.segments = [
        replace(segment, signature=StreamSignature.of(probe(segment.path)))
        for segment in reel.segments
    ]
    seam = tmp_path / "seam.mp4"
    before, after = reel.segments
    signature = make_seam(before, after, join, seam, fps=reel.fps)
    configure(Deployment(ffmpeg="/bin/false"))
    assert reel.stitch([join], seams={1: PreparedSeam(seam, signature)}).frames == 48
